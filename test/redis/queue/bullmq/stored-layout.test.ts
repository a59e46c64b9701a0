import { pino } from 'pino'
import { expect, test } from 'vitest'
import { AttemptFailed } from '../../../../src/queue/bullmq/attempt-failed.ts'
import { putBack } from '../../../../src/queue/bullmq/put-back.ts'
import { JobEventWriter } from '../../../../src/queue/events/event-writer.ts'
import { readEvents } from '../../../../src/queue/events/read-events.ts'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import { JobControl } from '../../../../src/queue/store/cancel-and-retry.ts'
import { JobQueue } from '../../../../src/queue/store/job-queue.ts'
import { ownQueue } from './own-queue.ts'

/** ADR 50: which fields a job has. */
async function world(options?: { attempts?: number }) {
  const queue = await ownQueue(options)
  const { redis, keys, own } = queue
  const jobs = new JobQueue({ client: redis, keys, queues: ['io'] })
  const control = new JobControl({ redis, keys })
  return { ...queue, jobs, control, held: { redis: own, backend: queue.backend } }
}

test('a job has a field only for what is its own', async () => {
  const { add, fetch, succeed, redis, keys, jobs } = await world({ attempts: 1 })
  const ref = await add({ input: 'x'.repeat(99) })
  const fields = async () => (await redis.hkeys(keys.job(ref))).toSorted()
  expect(await fields()).toEqual(['data', 'name', 'opts', 'timestamp'])
  expect((await redis.hget(keys.job(ref), 'opts'))?.length).toBeLessThan(65)
  expect(await jobs.read(ref)).toMatchObject({ state: 'queued', maxAttempts: 1, attempt: 0 })

  const [job] = await fetch(1)
  if (!job) throw new Error('no job was fetched')
  expect(await fields()).toEqual(['ats', 'data', 'name', 'opts', 'pb', 'processedOn', 'timestamp'])
  await succeed(job)
  const ended = ['atm', 'data', 'finishedOn', 'name', 'opts', 'pb', 'processedOn', 'returnvalue', 'timestamp']
  expect(await fields()).toEqual(ended)
  expect(await jobs.read(ref)).toMatchObject({
    state: 'succeeded',
    attempt: 1,
    starts: [{ attempt: 1, worker: 'w', outcome: 'succeeded' }],
  })
})

test('a failure is stored once, and each failed attempt before it', async () => {
  const { add, fetch, redis, keys, jobs } = await world({ attempts: 2 })
  const ref = await add()
  for (const attempt of [1, 2]) {
    const [job] = await fetch(1)
    if (!job) throw new Error('no job was fetched')
    const failure = { code: 'job_failed', message: `attempt ${attempt}`, retryable: true, attempt }
    const start = { worker: 'w', startedAt: job.processedOn }
    await job.moveToFailed(new AttemptFailed(failure, attempt === 1 ? 0 : undefined, start), job.lockToken)
  }
  expect(JSON.parse((await redis.hget(keys.job(ref), 'stacktrace')) ?? '')).toHaveLength(1)
  const { state, attempt, starts, failure } = (await jobs.read(ref)) ?? {}
  expect({ state, attempt, message: failure?.message }).toEqual({ state: 'failed', attempt: 2, message: 'attempt 2' })
  expect(starts?.map((one) => [one.attempt, one.outcome, one.failure?.message])).toEqual([
    [1, 'failed', 'attempt 1'],
    [2, 'failed', 'attempt 2'],
  ])
})

