import { expect, test } from 'vitest'
import { putBack } from '../../../../src/queue/bullmq/put-back.ts'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import type { NewJob } from '../../../../src/queue/model/new-job.ts'
import { loadScript } from '../../../../src/queue/redis/load-script.ts'
import { JobControl } from '../../../../src/queue/store/cancel-and-retry.ts'
import { JobQueue } from '../../../../src/queue/store/job-queue.ts'
import { idsOf, ownQueue } from './own-queue.ts'

const sweepQueue = loadScript('maintenance/sweep-queue')

type Limits = Pick<NewJob['record'], 'concurrency' | 'rate'>

/** A queue of its own whose jobs have limits. */
async function limitedQueue() {
  const world = await ownQueue()
  const queue = new JobQueue({ client: world.redis, keys: world.keys, queues: ['io'] })
  const add = async (count: number, limits: Limits) => {
    const refs = Array.from({ length: count }, () => newJobRef('io', Date.now()))
    const createdAt = Date.now()
    await Promise.all(
      refs.map((ref) =>
        queue.add({ ref, type: 'echo', record: { tenant: '-', input: null, ...limits }, attempts: 1, createdAt }),
      ),
    )
    return idsOf(refs)
  }
  const beside = (name: string) => `${world.keys.bullPrefix('io')}:${name}`
  return { ...world, queue, add, beside }
}

const mutex = { key: 'k', limit: 1 }
const slow = { key: 'r', limit: 1, perMs: 60_000, burst: 1 }

test('a marker tells every idle worker when a job that a rate holds may start, also after a pause', async () => {
  const { redis, queue, add, fetch, bull } = await limitedQueue()
  await add(2, { rate: slow })
  expect(await fetch(2)).toHaveLength(1)
  const due = Date.now() + slow.perMs
  const wakesAt = async () => Number(await redis.zscore(bull('marker'), '1'))
  expect(Math.abs((await wakesAt()) - due)).toBeLessThan(slow.perMs / 2)
  await queue.setPaused('io', true)
  expect(await redis.exists(bull('marker'))).toBe(0)
  await queue.setPaused('io', false)
  expect(Math.abs((await wakesAt()) - due)).toBeLessThan(slow.perMs / 2)
})

test('a held job that ended otherwise is not let in, and is no member any more', async () => {
  const { redis, add, fetch, succeed, beside, bull } = await limitedQueue()
  const [, second, third] = await add(3, { concurrency: mutex })
  const [first] = await fetch(3)
  await redis.hset(`${bull('')}${second}`, 'finishedOn', Date.now())
  if (first) await succeed(first)
  const next = await fetch(3)
  expect(idsOf(next)).toEqual([third])
  for (const job of next) await succeed(job)
  expect(await redis.hgetall(beside('busy'))).toEqual({})
})

test('few jobs that have a rate and a full concurrency key are moved by one call', async () => {
  const { redis, keys, add, fetch, beside } = await limitedQueue()
  const gate = 'rate:-:r'
  await add(1, { rate: slow })
  await fetch(1)
  await add(60, { concurrency: mutex, rate: slow })
  expect(await fetch(1)).toEqual([])
  expect(await redis.zcard(keys.heldAt('io', gate))).toBe(60)
  // The rate is free, the key is full.
  await add(1, { concurrency: mutex })
  expect(await fetch(1)).toHaveLength(1)
  await redis.hdel(beside('tat'), gate)
  await redis.zadd(beside('waking'), 0, gate)
  expect(await fetch(1)).toEqual([])
  expect(await redis.zcard(keys.heldAt('io', gate))).toBeGreaterThan(45)
  expect(await redis.zcard(beside('waking'))).toBe(1)
})

test('a sweep lets one job of a key in where none runs', async () => {
  const { redis, keys, add, fetch, succeed, bull } = await limitedQueue()
  await add(20, { concurrency: mutex })
  const [first] = await fetch(20)
  if (first) await succeed(first)
  const lists = ['prioritized', 'delayed', 'wait', 'active', 'stalled', 'failed', 'completed'].map(bull)
  const names = [keys.timeLimits('io'), ...lists, keys.index('io'), keys.webhookDebts('io'), keys.labels('io')]
  await sweepQueue(redis, [...names, keys.evicted('io')], [1e9, 1e9, 200, bull(''), 0, 'io_', '', 0])
  expect(await redis.zcard(bull('prioritized'))).toBeLessThanOrEqual(2)
})

test('a canceled job lets another in where a limit from outside is all that holds them', async () => {
  const { redis, keys, queue, add, fetch, succeed, beside, bull } = await limitedQueue()
  await redis.hset(bull('meta'), 'drover.limits', 2)
  await redis.hset(beside('pins'), 'tenant:-', JSON.stringify({ limit: 1 }))
  const [, second, third] = await add(3, {})
  const [first] = await fetch(3)
  if (first) await succeed(first)
  const job = await queue.read({ queue: 'io', id: String(second) })
  if (job) await new JobControl({ redis, keys }).cancel(job, 1000, Date.now())
  expect(await redis.zrange(bull('prioritized'), '0', '-1')).toEqual([third])
})

test('a start that is put back unrun does not count for its rate', async () => {
  const { add, fetch, own, backend } = await limitedQueue()
  const ids = await add(1, { rate: slow })
  const [job] = await fetch(1)
  if (job) await putBack({ redis: own, backend }, String(job.id), job.lockToken, false)
  expect(idsOf(await fetch(1))).toEqual(ids)
})
