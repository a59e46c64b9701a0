import { expect, test } from 'vitest'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import type { NewJob } from '../../../../src/queue/model/new-job.ts'
import type { UniqueKey } from '../../../../src/queue/model/unique-key.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { loadScript } from '../../../../src/queue/redis/load-script.ts'
import { JobControl } from '../../../../src/queue/store/cancel-and-retry.ts'
import { JobQueue } from '../../../../src/queue/store/job-queue.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'

const putBack = loadScript('bullmq/put-back')

async function world() {
  const redis = await redisClient()
  const keys = new Keys(keyPrefix())
  const queue = new JobQueue({ client: redis, keys, queues: ['io'] })
  const control = new JobControl({ redis, keys })
  const claims = keys.claims('io')
  const job = (unique: Partial<UniqueKey> = {}, more: Partial<NewJob> = {}): NewJob => ({
    ref: newJobRef('io', Date.now()),
    type: 'echo',
    attempts: 1,
    createdAt: Date.now(),
    ...more,
    record: {
      tenant: 'acme',
      input: 1,
      unique: { key: 'k', onConflict: 'existing', graceMs: 1000, ...unique },
      ...more.record,
    },
  })
  /** Starts a waiting job as a worker does. */
  const start = async ({ ref }: NewJob, token = 'worker:0') => {
    await redis.zrem(keys.bull('io', 'prioritized'), ref.id)
    await redis.lpush(keys.bull('io', 'active'), ref.id)
    await redis.set(keys.lock(ref), token, 'PX', 60_000)
    await redis.hset(keys.job(ref), 'processedOn', Date.now(), 'ats', 1)
  }
  const cancel = async ({ ref }: NewJob) => {
    const stored = await queue.read(ref)
    return stored && control.cancel(stored, 1000, Date.now())
  }
  const deduplicated = async (one: NewJob) => (await queue.add(one)).deduplicated
  return { redis, keys, queue, control, claims, job, start, cancel, deduplicated }
}

const unique = (onConflict: UniqueKey['onConflict']): UniqueKey => ({ key: 'k', onConflict, graceMs: 1000 })

test('of many jobs of a key that are added at once one is stored, and the others get its id', async () => {
  const { queue, job, redis, keys } = await world()
  const jobs = Array.from({ length: 40 }, () => job())
  const added = await Promise.all(jobs.map((one) => queue.add(one)))
  const [first, ...others] = added
  expect(first?.deduplicated).toBeUndefined()
  expect(others.map(({ deduplicated }) => deduplicated)).toEqual(others.map(() => ({ how: 'joined', id: first?.id })))
  expect(await redis.zcard(keys.bull('io', 'prioritized'))).toBe(1)
  expect(await redis.zcard(keys.index('io'))).toBe(1)
})

test('a key is of a tenant and a queue, and the same job that is added again is no conflict', async () => {
  const { deduplicated, job } = await world()
  const one = job()
  expect(await deduplicated(one)).toBeUndefined()
  expect(await deduplicated(one)).toBeUndefined()
  expect(await deduplicated(job({ key: 'another' }))).toBeUndefined()
  const { record } = job()
  expect(await deduplicated(job({}, { record: { ...record, tenant: 'globex' } }))).toBeUndefined()
})

test('a key is held until the job has started, or until it has ended, also when a worker puts it back', async () => {
  const { deduplicated, job, start, cancel, redis, keys } = await world()
  const short = job({ until: 'started' })
  const long = job({ key: 'long', until: 'ended' })
  expect([await deduplicated(short), await deduplicated(long)]).toEqual([undefined, undefined])
  expect(await deduplicated(job({ until: 'started' }))).toEqual({ how: 'joined', id: short.ref.id })
  await start(short)
  await start(long)
  const next = job({ until: 'started' })
  expect(await deduplicated(next)).toBeUndefined()
  expect(await deduplicated(job({ key: 'long' }))).toEqual({ how: 'joined', id: long.ref.id })

  const sets = ['active', 'wait', 'prioritized', 'stalled', 'marker', 'meta'].map((set) => keys.bull('io', set))
  const names = [keys.job(long.ref), keys.lock(long.ref), ...sets]
  expect(await putBack(redis, names, [long.ref.id, 'worker:0', keys.bull('io', ''), 1, Date.now()])).toBe(1)
  expect(await deduplicated(job({ key: 'long' }))).toEqual({ how: 'joined', id: long.ref.id })
  expect(await cancel(long)).toBe('ended')
  expect(await deduplicated(job({ key: 'long' }))).toBeUndefined()
})

