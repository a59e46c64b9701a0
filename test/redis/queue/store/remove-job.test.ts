import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { Sweeper } from '../../../../src/queue/maintenance/sweeper.ts'
import { type JobRef, newJobRef } from '../../../../src/queue/model/job-id.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { loadScript } from '../../../../src/queue/redis/load-script.ts'
import { JobControl } from '../../../../src/queue/store/cancel-and-retry.ts'
import { IdempotencyKeys } from '../../../../src/queue/store/idempotency-keys.ts'
import { JobQueue } from '../../../../src/queue/store/job-queue.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'
import { waitFor } from '../../../helpers/wait-for.ts'

const log = pino({ level: 'silent' })
const beginRemoval = loadScript('bullmq/begin-removal')
const sweepQueue = loadScript('maintenance/sweep-queue')
const keepClaim = loadScript('store/keep-claim')
const persistClaim = loadScript('store/persist-claim')

const newRef = () => newJobRef('io', Date.now())

/** The steps of a request with an idempotency key, and of the removal of its job. */
async function world() {
  const redis = await redisClient()
  const prefix = keyPrefix()
  const keys = new Keys(prefix)
  const queue = new JobQueue({ client: redis, keys, queues: ['io'] })
  const control = new JobControl({ redis, keys })
  const idempotency = new IdempotencyKeys({ redis, keys })

  const claim = async (ref: JobRef) => {
    const claimed = await idempotency.claim('-', 'key', 'the request', ref)
    if (claimed.status === 'conflict') throw new Error('the same request is no conflict')
    return claimed
  }
  const add = (ref: JobRef) =>
    queue.add({ ref, type: 'echo', record: { tenant: '-', input: 1 }, attempts: 1, createdAt: Date.now() })
  const stored = async (ref: JobRef) => {
    const job = await queue.read(ref)
    if (!job) throw new Error('the job is gone')
    return job
  }
  /** A job that has ended, as one that may be retried. */
  const addEnded = async (ref: JobRef) => {
    await control.cancel(await add(ref), 0, Date.now())
    return stored(ref)
  }
  const begin = (ref: JobRef) =>
    beginRemoval(redis, [keys.job(ref), keys.bull('io', 'completed'), keys.bull('io', 'failed')], [ref.id])
  const sweep = (resultTtlMs: number) => {
    const releaseWebhook = () => Promise.resolve(true)
    const sweeper = new Sweeper({ redis, keys, queues: ['io'], resultTtlMs, releaseWebhook, log })
    onTestFinished(() => sweeper.stop())
    sweeper.start()
  }
  /** All that is stored of jobs and claims, but for what keeps an id taken for a while. BullMQ keeps some keys for each queue. */
  const left = async () => {
    const found = (await redis.keys(`${prefix}:*`)).filter((key) =>
      /:claim:|io_|:index$|:failed$|:time-limits$/.test(key),
    )
    const ttls = await Promise.all(found.map((key) => redis.pttl(key)))
    return found.filter((key, n) => /:claim:/.test(key) || (ttls[n] ?? 0) < 0)
  }
  return { redis, keys, queue, control, idempotency, claim, add, addEnded, begin, sweep, left }
}

test('a job whose removal has begun cannot be retried, and keeps no claim', async () => {
  const { queue, control, idempotency, claim, addEnded, begin, left } = await world()
  const ref = newRef()
  const claimed = await claim(ref)
  const job = await addEnded(ref)
  expect(await begin(ref)).toEqual(['begun'])
  expect(await control.reopen(job, Date.now())).toBe('missing')
  // The first request only now comes to keep its claim.
  await idempotency.keep(claimed, ref)
  expect(await claim(newRef())).toMatchObject({ status: 'first' })
  expect(await queue.remove(job)).toBe('removed')
  expect(await queue.remove(job)).toBe('missing')
  expect(await control.reopen(job, Date.now())).toBe('missing')
  expect(await left()).toEqual([expect.stringContaining(':claim:')])
})

test('a claim that is shared leaves the claim of the job alone, and expires', async () => {
  const { redis, keys, idempotency, claim, add } = await world()
  const ref = newRef()
  const own = await claim(ref)
  await add(ref)
  await idempotency.keep(own, ref)
  const from = newRef()
  const shared = await idempotency.claim('-', 'another key', 'another request', from)
  if (shared.status !== 'first') throw new Error('nobody has claimed it')
  await idempotency.share(shared, from, ref)
  // It is repeated.
  await idempotency.keep(shared, ref)
  expect(await redis.hget(keys.job(ref), 'claim')).toBe(own.name)
  expect(await redis.pttl(shared.name)).toBeGreaterThan(0)
  expect(await redis.pttl(own.name)).toBe(-1)
})

