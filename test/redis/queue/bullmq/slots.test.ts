import { expect, test } from 'vitest'
import { leaveToOthers, putBack } from '../../../../src/queue/bullmq/put-back.ts'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import type { NewJob } from '../../../../src/queue/model/new-job.ts'
import { JobControl } from '../../../../src/queue/store/cancel-and-retry.ts'
import { JobQueue } from '../../../../src/queue/store/job-queue.ts'
import { waitFor } from '../../../helpers/wait-for.ts'
import { idsOf, ownQueue, sweepOnce } from './own-queue.ts'

type Limits = Pick<NewJob['record'], 'concurrency' | 'rate'>

/** A queue of its own whose jobs have limits. */
async function limitedQueue() {
  const world = await ownQueue()
  const queue = new JobQueue({ client: world.redis, keys: world.keys, queues: ['io'] })
  const add = async (count: number, limits: Limits, type = 'echo') => {
    const refs = Array.from({ length: count }, () => newJobRef('io', Date.now()))
    const createdAt = Date.now()
    await Promise.all(
      refs.map((ref) =>
        queue.add({ ref, type, record: { tenant: '-', input: null, ...limits }, attempts: 1, createdAt }),
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

test('one call moves a part of the jobs that have a rate and a full concurrency key, and the next goes on at once', async () => {
  const { redis, keys, add, fetch, beside } = await limitedQueue()
  const gate = 'rate:-:r'
  await add(1, { rate: slow })
  await fetch(1)
  await add(100, { concurrency: mutex, rate: slow })
  expect(await fetch(1)).toEqual([])
  expect(await redis.zcard(keys.heldAt('io', gate))).toBe(64)
  expect(await fetch(1)).toEqual([])
  expect(await redis.zcard(keys.heldAt('io', gate))).toBe(100)
  // The rate is free, the key is full.
  await add(1, { concurrency: mutex })
  expect(await fetch(1)).toHaveLength(1)
  await redis.hdel(beside('tat'), gate)
  await redis.zadd(beside('waking'), 0, gate)
  expect(await fetch(1)).toEqual([])
  expect(await redis.zcard(keys.heldAt('io', gate))).toBe(36)
  expect(Number(await redis.zscore(beside('waking'), gate))).toBeLessThanOrEqual(Date.now())
  const [last] = await add(1, { rate: slow })
  expect(idsOf(await fetch(1))).toEqual([last])
  expect(await redis.zcard(keys.heldAt('io', gate))).toBe(0)
})

test('a sweep lets one job of a key in where none runs', async () => {
  const { redis, keys, add, fetch, succeed, bull } = await limitedQueue()
  await add(20, { concurrency: mutex })
  const [first] = await fetch(20)
  if (first) await succeed(first)
  await sweepOnce({ redis, keys, bull })
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

test('a start that is left to others does not count for its rate, and another starts at once', async () => {
  const { add, fetch, own, backend } = await limitedQueue()
  const [, second] = await add(2, { rate: slow })
  const [job] = await fetch(2)
  if (job) await leaveToOthers({ redis: own, backend }, String(job.id), job.lockToken, 60_000)
  expect(idsOf(await fetch(2))).toEqual([second])
})

test('behind many held jobs of a small limit one of a larger limit starts', async () => {
  const { add, fetch } = await limitedQueue()
  await add(100, { concurrency: mutex })
  const [first] = await fetch(100)
  expect(first).toBeDefined()
  await fetch(100)
  const [wide] = await add(1, { concurrency: { key: 'k', limit: 5 } })
  expect(idsOf(await fetch(5))).toEqual([wide])
})

test('a limit of a tenant that is set again counts what runs since before', async () => {
  const { redis, keys, queue, add, fetch, bull, succeed } = await limitedQueue()
  const pin = { queue: 'io', kind: 'tenant' as const, tenant: '-', key: '-' }
  await queue.limits.set(pin, { limit: 1 })
  await add(3, {})
  const [job] = await fetch(3)
  await queue.limits.set(pin, undefined)
  await sweepOnce({ redis, keys, bull })
  await queue.limits.set(pin, { limit: 1 })
  expect(await fetch(3)).toEqual([])
  if (job) await succeed(job)
  expect(await fetch(3)).toHaveLength(1)
})

test.for([
  { gate: 'tenant:-', flag: '2', pin: { queue: 'io', kind: 'tenant' as const, tenant: '-', key: '-' } },
  { gate: 'type:echo', flag: '2y', pin: { queue: 'io', kind: 'type' as const, tenant: undefined, key: 'echo' } },
])(
  'a limit of $gate counts many running jobs in parts, while others start, end and come back',
  async ({ gate, flag, pin }) => {
    const { redis, keys, queue, add, fetch, bull, beside, succeed, own, backend } = await limitedQueue()
    await add(640, {})
    const running = []
    while (running.length < 620) running.push(...(await fetch(100)))
    const early = running.splice(0, 60)
    const back = running.splice(-1)[0]
    const isBack = back && putBack({ redis: own, backend }, String(back.id), back.lockToken, false)
    await Promise.all([queue.limits.set(pin, { limit: 500 }), ...early.map((job) => succeed(job)), isBack])
    await waitFor(
      'all that ended',
      () => redis.llen(bull('active')),
      (length) => length === running.length,
    )
    const counted = async () => Number(await redis.hget(beside('busy'), gate))
    expect(await counted()).toBe(running.length)
    expect(await fetch(10)).toEqual([])
    for (const job of running.splice(0, running.length - 499)) await succeed(job)
    expect(await fetch(10)).toHaveLength(1)
    expect(await counted()).toBe(500)
    expect(await redis.hget(bull('meta'), 'drover.limits')).toBe(flag)
    await sweepOnce({ redis, keys, bull })
    expect(await counted()).toBe(500)
  },
)

test('a limit of a type counts what runs, holds what waits, and gets its places back from each way out', async () => {
  const { redis, keys, queue, add, fetch, succeed, beside, bull, own, backend } = await limitedQueue()
  const pin = { queue: 'io', kind: 'type' as const, tenant: undefined, key: 'echo' }
  const control = new JobControl({ redis, keys })
  const counted = async () => Number(await redis.hget(beside('busy'), 'type:echo'))
  await add(2, {})
  const [first, second] = await fetch(2)
  await queue.limits.set(pin, { limit: 2 })
  const waiting = await add(6, {})
  const others = await add(1, {}, 'sleep')
  expect(idsOf(await fetch(10))).toEqual(others)
  expect(await counted()).toBe(2)
  expect(await redis.zcard(bull('held'))).toBe(6)

  // An end, and the start of a held job in its place.
  const next = first && (await succeed(first, { fetchNext: true })).next
  expect(next?.id).toBe(waiting[0])
  // A job that is put back is the next.
  if (second) await putBack({ redis: own, backend }, String(second.id), second.lockToken, true)
  expect(await counted()).toBe(1)
  const again = await fetch(10)
  expect(idsOf(again)).toEqual([second?.id])
  expect(await counted()).toBe(2)
  // A held job is canceled: it has no place.
  const canceled = await queue.read({ queue: 'io', id: String(waiting[1]) })
  if (canceled) await control.cancel(canceled, 1000, Date.now())
  await sweepOnce({ redis, keys, bull })
  expect(await counted()).toBe(2)
  expect(await fetch(10)).toEqual([])

  // Paused, although both end; a concurrency key keeps no place of its own meanwhile.
  await queue.limits.set(pin, { limit: 0 })
  for (const job of [next, ...again]) if (job) await succeed(job)
  await add(1, { concurrency: mutex })
  expect(await fetch(10)).toEqual([])
  expect(await redis.hgetall(beside('busy'))).toEqual({ 'concurrency:-:k': String(2 ** 20) })

  await queue.limits.set(pin, undefined)
  expect(await redis.hget(bull('meta'), 'drover.limits')).toBe('1')
  const all = await fetch(10)
  expect(all).toHaveLength(5)
  for (const job of all) await succeed(job)
  expect(await redis.exists(bull('held'), beside('held-by'), beside('busy'))).toBe(0)
})

test('a sweep lets in as many held jobs as are free, and no more', async () => {
  const { redis, keys, add, fetch, beside, bull } = await limitedQueue()
  await add(30, { concurrency: { key: 'k', limit: 5 } })
  const running = await fetch(30)
  expect(running).toHaveLength(5)
  // A tool of BullMQ removes what runs.
  for (const { id, lockToken } of running) {
    expect(lockToken).toBeDefined()
    await redis.del(`${bull('')}${id}`)
    await redis.lrem(bull('active'), 0, String(id))
  }
  for (let n = 0; n < 3; n++) await sweepOnce({ redis, keys, bull })
  expect(await redis.zcard(bull('prioritized'))).toBeGreaterThanOrEqual(5)
  expect(await redis.zcard(bull('prioritized'))).toBeLessThanOrEqual(7)
  expect(await fetch(30)).toHaveLength(5)
  expect(Number(await redis.hget(beside('busy'), 'concurrency:-:k'))).toBe(25 * 2 ** 20 + 5)
})

test('running jobs are counted in parts, while others start and end', { timeout: 120_000 }, async () => {
  const { redis, keys, add, fetch, succeed, beside, bull } = await limitedQueue()
  const limit = { concurrency: { key: 'k', limit: 1000 } }
  await add(700, limit)
  const running = []
  while (running.length < 600) running.push(...(await fetch(100)))
  // Slots that nobody has.
  await redis.hincrby(beside('busy'), 'concurrency:-:k', 7)
  await redis.hset(beside('busy'), 'concurrency:-:gone', 3)
  const counted = async () => Number((await redis.hget(beside('busy'), 'concurrency:-:k')) ?? 0) % 2 ** 20
  for (let n = 0; n < 12; n++) {
    await sweepOnce({ redis, keys, bull })
    for (const job of running.splice(0, 7)) await succeed(job)
    for (const job of running.splice(-3, 3)) await succeed(job)
    running.push(...(await fetch(5)))
  }
  while (String(await redis.hget(bull('meta'), 'drover.limits')) !== '1') await sweepOnce({ redis, keys, bull })
  expect(await counted()).toBe(running.length)
  expect(await redis.hget(beside('busy'), 'concurrency:-:gone')).toBeNull()
})
