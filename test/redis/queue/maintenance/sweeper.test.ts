import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { Sweeper, type SweeperOptions } from '../../../../src/queue/maintenance/sweeper.ts'
import {
  indexEntry,
  indexEntryOf,
  type JobRef,
  newJobRef,
  ulidOf,
  ulidTime,
} from '../../../../src/queue/model/job-id.ts'
import type { JobRecord } from '../../../../src/queue/model/job-record.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { Lease } from '../../../../src/queue/redis/lease.ts'
import { JobControl } from '../../../../src/queue/store/cancel-and-retry.ts'
import { JobQueue } from '../../../../src/queue/store/job-queue.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'
import { waitFor } from '../../../helpers/wait-for.ts'

const hourMs = 3_600_000

async function world(options: Partial<SweeperOptions> = {}) {
  const redis = await redisClient()
  const keys = new Keys(keyPrefix())
  const queue = new JobQueue({ client: redis, keys, queues: ['io'] })
  const control = new JobControl({ redis, keys })
  const ended: string[] = []
  const sweeper = new Sweeper({
    redis,
    keys,
    queues: ['io'],
    resultTtlMs: hourMs,
    log: pino({ level: 'silent' }),
    releaseWebhook: () => Promise.resolve(true),
    onEnded: (type, end) => ended.push(`${type} ${end}`),
    ...options,
  })
  onTestFinished(() => sweeper.stop())
  const add = async (record: Partial<JobRecord> = {}, ref = newJobRef('io', Date.now())) =>
    queue.add({ ref, type: 'echo', record: { tenant: '-', input: 1, ...record }, attempts: 1, createdAt: Date.now() })
  /** Takes a job from its queue as a worker does that vanishes at once: it is active without a lock. */
  const abandon = async ({ id }: JobRef) => {
    await redis.zrem(keys.bull('io', 'prioritized'), id)
    await redis.lpush(keys.bull('io', 'active'), id)
    await redis.hset(keys.job({ queue: 'io', id }), { ats: 1, processedOn: Date.now() })
  }
  const untilState = (ref: JobRef, state: string) =>
    waitFor(
      `the job to be ${state}`,
      () => queue.read(ref),
      (job) => job?.state === state,
    )
  const untilGone = (ref: JobRef) =>
    waitFor(
      'the job to be removed',
      () => redis.exists(keys.job(ref)),
      (count) => count === 0,
    )
  return { redis, keys, queue, control, sweeper, ended, add, abandon, untilState, untilGone }
}

test('a sweep ends jobs whose time limit has passed, waiting or left by their worker, and no others', async () => {
  const { redis, keys, sweeper, ended, add, abandon, untilState, queue } = await world()
  const countsFrom = Date.now() - 1000
  const late = await add({ startWithinMs: 1, countsFrom })
  const pastDeadline = await add({ deadlineMs: 1, countsFrom })
  const leftPastDeadline = await add({ deadlineMs: 1, countsFrom })
  const inTime = await add({ deadlineMs: hourMs, countsFrom })
  await abandon(leftPastDeadline)
  sweeper.start()
  expect(await untilState(late, 'expired')).toMatchObject({ failure: { code: 'not_started_in_time', attempt: 0 } })
  expect(await untilState(pastDeadline, 'expired')).toMatchObject({
    failure: { code: 'deadline_exceeded', attempt: 0 },
  })
  expect(await untilState(leftPastDeadline, 'failed')).toMatchObject({
    failure: { code: 'deadline_exceeded', attempt: 1 },
  })
  expect((await queue.read(inTime))?.state).toBe('queued')
  expect(ended.toSorted()).toEqual(['echo expired', 'echo expired', 'echo failed'])
  expect(await redis.zrange(keys.timeLimits('io'), 0, '-1')).toEqual([`d:${inTime.id}`])
})

