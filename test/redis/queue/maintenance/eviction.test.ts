import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { EndedJobs } from '../../../../src/queue/maintenance/ended-jobs.ts'
import { measureBytes } from '../../../../src/queue/maintenance/measure-bytes.ts'
import { OldestFirst } from '../../../../src/queue/maintenance/oldest-first.ts'
import { Sweeper } from '../../../../src/queue/maintenance/sweeper.ts'
import { TenantBytes } from '../../../../src/queue/maintenance/tenant-bytes.ts'
import { type JobRef, newJobRef } from '../../../../src/queue/model/job-id.ts'
import type { JobRecord } from '../../../../src/queue/model/job-record.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { loadScript } from '../../../../src/queue/redis/load-script.ts'
import { JobControl } from '../../../../src/queue/store/cancel-and-retry.ts'
import { IdempotencyKeys } from '../../../../src/queue/store/idempotency-keys.ts'
import { JobQueue } from '../../../../src/queue/store/job-queue.ts'
import { deliveryQueue, deliveryRef, ownerKey } from '../../../../src/queue/webhooks/delivery.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'
import { waitFor } from '../../../helpers/wait-for.ts'

const log = pino({ level: 'silent' })
const hourMs = 3_600_000
const evictJobs = loadScript('bullmq/evict-jobs')
const beginFlowRemoval = loadScript('flows/begin-flow-removal')

/** Jobs that have ended as canceled, and what evicts them. */
async function world() {
  const redis = await redisClient()
  const prefix = keyPrefix()
  const keys = new Keys(prefix)
  const queue = new JobQueue({ client: redis, keys, queues: ['io'] })
  const control = new JobControl({ redis, keys })
  const idempotency = new IdempotencyKeys({ redis, keys })
  const source = new EndedJobs({ redis, keys, queue: 'io', retention: { resultTtlMs: hourMs, failedTtlMs: hourMs } })
  const addEnded = async (record: Partial<JobRecord> = {}, ref: JobRef = newJobRef('io', Date.now())) => {
    const of = { tenant: '-', input: 1, ...record }
    await control.cancel(
      await queue.add({ ref, type: 'echo', record: of, attempts: 1, createdAt: Date.now() }),
      0,
      Date.now(),
    )
    return ref
  }
  /** @returns how many were evicted */
  const evict = async (tenant = '-', endedBefore = Date.now() + 1000, from = source) => {
    const reader = new OldestFirst([from], { tenant, endedBefore: () => endedBefore })
    let removed = 0
    for (;;) {
      const step = await reader.step({ jobs: 10, bytes: 1_000_000 })
      if (!step) return removed
      removed += step.removed
    }
  }
  const exists = async (ref: JobRef) => (await queue.read(ref)) !== undefined
  const keysOf = async (ref: JobRef) => (await redis.keys(`${prefix}:*`)).filter((key) => key.includes(ref.id))
  return { redis, keys, queue, control, idempotency, source, addEnded, evict, exists, keysOf }
}

test('an evicted job leaves nothing but its id, which only its tenant finds', async () => {
  const { redis, keys, queue, addEnded, evict, keysOf } = await world()
  const ref = await addEnded({ tenant: 'acme', tags: ['a'] })
  await redis.xadd(keys.events(ref), '*', 'e', 'progress {}')
  await redis.xadd(keys.values(ref), '*', 'e', '1')
  await redis.hset(keys.output(ref), 'name', 'x')
  expect(await evict('other')).toBe(0)
  expect(await evict('acme')).toBe(1)
  expect(await keysOf(ref)).toEqual([])
  const lists = ['failed', 'completed'].map((set) => keys.bull('io', set))
  for (const key of [...lists, keys.index('io'), keys.labels('io'), keys.timeLimits('io')])
    expect(await redis.exists(key)).toBe(0)
  const known = ['acme', undefined, 'other', '-'].map((tenant) => queue.wasEvicted(ref, tenant))
  expect(await Promise.all(known)).toEqual([true, true, false, false])
  expect(await redis.pttl(keys.evicted('io'))).toBeGreaterThan(hourMs - 10_000)
})

