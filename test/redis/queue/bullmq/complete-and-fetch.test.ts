import { pino } from 'pino'
import { expect, test } from 'vitest'
import { JobStore } from '../../../../src/queue/bullmq/add-jobs.ts'
import { exchange, type JobSuccess, type TakenJob } from '../../../../src/queue/bullmq/complete-and-fetch.ts'
import { type Announcement, JobEventHub } from '../../../../src/queue/events/event-hub.ts'
import { type JobRef, newJobRef } from '../../../../src/queue/model/job-id.ts'
import { recordVersion } from '../../../../src/queue/model/job-record.ts'
import type { StoredJob } from '../../../../src/queue/model/stored-job.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'
import { waitFor } from '../../../helpers/wait-for.ts'

interface Given {
  input?: unknown
  priority?: number
  delayMs?: number
  waiter?: string
}

async function world() {
  const redis = await redisClient()
  const keys = new Keys(keyPrefix())
  const jobs = new JobStore({ redis, keys, isListed: true })
  const store = async ({ input = 'grüße\n"', priority, delayMs, waiter }: Given = {}): Promise<JobRef> => {
    const now = Date.now()
    const ref = newJobRef('io', now)
    const record = { v: recordVersion, tenant: '-', input, ...(priority !== undefined && { priority }) } as const
    const dueAt = delayMs === undefined ? undefined : now + delayMs
    await jobs.store({ ref, type: 'echo', record, attempts: 3, createdAt: now, dueAt, waiter })
    return ref
  }
  const say = (successes: JobSuccess[], most = 0, token = 'mine') =>
    exchange({ redis, keys }, 'io', successes, { most, token, lockMs: 10_000, workerName: 'w' })
  const take = (most: number, token?: string) => say([], most, token)
  const bull = (suffix: string) => keys.bull('io', suffix)
  return { redis, keys, store, say, take, bull }
}

const idsOf = (jobs: { id: string }[]) => jobs.map(({ id }) => id)
const success = ({ id, token }: TakenJob, more: Partial<JobSuccess> = {}): JobSuccess => ({
  id,
  token,
  attempt: 1,
  output: '"ok"',
  flow: undefined,
  waiter: undefined,
  length: 100,
  ...more,
})

test('jobs are taken by priority, then in order; what came back from a vanished worker comes first', async () => {
  const { redis, keys, store, take, bull } = await world()
  const [low, first, second, high] = [
    await store({ priority: 1 }),
    await store(),
    await store(),
    await store({ priority: 9 }),
  ]
  const back = await store()
  await redis.zrem(bull('prioritized'), back.id)
  await redis.rpush(bull('wait'), back.id)

  const some = await take(3)
  expect(idsOf(some.taken)).toEqual(idsOf([back, high, low]))
  expect(some.isMore).toBe(true)
  // Whoever else is idle is woken.
  expect(await redis.zscore(bull('marker'), '0')).toBe('0')
  const rest = await take(10, 'other')
  expect(idsOf(rest.taken)).toEqual(idsOf([first, second]))
  expect(rest).toMatchObject({ isMore: false, nextDueAt: undefined })
  expect(rest.taken[0]).toMatchObject({
    type: 'echo',
    data: { input: 'grüße\n"' },
    token: 'other',
    starts: 1,
    stalls: 0,
  })
  expect(await redis.get(keys.lock(first))).toBe('other')
  expect(await redis.pttl(keys.lock(first))).toBeGreaterThan(9000)
  // The one that runs longest at the end where BullMQ looks first.
  expect(await redis.lrange(bull('active'), 0, -1)).toEqual(idsOf([second, first, low, high, back]))
  expect((await take(1)).taken).toEqual([])
})

test('no more is taken than a few megabytes of input; what has to wait keeps its place', async () => {
  const { store, take } = await world()
  const refs: JobRef[] = []
  for (const input of ['x'.repeat(700_000), 'x'.repeat(700_000), 'x'.repeat(700_000), 1])
    refs.push(await store({ input }))
  const { taken, isMore } = await take(16)
  expect(idsOf(taken)).toEqual(idsOf(refs.slice(0, 2)))
  expect(isMore).toBe(true)
  expect(idsOf((await take(16)).taken)).toEqual(idsOf(refs.slice(2)))
})

