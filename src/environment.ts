import type { z } from 'zod'
import { readSecretFiles } from './environment/secrets.ts'

/** The environment is invalid. `message` has one line per mistake, and each line names the variable. */
export class EnvironmentError extends Error {
  constructor(mistakes: string[]) {
    super(mistakes.join('\n'))
    this.name = 'EnvironmentError'
  }
}

/**
 * Reads the variables of `schema` from `env`. A variable that is empty counts as unset. A secret may come from a file.
 *
 * @throws EnvironmentError
 */
export function readEnvironment<S extends z.ZodObject>(schema: S, env: NodeJS.ProcessEnv): z.output<S> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const { env: set, sources, mistakes } = readSecretFiles(given)
  const parsed = schema.safeParse(set)
  if (parsed.success && mistakes.length === 0) return parsed.data
  const issues = parsed.error?.issues ?? []
  for (const { path, message, code, input } of issues) {
    const name = String(path[0])
    const isMissing = code === 'invalid_type' && input === undefined && set[name] === undefined
    // The mistake about its file is enough.
    if (isMissing && sources.has(name)) continue
    mistakes.push(`${[sources.get(name) ?? name, ...path.slice(1)].join('.')}: ${isMissing ? 'is required' : message}`)
  }
  throw new EnvironmentError(mistakes)
}

/**
 * The error to throw when a server could not listen: an EnvironmentError that names `port`, or `host` if the address is the
 * reason. Any other error is returned unchanged.
 */
export function listenMistake(error: unknown, { host = 'HOST', port = 'PORT' } = {}): unknown {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return error
  const isPort = error.code === 'EADDRINUSE' || error.code === 'EACCES'
  return new EnvironmentError([`${isPort ? port : host}: ${error.message}`])
}
