import type { CommandContext } from '@stricli/core'
import { contextsPath, readContexts, writeContexts } from '../client/contexts.ts'
import { reporting } from '../command-failure.ts'
import { usage } from '../flags.ts'
import { type FormatFlags, writeRows } from '../output.ts'

const fields = ['name', 'url', 'key', 'current'] as const

/** Lists the contexts, without their keys. */
export async function listContexts(this: CommandContext, flags: FormatFlags): Promise<Error | undefined> {
  return reporting(async () => {
    const { current, contexts } = await readContexts(contextsPath(process.env))
    const rows = Array.from(contexts, ([name, { url, key }]) => ({
      name,
      url,
      key: key === undefined ? 'none' : 'stored',
      current: name === current ? 'yes' : '',
    }))
    writeRows(this, flags, fields, rows)
  })(flags)
}

/** Makes a context the current one. */
export const useContext = reporting(async (_: object, name: string): Promise<void> => {
  const path = contextsPath(process.env)
  const { contexts } = await readContexts(path)
  if (!contexts.has(name)) usage(`there is no context "${name}"`)
  await writeContexts(path, { current: name, contexts })
})

/** Removes a context with its key. */
export const removeContext = reporting(async (_: object, name: string): Promise<void> => {
  const path = contextsPath(process.env)
  const { current, contexts } = await readContexts(path)
  const left = new Map(contexts)
  if (!left.delete(name)) usage(`there is no context "${name}"`)
  await writeContexts(path, { current: current === name ? undefined : current, contexts: left })
})