test('a delayed job is told of, and taken when it is due', async () => {
  const { redis, store, take, bull } = await world()
  const later = await store({ delayMs: 60_000 })
  const none = await take(4)
  expect(none.taken).toEqual([])
  expect(none.nextDueAt).toBeGreaterThan(Date.now() + 55_000)
  await redis.zadd(bull('delayed'), Date.now() * 0x1000, later.id)
  const due = await take(4)
  expect(idsOf(due.taken)).toEqual([later.id])
  expect(due.taken[0]?.options.delay).toBe(60_000)
})

test('nothing is taken of a paused queue; an id without a job is dropped, and makes none', async () => {
  const { redis, keys, store, take, bull } = await world()
  const ref = await store()
  await redis.hset(bull('meta'), 'paused', '1')
  expect(await take(4)).toMatchObject({ taken: [], isMore: false })
  await redis.hdel(bull('meta'), 'paused')
  await redis.del(keys.job(ref))
  const other = await store()
  expect(idsOf((await take(4)).taken)).toEqual([other.id])
  expect(await redis.exists(keys.job(ref), keys.lock(ref))).toBe(0)
  expect(await redis.lrange(bull('active'), 0, -1)).toEqual([other.id])
})

test('a job ends once, and only by the word of who holds it', async () => {
  const { redis, keys, store, say, take, bull } = await world()
  const refs = [await store(), await store(), await store()]
  const [mine, stolen, canceled] = (await take(3)).taken as [TakenJob, TakenJob, TakenJob]
  const [ref, ...others] = refs as [JobRef, JobRef, JobRef]
  await redis.set(keys.lock(others[0]), 'other')
  await redis.set(keys.lock(others[1]), 'cancel:mine')
  await redis.sadd(bull('stalled'), ref.id)
  const said = await say([success(stolen), success(mine), success(canceled)])
  expect(said.acknowledged).toEqual(['lost', 'ended', 'lost'])
  expect(await redis.hmget(keys.job(ref), 'returnvalue', 'atm', 'ats')).toEqual(['"ok"', '1', '1'])
  expect(await redis.zrange(bull('completed'), '0', '-1')).toEqual([ref.id])
  expect(await redis.lrange(bull('active'), 0, -1)).toEqual(idsOf(others).toReversed())
  expect(await redis.exists(keys.lock(ref), bull('stalled'))).toBe(0)
  expect(await redis.hexists(keys.job(others[0]), 'finishedOn')).toBe(0)
  // As a client says it again whose connection was lost with the answer.
  expect((await say([success(mine)])).acknowledged).toEqual(['over'])
  expect(await redis.zcard(bull('completed'))).toBe(1)
})

test('an end comes with the job to those who listen, if it fits; to who waits for it, and to its flow', async () => {
  const { redis, keys, store, say, take } = await world()
  const subscriber = await redisClient('subscriber')
  const hub = new JobEventHub({ subscriber, client: redis, keys, log: pino({ level: 'silent' }) })
  const refs = [await store(), await store(), await store(), await store({ waiter: hub.waiter })]
  const [small, large, , awaited] = refs as [JobRef, JobRef, JobRef, JobRef]
  const heard = new Map<JobRef, Announcement[]>()
  for (const ref of [small, large]) {
    const of: Announcement[] = []
    heard.set(ref, of)
    await hub.watch(ref, (said) => of.push(said))
  }
  const ends: (StoredJob | undefined)[] = []
  const stop = await hub.awaitEnd(awaited, (job) => ends.push(job))
  const hints: string[] = []
  await subscriber.subscribe(keys.flowHints)
  subscriber.on('message', (channel: string, message: string) => channel === keys.flowHints && hints.push(message))

  const [first, second, third, fourth] = (await take(4)).taken as [TakenJob, TakenJob, TakenJob, TakenJob]
  const output = JSON.stringify('x'.repeat(20_000))
  const { waiter } = fourth
  await say([success(first), success(second, { output }), success(third, { flow: 'f1' }), success(fourth, { waiter })])
  await waitFor(
    'all to hear',
    () => [...heard.values()].flat().length + ends.length + hints.length,
    (count) => count === 4,
  )
  const job = { state: 'succeeded', output: 'ok', record: { input: 'grüße\n"' }, attempt: 1, run: 1 }
  expect(heard.get(small)).toMatchObject([{ changed: true, mayBeDone: true, job: { ...small, ...job } }])
  expect(heard.get(large)).toEqual([{ changed: true, mayBeDone: true, job: undefined }])
  expect(ends).toMatchObject([{ ...awaited, ...job }])
  expect(hints).toEqual([`f1 ${third.id}`])
  stop()
})
