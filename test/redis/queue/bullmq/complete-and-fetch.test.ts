import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { FetchedJob } from '../../../../src/queue/bullmq/fetched-job.ts'
import { type Announcement, JobEventHub } from '../../../../src/queue/events/event-hub.ts'
import type { JobRef } from '../../../../src/queue/model/job-id.ts'
import type { StoredJob } from '../../../../src/queue/model/stored-job.ts'
import { redisClient } from '../../../helpers/redis-client.ts'
import { waitFor } from '../../../helpers/wait-for.ts'
import { idsOf, ownQueue } from './own-queue.ts'

test('jobs are fetched by priority, then in order; what came back from a vanished worker comes first', async () => {
  const { redis, keys, add, fetch, bull } = await ownQueue()
  const [low, first, second, high] = [await add({ priority: 1 }), await add(), await add(), await add({ priority: 9 })]
  const back = await add()
  await redis.zrem(bull('prioritized'), back.id)
  await redis.rpush(bull('wait'), back.id)
  await redis.del(bull('marker'))

  expect(idsOf(await fetch(3))).toEqual(idsOf([back, high, low]))
  // Other idle workers are woken.
  expect(await redis.zscore(bull('marker'), '0')).toBe('0')
  await redis.del(bull('marker'))
  const rest = await fetch(10, 'other')
  expect(idsOf(rest)).toEqual(idsOf([first, second]))
  expect(await redis.exists(bull('marker'))).toBe(0)
  expect(rest[0]).toMatchObject({ name: 'echo', data: { input: 'grüße\n"' }, attemptsStarted: 1, stalledCounter: 0 })
  expect(await redis.get(keys.lock(first))).toBe('other')
  expect(await redis.pttl(keys.lock(first))).toBeGreaterThan(9000)
  // The one that runs longest at the end where BullMQ looks first.
  expect(await redis.lrange(bull('active'), 0, -1)).toEqual(idsOf([second, first, low, high, back]))
  expect(await fetch(1)).toEqual([])
})

test('no more is fetched than a few megabytes of input; what has to wait keeps its place', async () => {
  const { redis, add, fetch, bull } = await ownQueue()
  const refs: JobRef[] = []
  for (const input of ['x'.repeat(700_000), 'x'.repeat(700_000), 'x'.repeat(700_000), 1])
    refs.push(await add({ input }))
  await redis.del(bull('marker'))
  expect(idsOf(await fetch(16))).toEqual(idsOf(refs.slice(0, 2)))
  // The places that got none wait for the marker.
  expect(await redis.zscore(bull('marker'), '0')).toBe('0')
  expect(idsOf(await fetch(16))).toEqual(idsOf(refs.slice(2)))
})

test('the due time of a delayed job is returned, and the job is fetched when it is due', async () => {
  const { redis, add, ask, fetch, bull } = await ownQueue()
  const later = await add({ delayMs: 60_000 })
  const [[json, , , dueAt] = []] = await ask(4)
  expect(json).toBe(null)
  expect(Number(dueAt)).toBeGreaterThan(Date.now() + 55_000)
  await redis.zadd(bull('delayed'), Date.now() * 0x1000, later.id)
  const due = await fetch(4)
  expect(idsOf(due)).toEqual([later.id])
  expect(due[0]?.opts.delay).toBe(60_000)
})

test("no more is fetched than the queue's rate limit allows, and then Redis says for how long", async () => {
  const { redis, keys, add, ask, fetch, succeed, bull } = await ownQueue()
  await redis.hset(bull('meta'), { max: '2', duration: '60000' })
  const [gone, first, second, third] = [await add(), await add({ replyChannel: 'reply' }), await add(), await add()]
  await redis.del(keys.job(gone))
  // An id without a job is dropped, and does not count.
  const fetched = [...(await fetch(5)), ...(await fetch(5))]
  expect(idsOf(fetched)).toEqual(idsOf([first, second]))
  expect(fetched[0]?.replyChannel).toBe('reply')
  expect(await redis.exists(keys.job(gone), keys.lock(gone))).toBe(0)
  const [[json, , limitedMs, dueAt] = []] = await ask(1)
  expect([json, dueAt]).toEqual([null, 0])
  expect(Number(limitedMs)).toBeGreaterThan(50_000)
  // An end is not limited, but fetches none.
  for (const job of fetched) expect(await succeed(job, { fetchNext: true })).toEqual({ word: 'ended', next: undefined })
  await redis.pexpire(bull('limiter'), 0)
  expect(idsOf(await fetch(5))).toEqual([third.id])
})

