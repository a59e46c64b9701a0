import { apiVariables, EnvironmentError, readEnvironment, workerVariables } from '../environment.ts'

/** What `npm start` makes of the environment. */
export interface Settings {
  host: string
  /** 0: any. */
  port: number
  /** The WORKER_QUEUES of each worker process. */
  workers: string[]
  /** How long a stopping worker lets running jobs finish. */
  graceMs: number
  /** For the API and the workers, less what differs between them. */
  env: NodeJS.ProcessEnv
}

/** Defaults of `npm start` that differ from those of a role: it is for trying things out, and Ctrl-C should not take long. */
export const startDefaults = {
  DIAGNOSTIC_JOBS: '1',
  EGRESS_ALLOW_CIDRS: '127.0.0.0/8,::1/128',
  SHUTDOWN_GRACE_MS: '8000',
  NODE_COMPILE_CACHE: 'node_modules/.cache/node',
}

/**
 * Reads the environment once, so that a mistake is said once and before anything runs.
 *
 * @throws EnvironmentError
 */
export function readSettings(given: NodeJS.ProcessEnv, redisUrl: string): Settings {
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''))
  const env: NodeJS.ProcessEnv = { ...startDefaults, REDIS_URL: redisUrl, ...set }
  const [api, worker] = readAll(
    () => readEnvironment(apiVariables, env),
    () => readEnvironment(workerVariables, env),
  )
  const queues = env['WORKER_QUEUES']
  // Waiting and computing side by side as in production: a job that blocks its worker must not hold up the other kind.
  const apart = [...worker.WORKER_QUEUES].map(([name, atOnce]) => `${name}:${atOnce}`)
  return {
    host: api.HOST,
    port: api.PORT,
    workers: queues === undefined ? apart : [queues],
    graceMs: worker.SHUTDOWN_GRACE_MS,
    env,
  }
}

/** Both readers name the mistakes in the variables that they share; each is said once. */
function readAll<A, B>(first: () => A, second: () => B): [A, B] {
  const lines = new Set<string>()
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof EnvironmentError)) throw error
      for (const line of error.message.split('\n')) lines.add(line)
      return undefined
    }
  }
  const [a, b] = [attempt(first), attempt(second)]
  if (a === undefined || b === undefined) throw new EnvironmentError([...lines])
  return [a, b]
}
