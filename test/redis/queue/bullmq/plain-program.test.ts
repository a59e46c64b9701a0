import { type BackendFactory, createRedisBackend, type Job, Queue, type RedisQueueBackend, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { createBatchingBackend } from '../../../../src/queue/bullmq/batching-backend.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'

/** A program as BullMQ's guide writes it: nothing but its Queue and Worker, over `backend`. */
async function program(connection: Redis, prefix: string, backend: BackendFactory<RedisQueueBackend>): Promise<void> {
  const queue = new Queue('q', { connection, prefix }, backend)
  await queue.add('hello', { to: 'you' }, { jobId: 'first', attempts: 2 })
  await Promise.all([1, 2, 3].map((n) => queue.add('mail', { n }, { priority: n % 3, lifo: n === 3 })))
  await queue.addBulk([4, 5].map((n) => ({ name: 'bulk', data: { n, fails: n === 5 } })))

  const ended: string[] = []
  const { promise: all, resolve, reject } = Promise.withResolvers<void>()
  const end = (job: Job | undefined) => void (ended.push(job?.id ?? '') === 6 && resolve())
  const process = async ({ name, data }: Job) => {
    if (data.fails) throw new Error('as it was asked to')
    return { name, data }
  }
  const worker = new Worker(
    'q',
    process,
    { connection: connection.duplicate(), prefix, name: 'w', concurrency: 3 },
    backend,
  )
  worker.on('completed', end).on('failed', end).on('error', reject)
  await all
  await worker.close()
  await queue.close()
}

/** What differs between two runs of one program. */
const changing = ['processedOn', 'finishedOn', 'timestamp', 'stacktrace']

/** All keys below a prefix with what they hold, but for times, keys that come and go with time, and the order of what ran at once. */
async function stored(redis: Redis, prefix: string): Promise<Record<string, unknown>> {
  const read = async (key: string): Promise<unknown> => {
    const type = await redis.type(key)
    if (type === 'hash') {
      const { opts, ...fields } = await redis.hgetall(key)
      for (const field of changing) if (field in fields) fields[field] = 'a time'
      return { ...fields, ...(opts !== undefined && { opts: JSON.parse(opts) }) }
    }
    if (type === 'stream') return (await redis.xrange(key, '-', '+')).map(([, fields]) => fields.join(' ')).toSorted()
    if (type === 'zset') return (await redis.zrange(key, '0', '-1')).toSorted()
    if (type === 'list') return redis.lrange(key, 0, -1)
    return type === 'set' ? (await redis.smembers(key)).toSorted() : redis.get(key)
  }
  const keys = (await redis.keys(`${prefix}:*`)).filter((key) => !/:(stalled-check|marker)$/.test(key)).toSorted()
  return Object.fromEntries(await Promise.all(keys.map(async (key) => [key.slice(prefix.length), await read(key)])))
}

test('a job that our script cannot add does not overtake those that were added before', async () => {
  const connection = await redisClient('worker')
  const queue = new Queue('q', { connection, prefix: keyPrefix() }, createBatchingBackend)
  const jobs = await Promise.all([
    queue.add('first', {}),
    queue.add('second', {}),
    queue.add('third', {}, { deduplication: { id: 'once' } }),
  ])
  expect(jobs.map(({ id }) => id)).toEqual(['1', '2', '3'])
  await queue.close()
})

test('a program on BullMQ alone leaves the same over our backend as over the stock one', async () => {
  const redis = await redisClient('worker')
  const [stock, own] = [keyPrefix(), keyPrefix()]
  await program(redis, stock, createRedisBackend)
  await program(redis, own, createBatchingBackend)
  const expected = await stored(redis, stock)
  expect(Object.keys(expected)).toContain(':q:first')
  expect(await stored(redis, own)).toEqual(expected)
})