test('nothing is fetched of a paused queue; an id without a job is dropped, and makes none', async () => {
  const { redis, keys, add, fetch, bull } = await ownQueue()
  const ref = await add()
  await redis.hset(bull('meta'), 'paused', '1')
  expect(await fetch(4)).toEqual([])
  await redis.hdel(bull('meta'), 'paused')
  await redis.del(keys.job(ref))
  const other = await add()
  expect(idsOf(await fetch(4))).toEqual([other.id])
  expect(await redis.exists(keys.job(ref), keys.lock(ref))).toBe(0)
  expect(await redis.lrange(bull('active'), 0, -1)).toEqual([other.id])
})

test('the limit of a queue over all its workers is kept', async () => {
  const { redis, add, fetch, succeed, bull } = await ownQueue()
  const refs = [await add(), await add(), await add(), await add()]
  await redis.hset(bull('meta'), 'concurrency', '2')
  const [first] = await fetch(4)
  expect(await redis.llen(bull('active'))).toBe(2)
  expect(await fetch(1)).toEqual([])
  const { next } = await succeed(first as FetchedJob, { fetchNext: true })
  expect(next?.id).toBe(refs[2]?.id)
  expect(await redis.llen(bull('active'))).toBe(2)
})

test('a job ends once, and only by the word of who holds it', async () => {
  const { redis, keys, add, fetch, succeed, bull } = await ownQueue()
  const [ref, ...others] = [await add(), await add(), await add()] as [JobRef, JobRef, JobRef]
  const [mine, stolen, canceled] = (await fetch(3)) as [FetchedJob, FetchedJob, FetchedJob]
  await redis.set(keys.lock(others[0]), 'other')
  await redis.set(keys.lock(others[1]), 'cancel:mine')
  await redis.sadd(bull('stalled'), ref.id)
  const results = await Promise.all([succeed(stolen), succeed(mine), succeed(canceled)])
  expect(results.map(({ word }) => word)).toEqual(['lost', 'ended', 'lost'])
  expect(await redis.hmget(keys.job(ref), 'returnvalue', 'atm', 'ats')).toEqual(['"ok"', '1', null])
  expect(await redis.zrange(bull('completed'), '0', '-1')).toEqual([ref.id])
  expect(await redis.lrange(bull('active'), 0, -1)).toEqual(idsOf(others).toReversed())
  expect(await redis.exists(keys.lock(ref), bull('stalled'))).toBe(0)
  expect(await redis.hexists(keys.job(others[0]), 'finishedOn')).toBe(0)
  // As a client repeats it whose connection was lost with the answer.
  expect((await succeed(mine)).word).toBe('over')
  expect(await redis.zcard(bull('completed'))).toBe(1)
})

test('of jobs that end together each leaves the list of running jobs, and no other does', async () => {
  const { redis, keys, add, fetch, succeed, bull } = await ownQueue()
  for (let n = 0; n < 12; n++) await add()
  const jobs = await fetch(12)
  const active = () => redis.lrange(bull('active'), 0, -1)
  const endTogether = async (some: FetchedJob[]) =>
    (await Promise.all(some.map((job) => succeed(job)))).map(({ word }) => word)
  const at = (...places: number[]) => places.flatMap((place) => jobs[place] ?? [])

  // The oldest, in any order.
  expect(await endTogether(at(2, 0, 1, 3))).toEqual(['ended', 'ended', 'ended', 'ended'])
  expect(await active()).toEqual(idsOf(at(11, 10, 9, 8, 7, 6, 5, 4)))
  // One is not among them.
  expect(await endTogether(at(4, 5, 7))).toEqual(['ended', 'ended', 'ended'])
  expect(await active()).toEqual(idsOf(at(11, 10, 9, 8, 6)))
  // One has lost its lock, and stays.
  await redis.set(keys.lock(at(8)[0]?.ref ?? { queue: 'io', id: '' }), 'other')
  expect(await endTogether(at(6, 8, 9))).toEqual(['ended', 'lost', 'ended'])
  expect(await active()).toEqual(idsOf(at(11, 10, 8)))
})

