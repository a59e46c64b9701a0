import { expect, test } from 'vitest'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import type { NewJob } from '../../../../src/queue/model/new-job.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { JobControl } from '../../../../src/queue/store/cancel-and-retry.ts'
import { JobQueue } from '../../../../src/queue/store/job-queue.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'

async function world() {
  const redis = await redisClient()
  const keys = new Keys(keyPrefix())
  const queue = new JobQueue({ client: redis, keys, queues: ['io'] })
  const add = (more: Partial<NewJob> = {}) => {
    const now = Date.now()
    const record = { tenant: '-', input: { n: 1 }, deadlineMs: 5000, countsFrom: now }
    return queue.add({ ref: newJobRef('io', now), type: 'echo', record, attempts: 2, createdAt: now, ...more })
  }
  const order = () => redis.zrange(keys.bull('io', 'prioritized'), '0', '-1')
  return { redis, keys, queue, add, order, control: new JobControl({ redis, keys }) }
}

test('a job of another priority goes behind those that have it, and one of the same priority keeps its place', async () => {
  const { queue, add, order } = await world()
  const [a, b, c] = [await add(), await add(), await add()]
  expect(await queue.changeWaiting(c, { priority: 9 }, Date.now())).toBe('done')
  expect(await order()).toEqual([c.id, a.id, b.id])
  expect(await queue.changeWaiting(b, { priority: 9 }, Date.now())).toBe('done')
  expect(await queue.changeWaiting(c, { priority: 9 }, Date.now())).toBe('done')
  expect(await order()).toEqual([c.id, b.id, a.id])
  expect(await queue.read(c)).toMatchObject({ record: { priority: 9, input: { n: 1 }, deadlineMs: 5000 } })
})

test('another time moves a job between scheduled and queued, and its deadline with it', async () => {
  const { queue, add, order, redis, keys } = await world()
  const job = await add()
  const runAt = Date.now() + 60_000
  expect(await queue.changeWaiting(job, { runAt, priority: 3 }, Date.now())).toBe('done')
  expect(await queue.read(job)).toMatchObject({
    state: 'scheduled',
    scheduledFor: runAt,
    runAt,
    record: { priority: 3, countsFrom: runAt },
    maxAttempts: 2,
  })
  expect(Number(await redis.zscore(keys.timeLimits('io'), `d:${job.id}`))).toBe(runAt + 5000)
  expect(await queue.changeWaiting(job, { runAt: runAt + 1000 }, Date.now())).toBe('done')
  expect(await queue.changeWaiting(job, { priority: 4 }, Date.now())).toBe('done')
  expect(await queue.read(job)).toMatchObject({
    scheduledFor: runAt + 1000,
    runAt: runAt + 1000,
    record: { priority: 4 },
  })
  const now = Date.now()
  expect(await queue.changeWaiting(job, { runAt: now - 60_000 }, now)).toBe('done')
  expect(await queue.read(job)).toMatchObject({ state: 'queued', runAt: undefined, record: { countsFrom: now } })
  expect(await order()).toEqual([job.id])
})

test('a job that does not wait is left as it is, and of changes at once none is lost', async () => {
  const { queue, add, redis, keys, control } = await world()
  const running = await add()
  await redis.zrem(keys.bull('io', 'prioritized'), running.id)
  await redis.lpush(keys.bull('io', 'active'), running.id)
  await redis.set(keys.lock(running), 'worker:0', 'PX', 60_000)
  expect(await queue.changeWaiting(running, { priority: 9 }, Date.now())).toBe('not_waiting')
  const canceled = await add()
  await control.cancel(canceled, 1000, Date.now())
  expect(await queue.changeWaiting(canceled, { runAt: Date.now() + 1000 }, Date.now())).toBe('not_waiting')
  const gone = await add()
  await redis.del(keys.job(gone))
  expect(await queue.changeWaiting(gone, { priority: 9 }, Date.now())).toBe('missing')

  const job = await add()
  const runAt = Date.now() + 60_000
  const both = [{ priority: 7 }, { runAt }].map((change) => queue.changeWaiting(job, change, Date.now()))
  expect(await Promise.all(both)).toEqual(['done', 'done'])
  expect(await queue.read(job)).toMatchObject({ scheduledFor: runAt, record: { priority: 7, countsFrom: runAt } })
})

test('the place of a job is counted over its queue, or over the jobs of its tenant', async () => {
  const { queue, add, redis, keys } = await world()
  const of = (tenant: string) => add({ record: { tenant, input: 1 } })
  const jobs = [await of('acme'), await of('globex'), await of('acme'), await of('globex'), await of('acme')]
  const standings = async (of: 'all' | 'own') =>
    Promise.all(jobs.map(async (job) => (await queue.readStanding(job, job.record.tenant, of))?.standing?.ownAhead))
  expect(await standings('all')).toEqual([0, 1, 2, 3, 4])
  expect(await standings('own')).toEqual([0, 0, 1, 1, 2])
  // What came back from a vanished worker goes first, the last of its list before the others.
  await redis.zrem(keys.bull('io', 'prioritized'), jobs[3]?.id ?? '', jobs[4]?.id ?? '')
  await redis.rpush(keys.bull('io', 'wait'), jobs[3]?.id ?? '', jobs[4]?.id ?? '')
  expect(await standings('all')).toEqual([2, 3, 4, 1, 0])
  expect(await standings('own')).toEqual([1, 1, 2, 0, 0])
  const now = Date.now()
  await redis.zadd(keys.bull('io', 'completed'), now - 1000, 'a', now - 300_000, 'b', now - 900_000, 'c')
  const first = jobs[0]
  expect(first && (await queue.readStanding(first, 'acme', 'all'))?.standing).toMatchObject({
    endedInMinute: 1,
    endedInTenMinutes: 2,
    ready: 5,
  })
  const whole = first && (await queue.readStanding(first, 'acme', 'own'))?.standing
  expect(whole).toMatchObject({ ahead: 2, ownAhead: 1, isTurnOpen: false })
  // Only the tenant with fairness keys decides its order at its turns.
  await add({ record: { tenant: 'acme', input: 1, fairnessKey: 'k' } })
  const open = jobs.map(async (job) => (await queue.readStanding(job, undefined, 'all'))?.standing?.isTurnOpen)
  expect(await Promise.all(open)).toEqual([true, false, true, false, false])
})
