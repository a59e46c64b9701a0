import { join } from 'node:path'
import { Keys } from '../../../src/queue/redis/keys.ts'
import type { World } from '../../world.ts'
import type { Peer } from '../peer.ts'

const project = join(import.meta.dirname, '../../..')

/** The environment of both roles. Everything that production has is on: keys, validation, events, the index. */
function droverEnv(world: World, prefix: string, checkout = project): Record<string, string> {
  return {
    REDIS_URL: world.redisUrl,
    KEY_PREFIX: prefix,
    DIAGNOSTIC_JOBS: '1',
    JOBS_DIR: join(checkout, 'bench/jobs'),
    API_KEYS_FILE: world.keysFile,
    QUEUE_DEPTH_LIMIT: '10000000',
    PORT: '0',
  }
}

/** Starts an API with the options of Node.js that `npm run api` has. `checkout`: of another checkout. */
export const startApi = (world: World, prefix: string, more: Record<string, string> = {}, checkout?: string) =>
  world.start(
    'src/api/main.ts',
    { ...droverEnv(world, prefix, checkout), NODE_OPTIONS: '--max-semi-space-size=16', ...more },
    { isProfiled: checkout === undefined, checkout },
  )

/** Starts a worker. `queues` as in WORKER_QUEUES. `checkout`: of another checkout. */
export const startWorker = (
  world: World,
  prefix: string,
  queues: string,
  checkout?: string,
  more: Record<string, string> = {},
) =>
  world.start(
    'src/worker/main.ts',
    { ...droverEnv(world, prefix, checkout), WORKER_QUEUES: queues, ...more },
    { isProfiled: checkout === undefined, checkout },
  )

/** A submission to Drover. With `waitS` it waits for the end of the job. */
export function submission(world: World, port: number, job: object, waitS?: number) {
  return {
    origin: `http://127.0.0.1:${port}`,
    path: '/v1/jobs',
    headers: { ...world.headers, ...(waitS !== undefined && { prefer: `wait=${waitS}` }) },
    body: JSON.stringify(job),
    status: waitS === undefined ? 202 : 200,
  }
}

/** Pauses or resumes a queue of Drover. */
export async function hold(world: World, port: number, queue: string, held: boolean): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/queues/${queue}/${held ? 'pause' : 'resume'}`, {
    method: 'POST',
    headers: { authorization: world.headers.authorization },
  })
  if (!response.ok) throw new Error(`${queue}: ${response.status} ${await response.text()}`)
}

/** Drover, from this checkout or another. */
function droverOf(name: string, checkout?: string): Peer {
  return {
    name,
    missing: () => undefined,
    async start(world, prefix, concurrency) {
      const api = await startApi(world, prefix, {}, checkout)
      const worker = await startWorker(world, prefix, `io:${concurrency}`, checkout)
      const job = { type: 'echo', input: { hello: 'world' } }
      return {
        api,
        worker,
        submit: submission(world, api.port, job),
        wait: submission(world, api.port, job, 30),
        batch: (jobs) => ({
          ...submission(world, api.port, { jobs: Array.from({ length: jobs }, () => job) }),
          path: '/v1/jobs/batch',
          status: 200,
        }),
        endedKey: new Keys(prefix).bull('io', 'completed'),
        hold: (held) => hold(world, api.port, 'io', held),
        stop: async () => void (await Promise.all([worker.stop(), api.stop()])),
      }
    },
  }
}

const drover = droverOf('drover')
export default drover

/** Drover as another checkout has it, under the name `base`. */
export const droverBase = (checkout: string): Peer => droverOf('base', checkout)
