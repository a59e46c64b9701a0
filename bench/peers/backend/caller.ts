/** A program on BullMQ's Queue and Worker over one backend, ours or stock: adds, and drains what it has added. */
import { type BackendFactory, createRedisBackend, type Job, Queue, type RedisQueueBackend, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { answerParent } from '../../remote.ts'

const { REDIS_URL: url = '', KEY_PREFIX: prefix = '', BACKEND: backend = 'stock' } = process.env
// A baseline must not need what it is compared with.
const ours = backend === 'ours' ? await import('../../../src/queue/bullmq/batching-backend.ts') : undefined
const factory: BackendFactory<RedisQueueBackend> = ours?.createBatchingBackend ?? createRedisBackend
const data = { to: 'someone@example.com', subject: 'hello', body: 'x'.repeat(100) }
const bulkSize = 1000

const connect = () => new Redis(url, { maxRetriesPerRequest: null })
const queue = new Queue('jobs', { connection: connect(), prefix }, factory)
const worker = { running: undefined as Worker | undefined, drained: Promise.resolve() }

async function addInBulk(count: number): Promise<void> {
  for (let left = count; left > 0; left -= bulkSize)
    await queue.addBulk(Array.from({ length: Math.min(left, bulkSize) }, () => ({ name: 'mail', data })))
}

/** Jobs per second, and what this process computed for one, in µs of a core. */
async function measured(count: number, act: () => Promise<unknown>): Promise<{ perS: number; processUs: number }> {
  const before = process.cpuUsage()
  const from = performance.now()
  await act()
  const tookMs = performance.now() - from
  const { user, system } = process.cpuUsage(before)
  return { perS: (count * 1000) / tookMs, processUs: (user + system) / count }
}

const methods = {
  /** Adds `count` jobs one by one, with `wide` adds under way at once. */
  add({ count, wide }: { count: number; wide: number }) {
    let left = count
    const addNext = async () => {
      while (left-- > 0) await queue.add('mail', data)
    }
    return measured(count, () => Promise.all(Array.from({ length: wide }, addNext)))
  },
  /** Adds `count` jobs, a thousand by each call. */
  addBulk: ({ count }: { count: number }) => measured(count, () => addInBulk(count)),
  /** Fills the queue and opens a worker that does not yet run. A job takes `ms`; 0: its processor is empty. */
  async prepareDrain({ count, concurrency, ms }: { count: number; concurrency: number; ms: number }) {
    await addInBulk(count)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const sleep = () => new Promise((wake) => setTimeout(wake, ms))
    const process = ms > 0 ? sleep : async () => undefined
    const running = new Worker('jobs', process, { connection: connect(), prefix, concurrency, autorun: false }, factory)
    let left = count
    running.on('completed', (_job: Job) => {
      if (--left === 0) resolve()
    })
    running.on('failed', (_job, error) => reject(error))
    running.on('error', reject)
    await running.waitUntilReady()
    Object.assign(worker, { running, drained: promise })
  },
  /** Drains what {@link methods.prepareDrain} has filled. */
  drain: ({ count }: { count: number }) =>
    measured(count, () => {
      void worker.running?.run()
      return worker.drained
    }),
  endDrain: async () => worker.running?.close(),
}
export type BackendCaller = typeof methods

await queue.waitUntilReady()
answerParent(methods)
console.log(JSON.stringify({ msg: 'ready' }))
process.on('SIGTERM', () => process.exit())
