import { join } from 'node:path'
import { freePorts, tryPort } from './free-ports.ts'
import { type LocalRedis, planLocalRedis } from './local-redis.ts'
import { hasCode } from './running.ts'
import { readSettings } from './settings.ts'

/** What will run, and where. Every port is free, and nothing runs yet. */
export interface Plan {
  /** Undefined if REDIS_URL is set. */
  redis: LocalRedis | undefined
  api: Role
  workers: Role[]
  /** How long a stopping worker lets running jobs finish. */
  graceMs: number
  /** Where a client reaches the API. */
  url: string
}

/** A process of the API or of a worker. */
export interface Role {
  name: string
  file: string
  env: NodeJS.ProcessEnv
  readyUrl: string
}

/** Something that the user has to fix first. */
export class CannotStartError extends Error {}

/**
 * Decides what `npm start` runs.
 *
 * @throws EnvironmentError if a variable is invalid
 * @throws CannotStartError if a port is taken or no Redis can be started
 */
export async function makePlan(root: string, given: NodeJS.ProcessEnv): Promise<Plan> {
  const [redisPort = 0, ...spare] = await freePorts(1 + maxWorkers)
  const { host, port, workers, graceMs, env } = readSettings(given, `redis://127.0.0.1:${redisPort}`)
  const apiPort = await claim(port, host)
  const url = `http://${reachable(host)}:${apiPort}`
  const redis =
    given['REDIS_URL'] || given['REDIS_URL_FILE']
      ? undefined
      : await planLocalRedis(join(root, 'data'), redisPort, given['REDIS_IMAGE'] || undefined)
  if (redis !== undefined && 'reason' in redis) throw new CannotStartError(redis.reason)

  return {
    redis,
    graceMs,
    url,
    api: {
      name: 'the API',
      file: 'src/api/main.ts',
      env: { ...env, PORT: String(apiPort) },
      readyUrl: `${url}/readyz`,
    },
    workers: workers.map((queues, nth) => ({
      name: `the worker of ${queues}`,
      file: 'src/worker/main.ts',
      env: { ...env, WORKER_QUEUES: queues, WORKER_PORT: String(spare[nth]) },
      readyUrl: `http://127.0.0.1:${spare[nth]}/readyz`,
    })),
  }
}

/** One worker per queue that WORKER_QUEUES names by default. */
const maxWorkers = 2

async function claim(port: number, host: string): Promise<number> {
  try {
    return await tryPort(port, host)
  } catch (error) {
    if (hasCode(error, 'EADDRINUSE')) {
      throw new CannotStartError(
        `port ${port} of ${host} is in use: stop the process that listens there, or run PORT=3001 npm start`,
      )
    }
    throw new CannotStartError(
      `cannot listen on ${host}:${port}: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

/** Clients cannot connect to an address that means "all addresses of this machine". */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