test('what ended lately, owes a webhook, is followed, runs again or belongs to a flow is kept', async () => {
  const { redis, keys, queue, control, addEnded, evict, exists } = await world()
  const webhook = { url: 'https://example.com', events: ['canceled' as const] }
  const [owing, followed, retried, ofFlow, waiting] = [
    await addEnded({ webhook }),
    await addEnded(),
    await addEnded(),
    await addEnded(),
    await queue.add({
      ref: newJobRef('io', Date.now()),
      type: 'echo',
      record: { tenant: '-', input: 1 },
      attempts: 1,
      createdAt: Date.now(),
    }),
  ]
  const subscriber = await redisClient('subscriber')
  await subscriber.subscribe(keys.channel(followed))
  const before = await queue.read(retried)
  if (!before) throw new Error('the job is gone')
  expect(await control.reopen(before, Date.now())).toBe('reopened')
  await redis.hset(keys.job(ofFlow), 'flow', 'flow_1')
  expect(await evict()).toBe(0)
  // Also when they were found just before that.
  const ids = [owing, followed, retried, ofFlow, waiting].flatMap(({ id }) => [id, '-', 1])
  const sets = ['completed', 'failed'].map((set) => keys.bull('io', set))
  const beside = [keys.timeLimits('io'), keys.index('io'), keys.webhookDebts('io'), keys.evicted('io')]
  const args = [keys.bull('io', ''), Date.now() + 1000, hourMs, hourMs, ...ids]
  expect(await evictJobs(redis, [...sets, ...beside], args)).toEqual([[], []])
  const young = await addEnded()
  expect(await evict('-', Date.now() - 1000)).toBe(0)
  for (const ref of [owing, followed, retried, ofFlow, waiting, young]) expect(await exists(ref)).toBe(true)
  await subscriber.unsubscribe(keys.channel(followed))
  expect(await evict()).toBe(2)
  expect([await exists(followed), await exists(young)]).toEqual([false, false])
})

test('the claim of an evicted job lives until the job would have expired', async () => {
  const { redis, idempotency, queue, addEnded, evict } = await world()
  const ref = newJobRef('io', Date.now())
  const first = await idempotency.claim('-', 'key', 'request', ref)
  await addEnded({}, ref)
  if (first.status === 'conflict') throw new Error('the same request is no conflict')
  await idempotency.keep(first, ref)
  const replay = await idempotency.claim('-', 'key', 'request', newJobRef('io', Date.now()))
  expect(await evict()).toBe(1)
  const later = newJobRef('io', Date.now())
  expect(await idempotency.claim('-', 'key', 'request', later)).toMatchObject({ status: 'evicted', ref })
  expect(await idempotency.claim('-', 'key', 'another', later)).toEqual({ status: 'conflict' })
  expect(await idempotency.find('-', 'key', 'request')).toMatchObject({ status: 'evicted' })
  // A request that found the claim and the job just before keeps nothing, and gives nothing up.
  if (replay.status === 'conflict') throw new Error('the same request is no conflict')
  await idempotency.keep(replay, ref)
  expect(await idempotency.claim('-', 'key', 'request', later)).toMatchObject({ status: 'evicted' })
  const left = await redis.pttl(first.name)
  expect(left).toBeGreaterThan(hourMs - 20_000)
  expect(left).toBeLessThanOrEqual(hourMs)
  expect(await queue.wasEvicted(ref)).toBe(true)
})

