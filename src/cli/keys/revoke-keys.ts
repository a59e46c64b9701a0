import type { CommandContext } from '@stricli/core'
import { changeKeysFile } from './change-keys-file.ts'
import { keysPath, noKeysFile } from './keys-path.ts'

/** Removes keys from the keys file: all of `ids`, or none if one is unknown. @returns what is wrong, as an Error */
export async function revokeKeys(
  this: CommandContext,
  { file }: { file?: string | undefined },
  ...ids: string[]
): Promise<Error | undefined> {
  const path = keysPath(file)
  if (path === undefined) return new Error(noKeysFile)
  const failed = await changeKeysFile(path, (before) => {
    const unknown = ids.filter((id) => !before.keys.some((key) => key.id === id))
    if (unknown.length > 0) return new Error(unknown.map((id) => `${path} has no key ${id}`).join('\n'))
    return { ...before, keys: before.keys.filter(({ id }) => !ids.includes(id)) }
  })
  if (failed !== undefined) return failed
  this.process.stderr.write(
    `Removed ${ids.join(', ')} from ${path}. APIs that use the file refuse it within a second.\n`,
  )
  return undefined
}