test('a place whose end was refused takes the next job all the same', async () => {
  const { redis, keys, add, fetch, succeed } = await ownQueue()
  const [ref, other] = [await add(), await add()]
  const [job] = await fetch(1)
  await redis.set(keys.lock(ref), 'other')
  const { word, next } = await succeed(job as FetchedJob, { fetchNext: true })
  expect(word).toBe('lost')
  expect(next?.id).toBe(other.id)
})

test('a long list of running jobs is searched from both ends', async () => {
  const { redis, add, fetch, succeed, bull } = await ownQueue()
  await add()
  await add()
  const [oldest] = (await fetch(1)) as [FetchedJob]
  await redis.lpush(bull('active'), ...Array.from({ length: 600 }, (_, n) => `filler-${n}`))
  const [newest] = (await fetch(1)) as [FetchedJob]
  expect((await succeed(newest)).word).toBe('ended')
  expect((await succeed(oldest)).word).toBe('ended')
  expect(await redis.llen(bull('active'))).toBe(600)
})

test('one broken job does not keep those from ending that end with it', async () => {
  const { redis, keys, add, fetch, succeed, bull } = await ownQueue()
  const [gone, odd, fine] = [await add(), await add(), await add()]
  const jobs = (await fetch(3)) as [FetchedJob, FetchedJob, FetchedJob]
  await redis.del(keys.job(gone))
  await redis.del(keys.job(odd))
  await redis.set(keys.job(odd), 'no hash')
  const ended = await Promise.all(jobs.map((job) => succeed(job)))
  // The second is unknown: it is redelivered when its lease expires.
  expect(ended.map(({ word }) => word)).toEqual(['lost', 'unknown', 'ended'])
  expect(await redis.zrange(bull('completed'), '0', '-1')).toEqual([fine.id])
  expect(await redis.exists(keys.job(gone))).toBe(0)
})

test('an end is published with the job to its subscribers, if it fits, to the process of its waiting client, and to its flow', async () => {
  const { redis, keys, add, fetch, succeed } = await ownQueue({ attempts: 1 })
  const subscriber = await redisClient('subscriber')
  const hub = new JobEventHub({ subscriber, client: redis, keys, log: pino({ level: 'silent' }) })
  const refs = [
    await add(),
    await add(),
    await add({ flow: 'f1' }),
    await add({ replyChannel: hub.replyChannel }),
    await add(),
  ]
  const [small, large, , awaited, failing] = refs as [JobRef, JobRef, JobRef, JobRef, JobRef]
  const heard = new Map<JobRef, Announcement[]>()
  for (const ref of [small, large, failing]) {
    const of: Announcement[] = []
    heard.set(ref, of)
    await hub.watch(ref, (announced) => of.push(announced))
  }
  const ends: (StoredJob | undefined)[] = []
  const stop = await hub.awaitEnd(awaited, (job) => ends.push(job))
  const hints: string[] = []
  await subscriber.subscribe(keys.flowHints)
  subscriber.on('message', (channel: string, message: string) => channel === keys.flowHints && hints.push(message))

  const jobs = (await fetch(5)) as [FetchedJob, FetchedJob, FetchedJob, FetchedJob, FetchedJob]
  const [first, second, third, fourth, fifth] = jobs
  const output = JSON.stringify('x'.repeat(20_000))
  const failure = JSON.stringify({ code: 'job_failed', message: 'no', retryable: true, attempt: 1 })
  await Promise.all([
    succeed(first),
    succeed(second, { output }),
    succeed(third),
    succeed(fourth),
    fifth.moveToFailed(new Error(failure), 'mine'),
  ])
  await waitFor(
    'all to hear',
    () => [...heard.values()].flat().length + ends.length + hints.length,
    (count) => count === 5,
  )
  const job = { state: 'succeeded', output: 'ok', record: { input: 'grüße\n"' }, attempt: 1, run: 1 }
  expect(heard.get(small)).toMatchObject([{ changed: true, mayBeDone: true, job: { ...small, ...job } }])
  expect(heard.get(large)).toEqual([{ changed: true, mayBeDone: true, job: undefined }])
  expect(heard.get(failing)).toMatchObject([{ changed: true, job: { state: 'failed', failure: { message: 'no' } } }])
  expect(ends).toMatchObject([{ ...awaited, ...job }])
  expect(hints).toEqual([`f1 ${third.id}`])
  stop()
})