test('an eviction that dies between its steps is completed by the sweep, and its claim lives on', async () => {
  const { redis, keys, idempotency, control, queue, addEnded } = await world()
  const ref = newJobRef('io', Date.now())
  const first = await idempotency.claim('-', 'key', 'request', ref)
  await addEnded({}, ref)
  if (first.status === 'conflict') throw new Error('the same request is no conflict')
  await idempotency.keep(first, ref)
  const sets = ['completed', 'failed'].map((set) => keys.bull('io', set))
  const beside = [keys.timeLimits('io'), keys.index('io'), keys.webhookDebts('io'), keys.evicted('io')]
  const args = [keys.bull('io', ''), Date.now() + 1000, hourMs, hourMs, ref.id, '-', 1]
  const [removed, marked] = (await evictJobs(redis, [...sets, ...beside], args)) as [string[], string[]]
  expect([removed, marked.slice(0, 2)]).toEqual([[], [ref.id, first.name]])
  const job = await queue.read(ref)
  if (!job) throw new Error('a marked job can be read')
  expect(await control.reopen(job, Date.now())).toBe('missing')
  await idempotency.keep(first, ref)
  const sweeper = new Sweeper({
    redis,
    keys,
    queues: ['io'],
    resultTtlMs: hourMs,
    releaseWebhook: async () => true,
    log,
  })
  onTestFinished(() => sweeper.stop())
  sweeper.start()
  await waitFor(
    'the job to go',
    () => queue.wasEvicted(ref),
    (was) => was,
  )
  expect(await queue.read(ref)).toBeUndefined()
  const again = await idempotency.claim('-', 'key', 'request', newJobRef('io', Date.now()))
  expect(again).toMatchObject({ status: 'evicted', ref })
  expect(await redis.pttl(first.name)).toBeGreaterThan(hourMs - 30_000)
})

test('a delivery is kept as long as its job', async () => {
  const { redis, keys, queue, addEnded, evict, source } = await world()
  const owner = await addEnded()
  const delivery = deliveryRef(owner.id, 1)
  const deliveries = new JobQueue({ client: redis, keys, queues: [deliveryQueue], isListed: false })
  const control = new JobControl({ redis, keys })
  const stored = { type: 'webhook-delivery', record: { tenant: '-', input: {} }, attempts: 1, createdAt: Date.now() }
  await control.cancel(await deliveries.add({ ref: delivery, ...stored }), 0, Date.now())
  const ofDeliveries = new EndedJobs({
    redis,
    keys,
    queue: deliveryQueue,
    retention: { resultTtlMs: hourMs, failedTtlMs: hourMs },
    ownerKeyOf: (id) => ownerKey(keys, id),
  })
  expect(await evict('-', undefined, ofDeliveries)).toBe(0)
  expect(await evict('-', undefined, source)).toBe(1)
  expect(await queue.read(owner)).toBeUndefined()
  expect(await evict('-', undefined, ofDeliveries)).toBe(1)
  expect(await deliveries.read(delivery)).toBeUndefined()
})

test('a measurement tells the bytes of tenants, of waiting jobs and of those that ended lately', async () => {
  const { redis, keys, queue, addEnded } = await world()
  for (let n = 0; n < 3; n++) await addEnded({ tenant: 'small' })
  await addEnded({ tenant: 'large', input: 'x'.repeat(100_000) })
  const waiting = { type: 'echo', attempts: 1, createdAt: Date.now() }
  const record = { tenant: 'small', input: 'y'.repeat(20_000) }
  await queue.add({ ref: newJobRef('io', Date.now()), record, ...waiting })
  const stored = await measureBytes({ redis, keys }, ['io'], Date.now() + 1000)
  expect(stored.byTenant.get('large')).toBeGreaterThan(100_000)
  expect(stored.byTenant.get('small')).toBeGreaterThan(20_000)
  expect(stored.byTenant.get('small')).toBeLessThan(30_000)
  expect(stored.waiting).toBeGreaterThan(20_000)
  expect(stored.waiting).toBeLessThan(25_000)
  expect(stored.young).toBe(0)
  const now = await measureBytes({ redis, keys }, ['io'], Date.now() - 60_000)
  expect(now.young).toBe(now.ended)
})

test('a result that is kept for longer, and stands behind young ones, is found', async () => {
  const { redis, keys, addEnded, evict, exists } = await world()
  const old = await addEnded()
  await redis.hset(keys.job(old), 'finishedOn', Date.now() - 10_000)
  await redis.zadd(keys.bull('io', 'failed'), Date.now() + hourMs, old.id)
  const young = await addEnded()
  expect(await evict('-', Date.now() - 5000)).toBe(1)
  expect([await exists(old), await exists(young)]).toEqual([false, true])
})

