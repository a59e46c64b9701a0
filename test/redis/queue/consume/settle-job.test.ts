import { expect, onTestFinished, test } from 'vitest'
import { JobStore } from '../../../../src/queue/bullmq/add-jobs.ts'
import { openBullWorker } from '../../../../src/queue/bullmq/bull-worker.ts'
import { exchange, type TakenJob } from '../../../../src/queue/bullmq/complete-and-fetch.ts'
import { failUnrun, settleJob } from '../../../../src/queue/consume/settle-job.ts'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import { recordVersion } from '../../../../src/queue/model/job-record.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'

/** A job that was taken. */
async function world() {
  const redis = await redisClient('worker')
  const keys = new Keys(keyPrefix())
  const common = { queue: 'io', redis, keys, workerName: 'w', lockMs: 10_000 }
  const bull = openBullWorker({ ...common, mostCrashes: 3 })
  onTestFinished(() => bull.close())
  const now = Date.now()
  const ref = newJobRef('io', now)
  const record = { v: recordVersion, tenant: '-', input: null } as const
  const jobs = new JobStore({ redis, keys, isListed: true })
  await jobs.store({ ref, type: 'echo', record, attempts: 2, createdAt: now, dueAt: undefined })
  const take = async () => {
    const asked = { most: 1, token: 'mine', lockMs: 10_000, workerName: 'w' }
    const [job] = (await exchange({ redis, keys }, 'io', [], asked)).taken
    return job as TakenJob
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
  return { deps: { redis, keys, bull }, redis, keys, ref, take, places, field }
}

const failure = { code: 'job_failed', message: 'no', retryable: true, attempt: 1 }
const nowhere = { waiting: 0, delayed: 0, active: 0, failed: 0, locked: 0 }

test.each([
  [true, '1'],
  [false, '0'],
])(
  'a job that is put back waits again; that it was started (%s) counts, that it was fetched does not',
  async (hasStarted, starts) => {
    const { deps, take, places, field } = await world()
    const job = await take()
    expect(await field('ats')).toBe('1')
    expect(await settleJob(deps, job, { status: 'put_back', hasStarted })).toBeUndefined()
    expect(await field('ats')).toBe(starts)
    expect(await places()).toEqual({ ...nowhere, waiting: 1 })
  },
)

test('a job that is left to others comes later, and was not started', async () => {
  const { deps, take, places, field } = await world()
  expect(await settleJob(deps, await take(), { status: 'left_to_others', delayMs: 5000 })).toBeUndefined()
  expect(await field('ats')).toBe('0')
  expect(await places()).toEqual({ ...nowhere, delayed: 1 })
})

test('a failed attempt is tried again when it has a delay and attempts are left, and told of with those before', async () => {
  const { deps, take, places, field } = await world()
  expect(await settleJob(deps, await take(), { status: 'failed', failure, retryDelayMs: 0 })).toBeUndefined()
  expect(await places()).toEqual({ ...nowhere, waiting: 1 })
  const second = { ...failure, attempt: 2 }
  expect(await settleJob(deps, await take(), { status: 'failed', failure: second, retryDelayMs: 0 })).toBe('failed')
  expect(await places()).toEqual({ ...nowhere, failed: 1 })
  const attempts = JSON.parse((await field('stacktrace')) ?? '').map((text: string) => JSON.parse(text))
  expect(attempts).toMatchObject([failure, second])
  expect(await field('atm')).toBe('2')
})

test('a job that had a failure when it was taken ends with that, and no attempt', async () => {
  const { deps, redis, keys, ref, take, places, field } = await world()
  const reason = JSON.stringify({ ...failure, code: 'canceled', stopped: 'killed' })
  await redis.hset(keys.job(ref), 'defa', reason)
  const job = await take()
  expect(job.deferredFailure).toBe(reason)
  expect(await failUnrun(deps, job, reason)).toBe('canceled')
  expect(await places()).toEqual({ ...nowhere, failed: 1 })
  expect(await field('failedReason')).toBe(reason)
  expect(await field('stacktrace')).toBe('[]')
})

test("what is said of another's job is refused, and changes nothing", async () => {
  const { deps, redis, keys, ref, take, places } = await world()
  const job = await take()
  await redis.set(keys.lock(ref), 'other')
  await expect(settleJob(deps, job, { status: 'failed', failure, retryDelayMs: undefined })).rejects.toThrow(/lock/i)
  await expect(settleJob(deps, job, { status: 'put_back' })).rejects.toThrow(/lock/i)
  await expect(settleJob(deps, job, { status: 'left_to_others', delayMs: 1 })).rejects.toThrow(/lock/i)
  expect(await places()).toEqual({ ...nowhere, active: 1, locked: 1 })
})