test('a sweep ends canceled jobs whose worker has vanished, where they are', async () => {
  const { redis, keys, control, sweeper, add, abandon, untilState } = await world()
  const [active, backInQueue] = [await add(), await add()]
  for (const job of [active, backInQueue]) {
    await abandon(job)
    await redis.set(keys.lock(job), 'token')
    expect(await control.cancel(job, 0, Date.now())).toBe('signaled')
    await redis.del(keys.lock(job))
  }
  await redis.lrem(keys.bull('io', 'active'), 1, backInQueue.id)
  await redis.rpush(keys.bull('io', 'wait'), backInQueue.id)
  sweeper.start()
  for (const job of [active, backInQueue])
    expect(await untilState(job, 'canceled')).toMatchObject({ failure: { stopped: 'killed', attempt: 1 } })
  expect(await redis.llen(keys.bull('io', 'active'))).toBe(0)
  expect(await redis.llen(keys.bull('io', 'wait'))).toBe(0)
})

test('a sweep asks for the webhooks that ended jobs owe, and keeps such a job until they are stored', async () => {
  const owing: string[] = []
  const releaseWebhook = ({ id }: JobRef) => Promise.resolve(owing.push(id) > 0)
  const { redis, keys, control, sweeper, add, untilGone } = await world({ releaseWebhook, resultTtlMs: 1 })
  const webhook = { url: 'https://example.com', events: ['canceled' as const] }
  const [owes, goesOn] = [await add({ webhook }), await add({ webhook })]
  await control.cancel(owes, 0, Date.now())
  const settled = await add()
  await control.cancel(settled, 0, Date.now())
  sweeper.start()
  await untilGone(settled)
  expect(owing).toEqual([owes.id])
  expect(await redis.exists(keys.job(owes), keys.job(goesOn))).toBe(2)
  await redis.zrem(keys.webhookDebts('io'), owes.id)
  await untilGone(owes)
})

test('an ended job whose flow was removed is removed like any other', async () => {
  const { redis, keys, control, sweeper, add, untilGone } = await world({ resultTtlMs: 1 })
  const [orphan, kept] = [await add(), await add()]
  for (const [job, flow] of [
    [orphan, 'gone'],
    [kept, 'there'],
  ] as const) {
    await control.cancel(job, 0, Date.now())
    await redis.hset(keys.job(job), { flow, flowHints: keys.flowHints })
  }
  await redis.hset(keys.flow('there'), 'v', 1)
  sweeper.start()
  await untilGone(orphan)
  expect(await redis.exists(keys.job(kept))).toBe(1)
})

test('a sweep removes entries of the index without a job, except young ones', async () => {
  const { redis, keys, sweeper, add } = await world()
  const hourAgo = ulidTime(Date.now() - hourMs)
  const job = await add({}, { queue: 'io', id: `io_${hourAgo}${'0'.repeat(16)}` })
  const old = indexEntry('-', `${hourAgo}${'1'.repeat(16)}`)
  const young = indexEntry('-', ulidOf(newJobRef('io', Date.now()).id))
  // Of jobs that a plain BullMQ producer added: one is there, the other was cleaned away.
  const [kept, cleaned] = ['7', '8'].map((bullId) =>
    indexEntryOf({ queue: 'io', id: `io_${bullId}`, bullId }, '-', Date.now() - hourMs),
  ) as [string, string]
  await redis.hset(keys.bull('io', '7'), 'name', 'echo')
  await redis.zadd(keys.index('io'), 0, old, 0, young, 0, kept, 0, cleaned)
  sweeper.start()
  const entries = await waitFor(
    'the old entry to go',
    () => redis.zrange(keys.index('io'), 0, '-1'),
    (all) => !all.includes(old),
  )
  expect(entries.toSorted()).toEqual([indexEntry('-', ulidOf(job.id)), young, kept].toSorted())
})

