import { access, chmod, chown, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { type KeysFile, parseKeysFile, readKeysFile } from '../../api/access/keys-file.ts'
import { EnvironmentError } from '../../environment.ts'

/**
 * Replaces a keys file by what `change` makes of it; a missing file counts as empty. An API that reads it meanwhile sees the old or the
 * new content. The file keeps its mode and owner, also when root runs this; a new one can be read by its owner alone, and if root makes it, that
 * is the owner of the folder.
 *
 * @returns what went wrong: the file cannot be read or written, or another command is changing it
 */
export async function changeKeysFile(
  path: string,
  change: (before: KeysFile) => KeysFile | Error,
): Promise<Error | undefined> {
  const next = `${path}.new`
  try {
    // Held while the file is read and replaced, so that of two commands at once neither loses its change.
    const file = await open(next, 'wx', 0o600)
    try {
      const after = change(await readKeysFile(path))
      if (after instanceof Error) {
        await rm(next)
        return after
      }
      const text = `${JSON.stringify(after, null, 2)}\n`
      parseKeysFile(text)
      await file.writeFile(text)
      await file.sync()
      await takeOver(path, next)
      await rename(next, path)
      return undefined
    } catch (error) {
      await rm(next, { force: true })
      throw error
    } finally {
      await file.close()
    }
  } catch (error) {
    return explain(error, path, next)
  }
}

/** The keys of a keys file that must exist, or what is wrong with it. */
export async function readExistingKeys(path: string): Promise<KeysFile['keys'] | Error> {
  try {
    await access(path)
    return (await readKeysFile(path)).keys
  } catch (error) {
    if (error instanceof EnvironmentError) return new Error(error.message.replace('API_KEYS_FILE', path))
    if (error instanceof Error && 'code' in error) return new Error(`${path}: cannot be read (${String(error.code)})`)
    throw error
  }
}

/** Gives `next` the mode and the owner of the file that it replaces. Only root can give a file away. */
async function takeOver(path: string, next: string): Promise<void> {
  const before = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (before !== undefined) await chmod(next, before.mode & 0o777)
  if (process.getuid?.() !== 0) return
  const { uid, gid } = before ?? (await stat(dirname(resolve(path))))
  await chown(next, uid, gid)
}

function explain(error: unknown, path: string, next: string): Error {
  if (error instanceof EnvironmentError) return new Error(error.message.replace('API_KEYS_FILE', path))
  if (!(error instanceof Error && 'code' in error)) throw error
  if (error.code === 'EEXIST')
    return new Error(`${path} is being changed by another command; if none runs, one was interrupted: remove ${next}`)
  return new Error(`${path}: cannot be written (${String(error.code)})`)
}
