import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { FetchedJob } from '../../../../src/queue/bullmq/fetched-job.ts'
import { JobSettler } from '../../../../src/queue/consume/settle-job.ts'
import { JobEventWriter } from '../../../../src/queue/events/event-writer.ts'
import { decodeFailure } from '../../../../src/queue/model/failure.ts'
import type { JobEnd } from '../../../../src/queue/model/job-states.ts'
import { JobControl } from '../../../../src/queue/store/cancel-and-retry.ts'
import { ownQueue } from '../bullmq/own-queue.ts'

/** A job that was fetched. */
async function world() {
  const { redis, own, keys, backend, add, fetch } = await ownQueue({ attempts: 2 })
  const ref = await add()
  const log = pino({ level: 'silent' })
  const ends: JobEnd[] = []
  const released: unknown[] = []
  const settler = new JobSettler({
    queue: 'io',
    workerName: 'w',
    redis: own,
    backend,
    events: new JobEventWriter({ redis: own, keys, log }),
    control: new JobControl({ redis: own, keys }),
    log,
    onEnded: (_type, end) => ends.push(end),
    releaseWebhook: ({ id }) => released.push(id),
  })
  const take = async () => {
    const [job] = await fetch(1)
    return job as FetchedJob
  }
  const places = async () => {
    const [waiting, delayed, active, failed] = await Promise.all([
      redis.zcard(keys.bull('io', 'prioritized')),
      redis.zcard(keys.bull('io', 'delayed')),
      redis.llen(keys.bull('io', 'active')),
      redis.zcard(keys.bull('io', 'failed')),
    ])
    return { waiting, delayed, active, failed, locked: await redis.exists(keys.lock(ref)) }
  }
  const field = (name: string) => redis.hget(keys.job(ref), name)
  return { settler, ends, released, redis, keys, ref, take, places, field }
}

const failure = { code: 'job_failed', message: 'no', retryable: true, attempt: 1 }
const nowhere = { waiting: 0, delayed: 0, active: 0, failed: 0, locked: 0 }

test.each([
  [true, '1'],
  [false, '0'],
])(
  'a job that is put back waits again; that it was started (%s) counts, that it was fetched does not',
  async (hasStarted, starts) => {
    const { settler, redis, keys, take, places, field } = await world()
    const job = await take()
    await redis.del(keys.bull('io', 'marker'))
    expect(await field('ats')).toBe('1')
    await settler.settle(job, { status: 'put_back', hasStarted })
    expect(await field('ats')).toBe(starts)
    expect(await places()).toEqual({ ...nowhere, waiting: 1 })
    // An idle worker is woken.
    expect(await redis.zscore(keys.bull('io', 'marker'), '0')).toBe('0')
  },
)

test('a job that is left to others comes later, and was not started', async () => {
  const { settler, ends, take, places, field } = await world()
  await settler.settle(await take(), { status: 'left_to_others', delayMs: 5000 })
  expect(await field('ats')).toBe('0')
  expect(await places()).toEqual({ ...nowhere, delayed: 1 })
  expect(ends).toEqual([])
})

test('a failed attempt is retried if it has a delay and attempts are left, and is listed with earlier attempts', async () => {
  const { settler, ends, released, ref, take, places, field } = await world()
  await settler.settle(await take(), { status: 'failed', failure, retryDelayMs: 0 })
  expect(await places()).toEqual({ ...nowhere, waiting: 1 })
  expect(ends).toEqual([])
  const second = { ...failure, attempt: 2 }
  await settler.settle(await take(), { status: 'failed', failure: second, retryDelayMs: 0 })
  expect(ends).toEqual(['failed'])
  expect(released).toEqual([ref.id])
  expect(await places()).toEqual({ ...nowhere, failed: 1 })
  const attempts = JSON.parse((await field('stacktrace')) ?? '').map((text: string) => JSON.parse(text))
  expect(attempts).toMatchObject([failure])
  // The last attempt follows from the failure of the job.
  expect(JSON.parse((await field('failedReason')) ?? '')).toEqual(second)
  expect(await field('atm')).toBe('2')
})

test('a failure that is final is not tried again, whatever attempts are left', async () => {
  const { settler, ends, take, places } = await world()
  await settler.settle(await take(), { status: 'failed', failure, retryDelayMs: undefined })
  expect(ends).toEqual(['failed'])
  expect(await places()).toEqual({ ...nowhere, failed: 1 })
})

test('a job that had a failure when it was fetched ends with that, and no attempt', async () => {
  const { settler, ends, redis, keys, ref, take, places, field } = await world()
  const reason = JSON.stringify({ ...failure, code: 'canceled', stopped: 'killed' })
  await redis.hset(keys.job(ref), 'defa', reason)
  const job = await take()
  expect(job.failsWith).toBe(reason)
  await settler.settle(job, undefined)
  expect(ends).toEqual(['canceled'])
  expect(await places()).toEqual({ ...nowhere, failed: 1 })
  expect(await field('failedReason')).toBe(reason)
  expect(await field('stacktrace')).toBeNull()
})

test("the settlement of another worker's job is refused, and changes nothing", async () => {
  const { settler, ends, redis, keys, ref, take, places } = await world()
  const job = await take()
  await redis.set(keys.lock(ref), 'other')
  await settler.settle(job, { status: 'failed', failure, retryDelayMs: undefined })
  await settler.settle(job, { status: 'put_back' })
  await settler.settle(job, { status: 'left_to_others', delayMs: 1 })
  await settler.onAcknowledged(job, 'lost')
  expect(await places()).toEqual({ ...nowhere, active: 1, locked: 1 })
  expect(ends).toEqual([])
})

test('a job whose lock a cancel has taken ends canceled, whatever its worker says', async () => {
  const { settler, ends, redis, keys, ref, take, places } = await world()
  const job = await take()
  await redis.set(keys.lock(ref), `cancel:${job.lockToken}`)
  await settler.settle(job, { status: 'failed', failure, retryDelayMs: 0 })
  expect(ends).toEqual(['canceled'])
  expect(await places()).toEqual({ ...nowhere, failed: 1 })
})

test.each([
  [undefined, 'vanished'],
  ['1 31000', 'blocked the event loop of its worker for more than 31000 ms'],
])(
  'a job that fails at the stall limit says whether its worker vanished or was blocked: %s',
  async (blockedMs, reason) => {
    const { settler, redis, keys, ref, take, field } = await world()
    if (blockedMs !== undefined) await redis.hset(keys.job(ref), { ats: 1, blockedWorker: blockedMs })
    await redis.hset(keys.job(ref), 'defa', 'job stalled more than allowable limit')
    const job = await take()
    expect(job.failsWith).toBe('job stalled more than allowable limit')
    await settler.settle(job, undefined)
    const failure = decodeFailure((await field('failedReason')) ?? '', 1)
    expect(failure).toMatchObject({ code: 'stalled', message: expect.stringContaining(reason), retryable: true })
  },
)
