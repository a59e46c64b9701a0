import { isPackage, modulePath } from '../module-path.ts'
import { freePorts, tryPort } from './free-ports.ts'
import { type JobType, readJobTypes } from './job-types.ts'
import { type LocalRedis, planLocalRedis } from './local-redis.ts'
import type { Project } from './project.ts'
import { hasCode } from './running.ts'
import { readSettings } from './settings.ts'
import { workerQueues } from './worker-queues.ts'

/** What will run, and where. Nothing runs yet. */
export interface Plan {
  /** Undefined if REDIS_URL is set. */
  redis: LocalRedis | undefined
  /** Its port is free. */
  api: Role
  /** The job types as their files have them at the start. */
  jobTypes: JobType[]
  /** One role for each worker that these job types need, with a free port each. */
  workersFor: (types: readonly JobType[]) => Promise<Role[]>
  /** The folder of the user's own job types, if there is one. */
  jobsDir: string | undefined
  /** The environment of the API and the workers, without what differs between them. */
  env: NodeJS.ProcessEnv
  /** How long a worker may take to stop, in ms. */
  workerStopMs: number
  /** Where a client reaches the API. */
  url: string
}

/** A process of the API or of a worker. */
export interface Role {
  name: string
  /** WORKER_QUEUES of a worker. */
  queues?: string
  /** Its main module. */
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
 * @throws CannotStartError if a port is taken, a job file is broken, or no Redis can be started
 */
export async function makePlan({ folder, dataDir }: Project, given: NodeJS.ProcessEnv): Promise<Plan> {
  const [redisPort = 0] = await freePorts(1)
  const settings = readSettings(given, `redis://127.0.0.1:${redisPort}`)
  const { host, port, workerStopMs, env } = settings
  const apiPort = await claim(port, host)
  const url = `http://${reachable(host)}:${apiPort}`
  const jobs = await readJobTypes(folder, env)
  if (jobs.status === 'broken') throw new CannotStartError(jobs.mistakes.join('\n'))
  const redis =
    given['REDIS_URL'] || given['REDIS_URL_FILE']
      ? undefined
      : await planLocalRedis(dataDir, redisPort, given['REDIS_IMAGE'] || undefined)
  if (redis !== undefined && 'reason' in redis) throw new CannotStartError(redis.reason)

  return {
    redis,
    workerStopMs,
    url,
    env,
    jobsDir: env['JOBS_DIR'],
    jobTypes: jobs.types,
    api: {
      name: 'the API',
      file: modulePath('api/main'),
      env: { ...env, PORT: String(apiPort) },
      readyUrl: `${url}/readyz`,
    },
    async workersFor(types) {
      const workers = workerQueues(settings, types)
      const ports = await freePorts(workers.length)
      return workers.map((queues, nth) => workerRole(queues, ports[nth] ?? 0, env))
    },
  }
}

function workerRole(queues: string, port: number, env: NodeJS.ProcessEnv): Role {
  return {
    name: `the worker of ${queues}`,
    queues,
    file: modulePath('worker/main'),
    env: { ...env, WORKER_QUEUES: queues, WORKER_PORT: String(port) },
    readyUrl: `http://127.0.0.1:${port}/readyz`,
  }
}

async function claim(port: number, host: string): Promise<number> {
  try {
    return await tryPort(port, host)
  } catch (error) {
    if (hasCode(error, 'EADDRINUSE')) {
      throw new CannotStartError(
        `port ${port} of ${host} is in use: stop the process that listens there, or run PORT=3001 ${isPackage ? 'npx drover dev' : 'npm start'}`,
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
