import { Keys } from '../../../src/queue/redis/keys.ts'
import type { World } from '../../world.ts'
import type { Peer } from '../peer.ts'

/** What both of our roles are told. Everything that production has is on: keys, validation, events, the index. */
function droverEnv(world: World, prefix: string): Record<string, string> {
  return {
    REDIS_URL: world.redisUrl,
    KEY_PREFIX: prefix,
    DIAGNOSTIC_JOBS: '1',
    JOBS_DIR: new URL('../../jobs', import.meta.url).pathname,
    API_KEYS_FILE: world.keysFile,
    QUEUE_DEPTH_LIMIT: '10000000',
    PORT: '0',
  }
}

/** With what `npm run api` tells Node.js. */
export const startApi = (world: World, prefix: string, more: Record<string, string> = {}) =>
  world.start(
    'src/api/main.ts',
    { ...droverEnv(world, prefix), NODE_OPTIONS: '--max-semi-space-size=16', ...more },
    'ours',
  )

/** `queues` as in WORKER_QUEUES. */
export const startWorker = (world: World, prefix: string, queues: string) =>
  world.start('src/worker/main.ts', { ...droverEnv(world, prefix), WORKER_QUEUES: queues }, 'ours')

/** A submission of ours. `waitS`: waits for the end. */
export function submission(world: World, port: number, job: object, waitS?: number) {
  return {
    origin: `http://127.0.0.1:${port}`,
    path: '/v1/jobs',
    headers: { ...world.headers, ...(waitS !== undefined && { prefer: `wait=${waitS}` }) },
    body: JSON.stringify(job),
    status: waitS === undefined ? 202 : 200,
  }
}

/** Pauses or resumes a queue of ours. */
export async function hold(world: World, port: number, queue: string, held: boolean): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/queues/${queue}/${held ? 'pause' : 'resume'}`, {
    method: 'POST',
    headers: { authorization: world.headers.authorization },
  })
  if (!response.ok) throw new Error(`${queue}: ${response.status} ${await response.text()}`)
}

/** Ours. */
const drover: Peer = {
  name: 'drover',
  missing: () => undefined,
  async start(world, prefix, concurrency) {
    const api = await startApi(world, prefix)
    const worker = await startWorker(world, prefix, `io:${concurrency}`)
    const job = { type: 'echo', input: { hello: 'world' } }
    return {
      api,
      worker,
      submit: submission(world, api.port, job),
      wait: submission(world, api.port, job, 30),
      endedKey: new Keys(prefix).bull('io', 'completed'),
      hold: (held) => hold(world, api.port, 'io', held),
      stop: async () => void (await Promise.all([worker.stop(), api.stop()])),
    }
  },
}

export default drover
