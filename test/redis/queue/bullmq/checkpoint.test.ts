import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { JobEvent, KeepRequest } from '../../../../src/jobs/job-event.ts'
import { keptLimits } from '../../../../src/jobs/kept-limits.ts'
import { AttemptFailed } from '../../../../src/queue/bullmq/attempt-failed.ts'
import type { FetchedJob } from '../../../../src/queue/bullmq/fetched-job.ts'
import { putBack } from '../../../../src/queue/bullmq/put-back.ts'
import { JobEventWriter } from '../../../../src/queue/events/event-writer.ts'
import { readEvents } from '../../../../src/queue/events/read-events.ts'
import { decodeKept } from '../../../../src/queue/model/kept-state.ts'
import { JobControl } from '../../../../src/queue/store/cancel-and-retry.ts'
import { JobQueue } from '../../../../src/queue/store/job-queue.ts'
import { readValues } from '../../../../src/queue/store/job-values.ts'
import { ownQueue } from './own-queue.ts'

async function world() {
  const queue = await ownQueue()
  const { redis, keys, own, add, fetch, backend } = queue
  const jobs = new JobQueue({ client: redis, keys, queues: ['io'] })
  const control = new JobControl({ redis, keys })
  const writer = new JobEventWriter({ redis: own, keys, log: pino({ level: 'silent' }) })
  let fetches = 0
  const ref = await add()

  /** The next start of the job: its events, and what it finds. */
  const start = async (beforeOpen?: () => Promise<unknown>) => {
    const [job] = await fetch(1, `token-${++fetches}`)
    if (!job) throw new Error('no job was fetched')
    const kept = job.kept && decodeKept(job.kept)
    const before = { attempt: job.attempt, isFirst: job.attemptsStarted === 1, kept }
    await beforeOpen?.()
    let lost = 0
    const events = writer.open(ref, job.lockToken, before, () => lost++)
    const emit = async (...all: (JobEvent | KeepRequest)[]) => {
      const answers = await Promise.all(all.map(async (one) => events.emit(one)))
      await events.flush()
      return answers
    }
    return { job, kept, events, emit, lost: () => lost }
  }
  const lose = (job: FetchedJob) => putBack({ redis: own, backend }, job.id ?? '', job.lockToken, true)
  const values = async () => {
    const page = await readValues({ redis, keys }, ref, undefined, { limit: 1000, bytes: 1_000_000 })
    if (page.status !== 'page') return { list: 0, items: [] }
    return { list: page.next.list, items: page.values.map(Number) }
  }
  /** As a client has them that applies each event from the beginning, and the resets that it received. */
  const replay = async () => {
    const { events } = await readEvents({ redis, keys }, ref, { after: 0, gapTo: 0 })
    let items: number[] = []
    const resets: unknown[] = []
    for (const { kind, data } of events) {
      const fields: { value: number; from: number } = JSON.parse(data)
      if (kind === 'values_reset') {
        resets.push(fields)
        items = items.slice(0, fields.from)
      } else if (kind === 'output') items.push(fields.value)
    }
    return { items, resets }
  }
  const left = async () =>
    (await redis.keys(`${keys.job(ref)}*`)).map((key) => key.slice(keys.job(ref).length)).toSorted()
  return { ...queue, ref, jobs, control, start, lose, values, replay, left }
}

const value = (n: number): JobEvent => ({ kind: 'output', value: n })
const checkpoint = (state: unknown, n = 1): KeepRequest => ({ kind: 'checkpoint', n, json: JSON.stringify(state) })
const step = (name: string, result: unknown): KeepRequest => ({
  kind: 'step',
  n: 1,
  name,
  json: JSON.stringify(result),
})

test('the next start gets the last state and each step, and its values go on where the state was', async () => {
  const { start, lose, values, replay, jobs, ref } = await world()
  const first = await start()
  expect(first.kept).toBeUndefined()
  expect(await first.emit(value(0), value(1), checkpoint({ at: 2 }), step('grüße 1', [7]), value(2), value(3))).toEqual(
    [undefined, undefined, undefined, undefined, undefined, undefined],
  )
  const size = '{"at":2}'.length + '[7]'.length
  expect((await jobs.read(ref))?.checkpoint).toMatchObject({ bytes: size, at: expect.any(Number) })
  expect(await values()).toEqual({ list: 1, items: [0, 1, 2, 3] })
  await lose(first.job)

  const second = await start()
  expect(second.kept).toEqual({
    state: { json: '{"at":2}', values: { count: 2, bytes: 2 } },
    steps: { 'grüße 1': '[7]' },
  })
  await second.emit(value(20), value(30), value(40))
  expect(await values()).toEqual({ list: 2, items: [0, 1, 20, 30, 40] })
  expect(await replay()).toEqual({ items: [0, 1, 20, 30, 40], resets: [{ list: 2, from: 2 }] })
  await lose(second.job)

  // Lost before another checkpoint: cut again, and nothing of the second start is left.
  const third = await start()
  expect(third.kept).toEqual(second.kept)
  await third.emit(value(21), checkpoint({ at: 3 }))
  await lose(third.job)
  const fourth = await start()
  expect(fourth.kept?.state).toEqual({ json: '{"at":3}', values: { count: 3, bytes: 4 } })
  await fourth.emit(value(31))
  expect(await values()).toEqual({ list: 3, items: [0, 1, 21, 31] })
  // Nothing was yielded behind the last checkpoint, so the list went on.
  const resets = [
    { list: 3, from: 2 },
    { list: 3, from: 3 },
  ]
  expect(await replay()).toEqual({ items: [0, 1, 21, 31], resets })
})