test('a key that is held for a time outlives an end, but not a cancel or a removal', async () => {
  const { queue, deduplicated, job, cancel, redis, keys } = await world()
  const done = job({ forMs: 60_000 })
  expect(await deduplicated(done)).toBeUndefined()
  await redis.zrem(keys.bull('io', 'prioritized'), done.ref.id)
  await redis.zadd(keys.bull('io', 'completed'), Date.now(), done.ref.id)
  await redis.hset(keys.job(done.ref), 'finishedOn', Date.now(), 'returnvalue', '1')
  expect(await deduplicated(job({ forMs: 60_000 }))).toEqual({ how: 'joined', id: done.ref.id })
  const stored = await queue.read(done.ref)
  expect(stored && (await queue.remove(stored))).toBe('removed')
  const canceled = job({ forMs: 60_000 })
  expect(await deduplicated(canceled)).toBeUndefined()
  await cancel(canceled)
  expect(await deduplicated(job({ forMs: 60_000 }, { createdAt: Date.now() - 60_001 }))).toBeUndefined()
  // Its time is over.
  expect(await deduplicated(job({ forMs: 60_000 }))).toBeUndefined()
})

test('a job that replaces another cancels it in the same step: one that waits ends, one that runs is signaled', async () => {
  const { queue, deduplicated, job, start, redis, keys } = await world()
  const waiting = job()
  const replacing = job({ onConflict: 'replace' })
  await deduplicated(waiting)
  expect(await deduplicated(replacing)).toEqual({ how: 'replaced', id: waiting.ref.id, canceled: 'ended' })
  expect(await queue.read(waiting.ref)).toMatchObject({
    state: 'canceled',
    failure: { code: 'canceled', message: 'a newer job of its unique key replaced it', stopped: 'never_started' },
  })
  expect(await deduplicated(job())).toEqual({ how: 'joined', id: replacing.ref.id })
  await start(replacing)
  const last = job({ onConflict: 'replace' })
  expect(await deduplicated(last)).toEqual({ how: 'replaced', id: replacing.ref.id, canceled: 'signaled' })
  expect(await redis.get(keys.lock(replacing.ref))).toBe('cancel:worker:0')
  expect(await deduplicated(job())).toEqual({ how: 'joined', id: last.ref.id })
  expect(await redis.zrange(keys.bull('io', 'prioritized'), '0', '-1')).toEqual([last.ref.id])
})

test('of jobs that replace each other in one call the last is left', async () => {
  const { queue, job } = await world()
  const jobs = Array.from({ length: 5 }, () => job({ onConflict: 'replace' }))
  await Promise.all(jobs.map((one) => queue.add(one)))
  const states = await Promise.all(jobs.map(async ({ ref }) => (await queue.read(ref))?.state))
  expect(states).toEqual(['canceled', 'canceled', 'canceled', 'canceled', 'queued'])
})

test('a job that replaces one that has ended takes its key, and the other jobs of its call are stored', async () => {
  const { queue, deduplicated, job, redis, keys } = await world()
  const done = job({ forMs: 60_000 })
  await deduplicated(done)
  await redis.zrem(keys.bull('io', 'prioritized'), done.ref.id)
  await redis.zadd(keys.bull('io', 'completed'), Date.now(), done.ref.id)
  await redis.hset(keys.job(done.ref), 'finishedOn', Date.now(), 'returnvalue', '1')
  const next = job({ forMs: 60_000, onConflict: 'replace' })
  const added = await Promise.all([queue.add(next), queue.add(job({ key: 'neighbor' }))])
  expect(added.map((one) => [one.state, one.deduplicated])).toEqual([
    ['queued', undefined],
    ['queued', undefined],
  ])
  expect(await queue.read(done.ref)).toMatchObject({ state: 'succeeded' })
  expect(await deduplicated(job({ forMs: 60_000 }))).toEqual({ how: 'joined', id: next.ref.id })
})

test('a job that its concurrency key refuses replaces none: neither the holder of its unique key nor a debounced job', async () => {
  const { queue, deduplicated, job, redis, keys } = await world()
  const { record } = job()
  const concurrency = { key: 'c', limit: 1, onFull: 'reject' } as const
  const holder = job()
  await deduplicated(holder)
  const other = { ...job(), record: { tenant: 'acme', input: 1, concurrency } }
  await deduplicated(other)
  const replacing = (): NewJob => job({}, { record: { ...record, concurrency, unique: unique('replace') } })
  await expect(queue.add(replacing())).rejects.toMatchObject({ refusal: { why: 'concurrency_full', limit: 1 } })
  expect(await queue.read(holder.ref)).toMatchObject({ state: 'queued' })
  expect(await deduplicated(job())).toEqual({ how: 'joined', id: holder.ref.id })

  const debounced = (input: number, more: Partial<NewJob['record']>): NewJob => ({
    ...job({}, { runAt: Date.now() + 60_000 }),
    record: { tenant: 'acme', input, debounce: { key: 'k', quietMs: 60_000, maxMs: 100_000 }, ...more },
  })
  const waiting = debounced(1, {})
  await deduplicated(waiting)
  await expect(queue.add(debounced(2, { concurrency }))).rejects.toMatchObject({ refusal: { why: 'concurrency_full' } })
  expect(await queue.read(waiting.ref)).toMatchObject({ state: 'scheduled', record: { input: 1 } })
  expect(await redis.zscore(keys.bull('io', 'delayed'), waiting.ref.id)).not.toBeNull()
})