test('a job without a stored priority keeps its place wherever it comes back from', async () => {
  const { add, fetch, redis, keys, bull, held, backend, control, jobs, succeed } = await world()
  const later = await add()
  const [first] = await fetch(1)
  if (!first) throw new Error('no job was fetched')
  const waiting = await add()
  await putBack(held, first.id ?? '', first.lockToken, true)
  expect(await redis.zrange(bull('prioritized'), '0', '-1')).toEqual([later.id, waiting.id])

  // A retry without a delay, which BullMQ's script does: behind the others, and not before all.
  const [again] = await fetch(1)
  if (!again) throw new Error('no job was fetched')
  await backend.retryJob(again.id ?? '', false, again.lockToken)
  expect(await redis.zrange(bull('prioritized'), '0', '-1')).toEqual([waiting.id, later.id])
  expect(await redis.llen(bull('wait'))).toBe(0)

  const [ended] = await fetch(1)
  if (!ended) throw new Error('no job was fetched')
  await succeed(ended)
  const stored = await jobs.read(waiting)
  expect(stored && (await control.reopen(stored, Date.now()))).toBe('reopened')
  expect(await redis.zrange(bull('prioritized'), '0', '-1')).toEqual([later.id, waiting.id])
  expect(await redis.hget(keys.job(waiting), 'priority')).toBeNull()
})

test('a job that an earlier version stored is read, run and ended', async () => {
  const { redis, keys, bull, fetch, succeed, jobs } = await world()
  const now = Date.now()
  const ref = newJobRef('io', now)
  const opts = { attempts: 3, backoff: { type: 'drover' }, priority: 10, stackTraceLimit: 20 }
  const data = { v: 1, tenant: '-', input: 'earlier' }
  const hash = { name: 'echo', data: JSON.stringify(data), opts: JSON.stringify(opts), timestamp: now }
  await redis.hset(keys.job(ref), { ...hash, priority: 10, delay: 0 })
  await redis.zadd(bull('prioritized'), 10 * 0x100000000, ref.id)
  expect(await jobs.read(ref)).toMatchObject({ state: 'queued', maxAttempts: 3 })
  const [job] = await fetch(1)
  if (!job) throw new Error('no job was fetched')
  await succeed(job)
  expect(await jobs.read(ref)).toMatchObject({ state: 'succeeded', attempt: 1, starts: [{ outcome: 'succeeded' }] })
})

test('the events and values of a job that has ended take no more than they need, and are read as before', async () => {
  const { add, fetch, succeed, redis, own, keys, jobs, control } = await world()
  const ref = await add()
  const [job] = await fetch(1)
  if (!job) throw new Error('no job was fetched')
  const writer = new JobEventWriter({ redis: own, keys, log: pino({ level: 'silent' }) })
  const events = writer.open(ref, job.lockToken, { attempt: 1, isFirst: true }, () => undefined)
  for (const step of [1, 2, 3])
    void events.emit({ kind: 'progress', fraction: step / 3, message: `step ${step}`, data: null })
  void events.emit({ kind: 'output', value: 'a value' })
  await events.flush()
  const page = () => readEvents({ redis, keys }, ref, { after: 0, gapTo: 0 })
  const before = await page()
  expect(before.events).toHaveLength(4)
  const size = async () => {
    const sizes = await Promise.all([keys.events(ref), keys.values(ref)].map((key) => redis.memory('USAGE', key)))
    return sizes.map(Number)
  }
  const running = await size()

  await succeed(job)
  expect(await page()).toEqual(before)
  for (const [n, bytes] of (await size()).entries()) {
    expect(bytes).toBeLessThan(1200)
    // Where Redis is set to keep no reserve there is none to free.
    expect(bytes).toBeLessThanOrEqual(running[n] ?? 0)
  }
  const stored = await jobs.read(ref)
  expect(stored).toMatchObject({ lastEventId: 4, progress: { fraction: 1 } })
  expect(await redis.keys(`${keys.job(ref)}*:copy`)).toEqual([])

  // The next run goes on with them.
  expect(stored && (await control.reopen(stored, Date.now()))).toBe('reopened')
  const [next] = await fetch(1)
  if (!next) throw new Error('no job was fetched')
  const more = writer.open(ref, next.lockToken, { attempt: 1, isFirst: true }, () => undefined)
  void more.emit({ kind: 'progress', fraction: 1, message: null, data: null })
  await more.flush()
  expect((await jobs.read(ref))?.lastEventId).toBeGreaterThan(4)
})