test('values are read by page around the places at which the list was cut', async () => {
  const { start, lose, redis, keys, ref } = await world()
  const first = await start()
  // More than stay: these are copied. Behind the next checkpoint there is less, which is removed.
  const more = Array.from({ length: 60 }, () => value(99))
  await first.emit(...Array.from({ length: 40 }, (_, n) => value(n)), checkpoint(1), ...more)
  await lose(first.job)
  const second = await start()
  await second.emit(...Array.from({ length: 30 }, (_, n) => value(40 + n)), checkpoint(2, 2), value(97))
  await lose(second.job)
  const third = await start()
  await third.emit(...Array.from({ length: 30 }, (_, n) => value(70 + n)))
  for (let read = 0; read < 100; read++) {
    for (const limit of [1, 3, 100]) {
      const page = await readValues({ redis, keys }, ref, { list: 3, read }, { limit, bytes: 1_000_000 })
      expect(page).toMatchObject({ status: 'page', count: 100 })
      const items = page.status === 'page' ? page.values.map(Number) : []
      expect(items.length).toBeGreaterThan(0)
      expect(items).toEqual(Array.from({ length: items.length }, (_, n) => read + n))
    }
  }
  expect(await readValues({ redis, keys }, ref, { list: 1, read: 40 }, { limit: 1, bytes: 1 })).toEqual({
    status: 'reset',
    list: 3,
  })
})

test('a worker that has lost its lease keeps nothing, nor does one whose job was canceled', async () => {
  const { start, lose, jobs, control, ref, left } = await world()
  const zombie = await start()
  await zombie.emit(checkpoint('first'))
  await lose(zombie.job)
  const second = await start()
  const refused = { code: 'checkpoint_refused', retryable: true }
  expect(await zombie.emit(checkpoint('late'), step('late', 1))).toMatchObject([refused, refused])
  expect(zombie.lost()).toBeGreaterThan(0)
  expect(second.kept?.state?.json).toBe('"first"')
  await second.emit(checkpoint('second'))
  expect(await zombie.emit(checkpoint('later'))).toMatchObject([refused])
  const running = await jobs.read(ref)
  expect(running?.state).toBe('running')
  if (running) await control.cancel(running, 1000, Date.now())
  expect(await second.emit(checkpoint('canceled'))).toMatchObject([refused])
  await control.finishCanceled(ref, { token: second.job.lockToken, attempt: 1 }, 'cooperatively')
  expect(await left()).not.toContain(':checkpoint')
})

test('a failed job keeps its last checkpoint for a replay, a new run begins anew, and success removes it', async () => {
  const { start, lose, succeed, jobs, control, ref, left } = await world()
  for (const attempt of [1, 2, 3]) {
    const { job, kept, emit } = await start()
    expect(kept?.state?.json).toBe(attempt === 1 ? undefined : String(attempt - 1))
    await emit(checkpoint(attempt))
    const failure = { code: 'job_failed', message: 'no', retryable: true, attempt }
    const begun = { worker: 'w', startedAt: job.processedOn }
    await job.moveToFailed(new AttemptFailed(failure, attempt < 3 ? 0 : undefined, begun), job.lockToken)
  }
  const failed = await jobs.read(ref)
  expect(failed).toMatchObject({ state: 'failed', checkpoint: { bytes: 1 }, startCount: 3 })
  expect((await jobs.readKept(ref)).state?.json).toBe('3')
  expect(await left()).toContain(':checkpoint')

  expect(failed && (await control.reopen(failed, Date.now()))).toBe('reopened')
  const again = await start()
  expect(await left()).not.toContain(':checkpoint')
  expect([again.kept, again.job.run, again.job.attemptsStarted]).toEqual([undefined, 2, 1])
  await again.emit(checkpoint('again'), value(1))
  await lose(again.job)
  const last = await start()
  expect([last.kept?.state?.json, last.job.run, last.job.attemptsStarted]).toEqual(['"again"', 2, 2])
  await last.emit(value(2))
  await succeed(last.job)
  expect(await left()).toEqual(['', ':values'])
})

