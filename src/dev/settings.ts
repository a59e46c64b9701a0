import { apiVariables } from '../environment/api-variables.ts'
import { workerStopMs } from '../environment/stop-time.ts'
import { workerVariables } from '../environment/worker-variables.ts'
import { EnvironmentError, readEnvironment } from '../environment.ts'

/** The settings of `npm start`, from the environment. */
export interface Settings {
  host: string
  /** 0: any free port. */
  port: number
  /** The queues of WORKER_QUEUES, or of its default, with their concurrency. */
  queues: ReadonlyMap<string, number>
  /** One worker consumes all of `queues` and no worker any other: WORKER_QUEUES is set. */
  hasFixedQueues: boolean
  /** How long a worker may take to stop, in ms. */
  workerStopMs: number
  /** Environment of the API and the workers, without what differs between them. */
  env: NodeJS.ProcessEnv
}

/** Defaults that `npm start` changes: it is for trying Drover, and Ctrl-C should not take long. */
export const startDefaults = {
  DIAGNOSTIC_JOBS: '1',
  EGRESS_ALLOW_CIDRS: '127.0.0.0/8,::1/128',
  SHUTDOWN_GRACE_MS: '8000',
  NODE_COMPILE_CACHE: 'node_modules/.cache/node',
}

/**
 * Reads the environment once, so that a mistake is reported once and before anything runs.
 *
 * @throws EnvironmentError
 */
export function readSettings(given: NodeJS.ProcessEnv, redisUrl: string): Settings {
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''))
  const isRedisGiven = set['REDIS_URL_FILE'] !== undefined
  const env: NodeJS.ProcessEnv = { ...startDefaults, ...(!isRedisGiven && { REDIS_URL: redisUrl }), ...set }
  const [api, worker] = readAll(
    () => readEnvironment(apiVariables, env),
    () => readEnvironment(workerVariables, env),
  )
  return {
    host: api.HOST,
    port: api.PORT,
    queues: worker.WORKER_QUEUES,
    hasFixedQueues: env['WORKER_QUEUES'] !== undefined,
    workerStopMs: workerStopMs(worker),
    env,
  }
}

/** Both readers report mistakes in the variables that they share; each is reported once. */
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