test('of two sweepers of a queue the holder of the lease works, and the other takes over', async () => {
  const { redis, keys, sweeper, add, untilState, queue } = await world()
  const lease = { redis, key: keys.sweepLease(['io']), ms: 3000 }
  const [holder, other] = [new Lease(lease), new Lease(lease)]
  expect(await holder.hold()).toBe(true)
  const late = await add({ startWithinMs: 1, countsFrom: Date.now() - 1000 })
  sweeper.start()
  // The holder dies. The sweeper has tried at least once before the lease ends.
  await waitFor(
    'the lease to be about to end',
    () => redis.pttl(lease.key),
    (ms) => ms < 1000,
  )
  expect((await queue.read(late))?.state).toBe('queued')
  await untilState(late, 'expired')
  expect(await other.hold()).toBe(false)
})

test('failed jobs are kept for longer than canceled ones, and jobs with a retention of their own for that, shorter or longer', async () => {
  const { redis, keys, control, sweeper, add, untilGone, queue } = await world({
    resultTtlMs: 300,
    failedTtlMs: hourMs,
  })
  const failure = JSON.stringify({ code: 'job_failed', message: '', retryable: false, attempt: 1 })
  /** As a worker ends it. */
  const end = async (ref: JobRef, set: 'completed' | 'failed') => {
    await redis.zrem(keys.bull('io', 'prioritized'), ref.id)
    const value = set === 'failed' ? { failedReason: failure } : { returnvalue: '1' }
    await redis.hset(keys.job(ref), { finishedOn: Date.now(), ...value })
    await redis.zadd(keys.bull('io', set), Date.now(), ref.id)
  }
  const [failed, failedShort, canceled, succeeded, short, long] = [
    await add(),
    await add({ keepMs: 300 }),
    await add(),
    await add(),
    await add({ keepMs: 100 }),
    await add({ keepMs: hourMs }),
  ]
  await control.cancel(canceled, 0, Date.now())
  for (const ref of [failed, failedShort]) await end(ref, 'failed')
  for (const ref of [succeeded, short, long]) await end(ref, 'completed')
  const waiting = await add({ keepMs: 1 })
  sweeper.start()
  for (const ref of [failedShort, canceled, succeeded, short]) await untilGone(ref)
  await waitFor(
    'the next look at the long one',
    () => redis.zscore(keys.bull('io', 'completed'), long.id),
    (score) => Number(score) > Date.now() + hourMs / 2,
  )
  for (const ref of [failed, long, waiting]) expect(await queue.read(ref)).toBeDefined()
  const retention = `${keys.bullPrefix('io')}:retention`
  expect((await redis.zrange(retention, 0, '-1')).toSorted()).toEqual([long.id, waiting.id].toSorted())
})

test('a sweep removes the claims of unique keys that no job holds any more, and keeps the others', async () => {
  const { redis, keys, add, control, sweeper } = await world()
  const unique = (key: string) => ({ unique: { key, onConflict: 'existing' as const, graceMs: 1000 } })
  const canceled = await add(unique('a'))
  await add(unique('b'))
  await control.cancel(canceled, 1000, Date.now())
  expect(await redis.hlen(keys.claims('io'))).toBe(2)
  sweeper.start()
  await waitFor(
    'the claim to go',
    () => redis.hlen(keys.claims('io')),
    (count) => count === 1,
  )
})

test('rates whose time has passed are removed, however many there are, and one in use stays', async () => {
  const { redis, keys, sweeper, add } = await world()
  await add({ rate: { key: 'k', limit: 1, perMs: hourMs, burst: 1 } })
  const passed = Array.from({ length: 3000 }, (_, n) => [`r-:user${n}`, Date.now() - 1000])
  await redis.hset(keys.rates('io'), ...passed.flat())
  await redis.hset(keys.rates('io'), 'r-:used', Date.now() + hourMs)
  sweeper.start()
  await waitFor(
    'one rate to be left',
    () => redis.hkeys(keys.rates('io')),
    (left) => left.length === 1 && left[0] === 'r-:used',
  )
})