test('a run that a version without checkpoints has opened does not go on from the state of the run that failed', async () => {
  const { start, lose, jobs, control, redis, keys, ref, left } = await world()
  const { job, emit } = await start()
  await emit(checkpoint('failed'), step('paid', 1))
  const failure = { code: 'job_failed', message: 'no', retryable: false, attempt: 1 }
  await job.moveToFailed(
    new AttemptFailed(failure, undefined, { worker: 'w', startedAt: job.processedOn }),
    job.lockToken,
  )
  const byFailed = await redis.hgetall(keys.checkpoint(ref))
  const failed = await jobs.read(ref)
  expect(failed && (await control.reopen(failed, Date.now()))).toBe('reopened')
  // Such a version leaves it there.
  await redis.hset(keys.checkpoint(ref), byFailed)
  const first = await start()
  await lose(first.job)
  const second = await start()
  expect([second.kept, second.job.run, second.job.attemptsStarted]).toEqual([undefined, 2, 2])
  expect(await left()).not.toContain(':checkpoint')
})

test('a job that keeps nothing has no field and no key for it', async () => {
  const { start, lose, redis, keys, ref, left } = await world()
  const first = await start()
  await first.emit(value(1))
  await lose(first.job)
  const second = await start()
  await second.emit(value(1))
  expect(second.job.kept).toBeUndefined()
  expect(await redis.hkeys(keys.job(ref))).not.toContain('checkpoint')
  expect(await left()).toEqual(['', ':lock', ':values'])
})

test('a state whose values are gone is not restored, and steps are', async () => {
  const { start, lose, redis, keys, ref } = await world()
  const first = await start()
  await first.emit(value(1), checkpoint('with values'), step('paid', true))
  await lose(first.job)
  // A version without checkpoints has begun the next list.
  for (const values of ['2 5 5 of-another', '1 0 0 shorter']) {
    await redis.hset(keys.job(ref), 'values', values)
    const next = await start()
    expect(next.kept).toEqual({ state: undefined, steps: { paid: 'true' } })
    await lose(next.job)
  }
  await redis.hdel(keys.job(ref), 'values')
  const second = await start()
  expect(second.kept).toEqual({ state: undefined, steps: { paid: 'true' } })
  await second.emit(checkpoint('without values'))
  await lose(second.job)
  await redis.hset(keys.job(ref), 'values', '4 0 0 of-another')
  const third = await start()
  expect(third.kept?.state?.json).toBe('"without values"')
})

test('an attempt whose checkpoint Redis has lost meanwhile is put back', async () => {
  const { start, lose, redis, keys, ref } = await world()
  const first = await start()
  await first.emit(value(1), checkpoint('lost'))
  await lose(first.job)
  const second = await start(() => redis.del(keys.checkpoint(ref)))
  await second.events.flush()
  expect(second.events.verdict).toEqual({ status: 'put_back' })
  expect(await second.events.emit(checkpoint('next'))).toMatchObject({ code: 'checkpoint_refused' })
})

test('a state is not stored with values of another start, where Redis has lost the list of this one', async () => {
  const { start, lose, redis, keys, ref } = await world()
  const first = await start()
  await first.emit(value(1), checkpoint('first'), value(2))
  await lose(first.job)
  const [before, place] = await Promise.all(
    [keys.job(ref), keys.checkpoint(ref)].map((key) => redis.hget(key, 'values')),
  )
  const second = await start()
  await second.emit()
  // As after a crash of Redis that lost what came last.
  await redis.hset(keys.job(ref), 'values', before ?? '')
  await redis.hset(keys.checkpoint(ref), 'values', place ?? '')
  expect(await second.emit(checkpoint('second'))).toMatchObject([{ code: 'checkpoint_not_stored' }])
  expect(second.events.verdict).toEqual({ status: 'put_back' })
  await lose(second.job)
  expect((await start()).kept?.state?.json).toBe('"first"')
})

test('sizes and numbers are bounded, and what is refused leaves what was there', async () => {
  const { start, lose, jobs, ref } = await world()
  const { emit, job } = await start()
  const { bytes } = keptLimits
  const text = (size: number) => 'x'.repeat(size - 2)
  expect(await emit(checkpoint(text(bytes)), step('a', text(bytes / 2)))).toEqual([undefined, undefined])
  const refused = await emit(
    checkpoint(text(bytes + 1)),
    step('b', text(bytes / 2 + 1)),
    step('', 1),
    step('ü'.repeat(101), 1),
  )
  expect(refused).toMatchObject([
    { code: 'invalid_checkpoint', message: 'the state of a checkpoint has 262145 bytes of JSON, more than 262144' },
    { code: 'invalid_checkpoint', message: expect.stringContaining('more than 262144') },
    { code: 'invalid_checkpoint', message: expect.stringContaining('1 to 100 characters') },
    { code: 'invalid_checkpoint', message: expect.stringContaining('1 to 100 characters') },
  ])
  // The same step again counts once.
  expect(await emit(step('a', text(bytes / 2)), step('b', text(bytes / 2)))).toEqual([undefined, undefined])
  expect((await jobs.read(ref))?.checkpoint?.bytes).toBe(2 * bytes)
  await lose(job)
  const next = await start()
  expect(next.kept?.state?.json).toHaveLength(bytes)
  expect(await next.emit(step('c', 1))).toMatchObject([{ code: 'invalid_checkpoint' }])
})
