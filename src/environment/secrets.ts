import { readFileSync } from 'node:fs'

/** Variables whose value is a secret. Each can come from a file: `REDIS_URL_FILE` names the file that holds `REDIS_URL`. */
const secretVariables = [
  'REDIS_URL',
  'REDIS_PASSWORD',
  'WEBHOOK_SECRETS',
  'TOKEN_SECRETS',
  'OTEL_EXPORTER_OTLP_HEADERS',
]

/** Where the value of a secret came from, as its messages name it: `REDIS_URL` or `REDIS_URL_FILE`. */
type SecretSources = ReadonlyMap<string, string>

/** Adds the secrets that are in files. A file that cannot be used is a mistake, one line each. */
export function readSecretFiles(env: NodeJS.ProcessEnv): {
  env: NodeJS.ProcessEnv
  sources: SecretSources
  mistakes: string[]
} {
  const read = { ...env }
  const sources = new Map<string, string>()
  const mistakes: string[] = []
  for (const name of secretVariables) {
    const source = `${name}_FILE`
    const path = env[source]
    if (path === undefined) continue
    sources.set(name, source)
    if (env[name] !== undefined) mistakes.push(`${source}: is set, and ${name} is set, too: set one of them`)
    else {
      try {
        read[name] = readFileSync(path, 'utf8')
          .replace(/^\ufeff/, '')
          .trim()
      } catch (error) {
        const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
        mistakes.push(`${source}: "${path}" cannot be read (${why})`)
      }
    }
  }
  return { env: read, sources, mistakes }
}

/** Removes the secrets from the environment of this process, which job code shares, except those that `kept` names. */
export function removeSecrets(env: NodeJS.ProcessEnv, kept: readonly string[]): void {
  for (const name of secretVariables) if (!kept.includes(name)) delete env[name]
}

const forJobs = ['PATH', 'HOME', 'TZ', 'LANG', 'TMPDIR']

/** The environment of threads and processes that run jobs: a few common variables, those of Node.js, and those in `names`. */
export function jobEnvironment(env: NodeJS.ProcessEnv, names: readonly string[]): NodeJS.ProcessEnv {
  const isAllowed = (name: string) => forJobs.includes(name) || name.startsWith('NODE_') || names.includes(name)
  return Object.fromEntries(Object.entries(env).filter(([name]) => isAllowed(name)))
}
