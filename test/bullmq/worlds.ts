import { type JobsOptions, Queue, RedisConnection, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'
import { BatchingBackend } from '../../src/queue/bullmq/batching-backend.ts'
import { FetchedJob } from '../../src/queue/bullmq/fetched-job.ts'
import { findStalled, fromOldest } from '../../src/queue/bullmq/find-stalled.ts'
import { QueueWorker } from '../../src/queue/bullmq/queue-worker.ts'
import { Keys } from '../../src/queue/redis/keys.ts'

export const queueName = 'io'

/** What BullMQ's user holds of a job that runs. */
export type RunningJob = NonNullable<Awaited<ReturnType<Worker['getNextJob']>>>

/** A queue and a worker that is driven by hand, over BullMQ's backend or over ours, under a prefix of their own. */
export interface World {
  keys: Keys
  queue: Queue
  worker: Worker
  /** The lock's token of a job that this worker has fetched. */
  tokenOf: (job: RunningJob) => string
  /** Looks once for jobs whose worker has vanished. @returns their ids */
  lookForStalled: () => Promise<string[]>
}

const workerName = 'w'
const lockMs = 600_000
const maxCrashes = 3
const shared = { lockDuration: lockMs, maxStalledCount: maxCrashes, name: workerName, skipStalledCheck: true }

/** BullMQ as it is. */
export async function openStock(redis: Redis, prefix: string): Promise<World> {
  const keys = new Keys(prefix)
  const at = { connection: redis, prefix: keys.bullPrefix(queueName) }
  const queue = new Queue(queueName, at)
  const worker = new Worker(queueName, null, { ...at, ...shared, autorun: false })
  const lookForStalled = async () => {
    await redis.del(keys.bull(queueName, 'stalled-check'))
    return worker.getBackend().moveStalledJobsToWait()
  }
  return opened({ keys, queue, worker, tokenOf: ({ token = '' }) => token, lookForStalled })
}

/** … over our backend. Of one place, so that no job is fetched ahead: see fetch-ahead.ts. */
export async function openOurs(redis: Redis, prefix: string): Promise<World> {
  const keys = new Keys(prefix)
  const at = { connection: redis, prefix: keys.bullPrefix(queueName) }
  const connection = new RedisConnection(redis, { shared: true, blocking: false })
  const queue = new Queue(queueName, at, (name, opts) => {
    return new BatchingBackend(name, opts, { redis, connection, hints: keys.flowHints })
  })
  const worker = new QueueWorker({
    queue: queueName,
    concurrency: 1,
    redis,
    keys,
    workerName,
    lockMs,
    maxCrashes,
    process: async () => undefined,
    onUntold: () => undefined,
    putBack: async () => undefined,
  })
  const lookForStalled = async () => {
    const found = await findStalled({ redis, keys, queue: queueName, looker: 'test', maxCrashes }, fromOldest, 1000)
    return typeof found === 'number' ? [] : found.ids
  }
  const tokenOf = (job: RunningJob) => (job instanceof FetchedJob ? job.lockToken : '')
  return opened({ keys, queue, worker, tokenOf, lookForStalled })
}

async function opened<W extends { queue: Queue; worker: Worker }>(world: W): Promise<W> {
  onTestFinished(async () => {
    await world.worker.close()
    await world.queue.close()
  })
  await Promise.all([world.queue.waitUntilReady(), world.worker.waitUntilReady()])
  return world
}

/** One job as a producer adds it. */
export interface Added {
  name: string
  data: unknown
  opts: JobsOptions
}
