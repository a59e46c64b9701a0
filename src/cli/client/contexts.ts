import { chmod, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { CommandFailure } from '../command-failure.ts'
import { docOf, textOf } from './document.ts'

/** A server that `drover login` has stored. */
export interface Context {
  url: string
  key: string | undefined
}

export interface Contexts {
  current: string | undefined
  contexts: ReadonlyMap<string, Context>
}

/** Where contexts are stored: XDG_CONFIG_HOME, else ~/.config. */
export function contextsPath(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'drover', 'contexts.json')
}

/**
 * Reads the contexts; none if there is no file.
 *
 * @throws CommandFailure where the file is broken, or others than its owner can read the keys in it
 */
export async function readContexts(path: string): Promise<Contexts> {
  const text = await readPrivate(path)
  if (text === undefined) return { current: undefined, contexts: new Map() }
  let stored: unknown
  try {
    stored = JSON.parse(text)
  } catch {
    throw new CommandFailure('usage', `${path} is not JSON: repair or remove it`)
  }
  const { current, contexts } = docOf(stored)
  const entries = Object.entries(docOf(contexts)).map(([name, value]): [string, Context] => {
    const { url, key } = docOf(value)
    return [name, { url: textOf(url), key: textOf(key) || undefined }]
  })
  return { current: textOf(current) || undefined, contexts: new Map(entries) }
}

/** Replaces the contexts at once. Only the owner can read the file. */
export async function writeContexts(path: string, { current, contexts }: Contexts): Promise<void> {
  const next = `${path}.${process.pid}`
  const text = `${JSON.stringify({ current, contexts: Object.fromEntries(contexts) }, null, 2)}\n`
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await writeFile(next, text, { mode: 0o600 })
    // A file that an interrupted command has left keeps its mode.
    await chmod(next, 0o600)
    await rename(next, path)
  } catch (error) {
    throw cannot('written', path, error)
  }
}

async function readPrivate(path: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(path)
    if ((mode & 0o077) !== 0) {
      throw new CommandFailure('usage', `${path} has keys, and others can read it: run chmod 600 ${path}`)
    }
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof CommandFailure) throw error
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) {
      return undefined
    }
    throw cannot('read', path, error)
  }
}

function cannot(what: string, path: string, error: unknown): CommandFailure {
  if (!(error instanceof Error && 'code' in error)) throw error
  return new CommandFailure('failed', `${path}: cannot be ${what} (${String(error.code)})`)
}