test('a claim that is kept before the removal begins is removed with its job', async () => {
  const { queue, idempotency, claim, addEnded, left } = await world()
  const ref = newRef()
  const claimed = await claim(ref)
  const job = await addEnded(ref)
  await idempotency.keep(claimed, ref)
  expect(await queue.remove(job)).toBe('removed')
  expect(await left()).toEqual([])
  // … and one that is kept only when all is over is given up.
  await idempotency.keep(claimed, ref)
  expect(await left()).toEqual([])
})

test('a removal between the two writes of a kept claim leaves nothing permanent', async () => {
  const { redis, keys, queue, idempotency, claim, addEnded, left } = await world()
  const ref = newRef()
  const claimed = await claim(ref)
  const job = await addEnded(ref)
  expect(await keepClaim(redis, [keys.job(ref)], [claimed.name])).toBe(1)
  expect(await queue.remove(job)).toBe('removed')
  expect(await persistClaim(redis, [claimed.name], [ref.id, claimed.digest, 60_000])).toBe(0)
  expect(await redis.pttl(claimed.name)).toBeGreaterThan(0)
  await idempotency.keep(claimed, ref)
  expect(await left()).toEqual([])
})

test.each(['a client', 'the sweep'])(
  'a job that %s removed is not stored again by a request that found its claim just before',
  async (who) => {
    const { redis, keys, queue, idempotency, claim, add, addEnded, sweep, left } = await world()
    const ref = newRef()
    const first = await claim(ref)
    const job = await addEnded(ref)
    await idempotency.keep(first, ref)
    const replay = await claim(newRef())
    expect(replay).toMatchObject({ status: 'replay', ref })
    if (who === 'a client') expect(await queue.remove(job)).toBe('removed')
    else sweep(1)
    await waitFor('the job to go', left, (found) => found.length === 0)
    // The key is free, and stands for another job at once.
    const next = newRef()
    expect(await claim(next)).toMatchObject({ status: 'first' })
    await add(next)

    await add(ref)
    expect(await queue.read(ref)).toBeUndefined()
    expect(await redis.zrange(keys.bull('io', 'prioritized'), 0, '-1')).toEqual([next.id])
    await idempotency.keep(replay, ref)
    expect(await claim(newRef())).toMatchObject({ status: 'replay', ref: next })
    expect(await queue.remove(job)).toBe('missing')
    // What keeps the id taken goes by itself.
    expect(await redis.pttl(keys.job(ref))).toBeGreaterThan(0)
  },
)

test('a removal whose process died is completed by the next sweep, before the retention ends', async () => {
  const { idempotency, claim, addEnded, begin, sweep, left } = await world()
  const [claimed, plain] = [newRef(), newRef()]
  await idempotency.keep(await claim(claimed), await addEnded(claimed))
  await addEnded(plain)
  await begin(claimed)
  await begin(plain)
  sweep(86_400_000)
  await waitFor('all to go', left, (names) => names.length === 0)
})

test('a job whose claim the sweep is about to give up cannot be retried, and keeps no claim', async () => {
  const { redis, keys, control, idempotency, claim, addEnded, sweep, left } = await world()
  const ref = newRef()
  const claimed = await claim(ref)
  const job = await addEnded(ref)
  await idempotency.keep(claimed, ref)
  const sets = ['prioritized', 'delayed', 'wait', 'active', 'stalled', 'failed', 'completed']
  const names = [
    keys.timeLimits('io'),
    ...sets.map((set) => keys.bull('io', set)),
    keys.index('io'),
    keys.webhookDebts('io'),
    keys.labels('io'),
  ]
  // The sweeper dies with this answer in its hands.
  const swept = await sweepQueue(redis, names, [0, 0, 200, keys.bull('io', ''), 0, 'io_', '', 0, 0])
  expect(swept).toMatchObject([[], 0, [keys.job(ref), claimed.name, ''], 0, [], [], 0, 0, 0, 0, 0, 0])
  expect(await control.reopen(job, Date.now())).toBe('missing')
  await redis.hdel(keys.job(ref), 'claim')
  await idempotency.keep(claimed, ref)
  expect(await redis.exists(claimed.name)).toBe(0)
  sweep(86_400_000)
  await waitFor('all to go', left, (found) => found.length === 0)
})