test('the id of an evicted job is known for as long as the one before was promised', async () => {
  const { redis, keys, addEnded, evict } = await world()
  await addEnded()
  expect(await evict()).toBe(1)
  await addEnded()
  const short = new EndedJobs({ redis, keys, queue: 'io', retention: { resultTtlMs: 60_000, failedTtlMs: 60_000 } })
  expect(await evict('-', undefined, short)).toBe(1)
  expect(await redis.pttl(keys.evicted('io'))).toBeGreaterThan(hourMs - 20_000)
})

test('a flow that was retried since it was found is not removed', async () => {
  const { redis, keys } = await world()
  await redis.hset(keys.flow('flow_1'), { run: 2, finishedAt: 1 })
  expect(await beginFlowRemoval(redis, [keys.flow('flow_1')], ['evicted', 1])).toEqual(['open', '2'])
  expect(await beginFlowRemoval(redis, [keys.flow('flow_1')], ['evicted', 2])).toEqual(['evicted', ''])
})

test('a full quota of bytes looks for results once in a while, not for each submission', async () => {
  const { redis, keys, queue, source } = await world()
  const waiting = { type: 'echo', attempts: 1, createdAt: Date.now() }
  const record = { tenant: 'acme', input: 'y'.repeat(20_000) }
  await queue.add({ ref: newJobRef('io', Date.now()), record, ...waiting })
  let looks = 0
  const counted = {
    key: source.key,
    find: (...args: Parameters<typeof source.find>) => {
      looks += 1
      return source.find(...args)
    },
    evict: source.evict.bind(source),
  }
  const options = { redis, keys, queues: ['io'], sources: [counted], resultMinMs: 0, onEvicted: () => {} }
  const quota = new TenantBytes(options)
  const taken = await Promise.all(Array.from({ length: 50 }, () => quota.take('acme', 20_000, 1000)))
  expect(taken).toEqual(taken.map(() => false))
  expect(looks).toBeLessThan(20)
})

test('submissions that wait for the same eviction all get room where results give way', async () => {
  const { redis, keys, addEnded, source } = await world()
  for (let n = 0; n < 10; n++) await addEnded({ tenant: 'acme', input: 'y'.repeat(10_000) })
  const options = { redis, keys, queues: ['io'], sources: [source], resultMinMs: -1000, onEvicted: () => {} }
  const quota = new TenantBytes(options)
  const taken = await Promise.all(Array.from({ length: 20 }, () => quota.take('acme', 100_000, 4000)))
  expect(taken).toEqual(taken.map(() => true))
})

test('bytes that a tenant took for what is not stored are given back, and no more than it took', async () => {
  const { redis, keys } = await world()
  const about = { redis, keys, queues: ['io'], sources: [], resultMinMs: 0, onEvicted: () => undefined }
  const bytes = new TenantBytes(about)
  expect(await bytes.take('a', 10_000, 6000)).toBe(true)
  expect(await bytes.take('a', 10_000, 6000)).toBe(false)
  bytes.giveBack('a', 6000)
  bytes.giveBack('a', 6000)
  bytes.giveBack('b', 6000)
  expect(await bytes.take('a', 10_000, 10_000)).toBe(true)
  expect(await bytes.take('a', 10_000, 1)).toBe(false)
})

test('what is given back during a measurement leaves counted what others took meanwhile', async () => {
  const { redis, keys } = await world()
  const about = { redis, keys, queues: ['io'], sources: [], resultMinMs: 0, onEvicted: () => undefined }
  const bytes = new TenantBytes(about)
  const take = (count: number) => bytes.take('a', 10_000, count)
  expect(await take(4000)).toBe(true)
  const gate = Promise.withResolvers<void>()
  const zcard = redis.zcard.bind(redis)
  let isMeasuring = false
  Object.assign(redis, {
    zcard: async (key: string) => {
      isMeasuring = true
      await gate.promise
      return zcard(key)
    },
  })
  // Refused by the last measurement: once that is old enough, another one is waited for.
  const waiting: Promise<boolean>[] = []
  await waitFor(
    'a measurement to begin',
    () => {
      waiting.push(take(7000))
      return isMeasuring
    },
    Boolean,
  )
  expect(await take(3000)).toBe(true)
  bytes.giveBack('a', 4000)
  gate.resolve()
  expect((await Promise.all(waiting)).filter(Boolean)).toHaveLength(1)
  expect(await take(1)).toBe(false)
})