test('a job that replaces the one member of its concurrency key is not refused for it', async () => {
  const { queue, deduplicated, job, redis, keys } = await world()
  const concurrency = { key: 'c', limit: 1, onFull: 'reject' } as const
  const of = (onConflict: UniqueKey['onConflict']): NewJob =>
    job({}, { record: { tenant: 'acme', input: 1, concurrency, unique: unique(onConflict) } })
  const holder = of('existing')
  await deduplicated(holder)
  const next = of('replace')
  expect(await deduplicated(next)).toEqual({ how: 'replaced', id: holder.ref.id, canceled: 'ended' })
  expect(await redis.zrange(keys.bull('io', 'prioritized'), '0', '-1')).toEqual([next.ref.id])
  const other = { ...job(), record: { tenant: 'acme', input: 1, concurrency } }
  await expect(queue.add(other)).rejects.toMatchObject({ refusal: { why: 'concurrency_full' } })
})

test('a retry takes the key of its job again, unless another job holds it', async () => {
  const { queue, control, deduplicated, job, cancel } = await world()
  const first = job()
  const second = job()
  await deduplicated(first)
  await cancel(first)
  await deduplicated(second)
  const stored = await queue.read(first.ref)
  expect(stored && (await control.reopen(stored, Date.now()))).toEqual({ claimedBy: second.ref.id })
  expect(await queue.read(first.ref)).toMatchObject({ state: 'canceled', run: 1 })
  await cancel(second)
  expect(stored && (await control.reopen(stored, Date.now()))).toBe('reopened')
  expect(await deduplicated(job())).toEqual({ how: 'joined', id: first.ref.id })
})

test('a debounced job keeps its id and its time of creation, and starts after the newest submission, at the latest after the longest delay', async () => {
  const { redis, keys, queue, deduplicated } = await world()
  const at = Date.now()
  const debounced = (input: unknown, createdAt: number, quietMs = 60_000, tags = ['a']): NewJob => ({
    ref: newJobRef('io', createdAt),
    type: 'echo',
    attempts: 1,
    createdAt,
    runAt: createdAt + quietMs,
    record: {
      tenant: 'acme',
      input,
      tags,
      deadlineMs: 1000,
      countsFrom: createdAt + quietMs,
      debounce: { key: 'k', quietMs, maxMs: 100_000 },
    },
  })
  const first = debounced({ n: 1, countsFrom: 5 }, at)
  expect(await deduplicated(first)).toBeUndefined()
  expect(await deduplicated(debounced({ n: 2, countsFrom: 5 }, at + 10, 60_000, ['b']))).toEqual({
    how: 'replaced',
    id: first.ref.id,
  })
  expect(await queue.read(first.ref)).toMatchObject({
    state: 'scheduled',
    createdAt: at,
    scheduledFor: at + 60_010,
    runAt: at + 60_010,
    record: { input: { n: 2, countsFrom: 5 }, countsFrom: at + 60_010, tags: ['b'] },
  })
  await deduplicated(debounced(3, at + 50_000))
  expect(await queue.read(first.ref)).toMatchObject({
    scheduledFor: at + 100_000,
    record: { input: 3, countsFrom: at + 100_000 },
  })
  expect(await redis.zrange(keys.timeLimits('io'), '0', '-1', 'WITHSCORES')).toEqual([
    `d:${first.ref.id}`,
    String(at + 101_000),
  ])
  expect(await redis.zcard(keys.index('io'))).toBe(1)
  const labels = await redis.zrange(keys.labels('io'), '0', '-1')
  expect(labels).toEqual([expect.stringContaining(first.ref.id.slice(-26))])

  // Once it has started, or is due, the next one is another job.
  await redis.zrem(keys.bull('io', 'delayed'), first.ref.id)
  await redis.zadd(keys.bull('io', 'prioritized'), 1, first.ref.id)
  const second = debounced(4, at + 100_000)
  expect(await deduplicated(second)).toBeUndefined()
  expect(await queue.read(first.ref)).toMatchObject({ record: { input: 3 } })
})
