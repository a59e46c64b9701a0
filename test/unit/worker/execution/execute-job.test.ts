import { type Logger, pino } from 'pino'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineJob } from '../../../../src/jobs/define-job.ts'
import type { Registry } from '../../../../src/jobs/registry.ts'
import type { StopRequest } from '../../../../src/jobs/stop-request.ts'
import type { LeasedJob } from '../../../../src/queue/consume/attempt.ts'
import { AttemptEvents } from '../../../../src/queue/events/attempt-events.ts'
import { type JobRecord, recordVersion } from '../../../../src/queue/model/job-record.ts'
import { executeJob } from '../../../../src/worker/execution/execute-job.ts'
import type { Outcome } from '../../../../src/worker/executors/executor.ts'

const job = defineJob({
  type: 'test',
  title: 'Test',
  runsOn: 'event-loop',
  input: z.int(),
  output: z.int(),
  attempts: 3,
  backoff: { type: 'fixed', delayMs: 1000, jitter: 0 },
  run: async (n) => n,
})
const registry = new Map([['test', { job, file: 'test.ts', version: '0123abcd' }]])
const failure = { code: 'job_failed', message: 'no', retryable: true }

/** The settlement of a job whose run ends like this, with the stop that an executor would have received. */
async function settle(options: {
  outcome?: Outcome
  stop?: StopRequest['kind']
  leased?: Partial<LeasedJob>
  record?: Partial<JobRecord>
  log?: Logger
  acceptsPlainJobs?: boolean
  registry?: Registry
}) {
  const { outcome = { status: 'returned', output: 1 }, stop, record } = options
  const leased: LeasedJob = {
    ref: { queue: 'io', id: 'io_1' },
    isPlain: false,
    type: 'test',
    data: { v: recordVersion, input: 1, ...record },
    attempt: 1,
    maxAttempts: 3,
    starts: 1,
    lockToken: 'token',
    run: 1,
    kept: undefined,
    createdAt: 1000,
    dueAt: 1000,
    startedAt: 2000,
    recordedAt: 2000,
    lastStart: undefined,
    events: new AttemptEvents(async () => 'stored', { attempt: 1, isFirst: true }),
    onStop(listener) {
      if (stop) listener({ kind: stop, graceMs: 0 })
      return () => undefined
    },
    keepOutput: async (output) => ({ status: 'kept', json: JSON.stringify(output) }),
    awaitAnswers: async () => ({ status: 'parked' }),
    markUnknown: async () => 0,
    ...options.leased,
  }
  const executorFor = () => ({ run: async () => outcome })
  const { log = pino({ level: 'silent' }), acceptsPlainJobs = false } = options
  return executeJob({ registry: options.registry ?? registry, executorFor, acceptsPlainJobs, log }, leased)
}

test('without a stop the outcome decides', async () => {
  expect(await settle({})).toEqual({ status: 'succeeded', output: '1' })
  expect(await settle({ outcome: { status: 'threw', failure } })).toEqual({
    status: 'failed',
    failure: { ...failure, attempt: 1 },
    retryDelayMs: 1000,
  })
  const last = await settle({ outcome: { status: 'crashed', failure }, leased: { attempt: 3 } })
  expect(last).toMatchObject({ status: 'failed', retryDelayMs: undefined })
})

test('a stop takes precedence over the outcome, except for a result within the grace of a shutdown', async () => {
  const threw: Outcome = { status: 'threw', failure }
  expect(await settle({ stop: 'lock_lost' })).toEqual({ status: 'lost' })
  expect(await settle({ stop: 'shutdown' })).toEqual({ status: 'succeeded', output: '1' })
  expect(await settle({ stop: 'shutdown', outcome: threw })).toEqual({ status: 'put_back' })
  expect(await settle({ stop: 'canceled' })).toEqual({ status: 'canceled', stopped: 'cooperatively' })
  expect(await settle({ stop: 'canceled', outcome: threw })).toEqual({ status: 'canceled', stopped: 'cooperatively' })
  expect(await settle({ stop: 'canceled', outcome: { status: 'killed' } })).toEqual({
    status: 'canceled',
    stopped: 'killed',
  })
  expect(await settle({ stop: 'canceled', outcome: { status: 'abandoned' } })).toEqual({
    status: 'canceled',
    stopped: 'abandoned',
  })
  expect(await settle({ stop: 'timeout' })).toMatchObject({ failure: { code: 'timeout' }, retryDelayMs: 1000 })
  expect(await settle({ stop: 'deadline_exceeded' })).toMatchObject({
    failure: { code: 'deadline_exceeded' },
    retryDelayMs: undefined,
  })
})

test('a job that starts too late is not run; attempt 0 means that it never started', async () => {
  const late = { startWithinMs: 500, countsFrom: 1000 }
  expect(await settle({ record: late })).toMatchObject({ failure: { code: 'not_started_in_time', attempt: 0 } })
  // It had started in time before its worker vanished.
  expect(await settle({ record: late, leased: { starts: 2 } })).toMatchObject({ status: 'succeeded' })
  const over = { deadlineMs: 500, countsFrom: 1000 }
  expect(await settle({ record: over })).toMatchObject({ failure: { code: 'deadline_exceeded', attempt: 0 } })
  expect(await settle({ record: over, leased: { attempt: 2, starts: 2 } })).toMatchObject({
    failure: { code: 'deadline_exceeded', attempt: 1 },
  })
})

test('an attempt whose worker vanished counts', async () => {
  const record = { deadlineMs: 500, countsFrom: 1000 }
  expect(await settle({ record, leased: { starts: 2 } })).toMatchObject({ failure: { attempt: 1 } })
})

test('a handler cannot set the codes that decide the state', async () => {
  for (const code of ['canceled', 'not_started_in_time', 'deadline_exceeded']) {
    const outcome: Outcome = { status: 'threw', failure: { ...failure, code } }
    expect(await settle({ outcome })).toMatchObject({ failure: { code: 'job_failed' } })
  }
})

test('a failure is bounded and well-formed, whatever a thread or process sent', async () => {
  const text = `${'😀'.repeat(3_000_000)}\ud800`
  const settlement = await settle({ outcome: { status: 'threw', failure: { ...failure, code: text, message: text } } })
  const stored = Object(settlement as unknown).failure
  expect(stored.code.length).toBeLessThanOrEqual(100)
  expect(stored.message.length).toBeLessThanOrEqual(2000)
  expect(JSON.stringify(stored)).not.toContain('\\ud8')
})

test('an unknown type or record is left to other workers for ten minutes, ever longer, then the job fails', async () => {
  const seconds = (n: number) => ({ createdAt: 0, startedAt: n * 1000 })
  for (const unknown of [{ type: 'newer' }, { data: { v: recordVersion + 1, input: 1 } }]) {
    for (const [since, delayMs] of [
      [0, 2000],
      [1, 2000],
      [8, 8000],
      [29, 29_000],
      [540, 30_000],
    ] as const)
      expect(await settle({ leased: { ...unknown, ...seconds(since) } })).toEqual({
        status: 'left_to_others',
        delayMs,
      })
    expect(await settle({ leased: { ...unknown, ...seconds(660) } })).toMatchObject({
      status: 'failed',
      failure: { code: 'unknown_job_type', retryable: false },
      retryDelayMs: undefined,
    })
  }
})

test('a job of a later version of its type is left to others, and not one of an earlier version', async () => {
  const versions = (own: number | undefined) =>
    new Map([['test', { job: { ...job, version: own }, file: 'test.ts', version: '0123abcd' }]])
  const at = { startedAt: 1000, markUnknown: async () => 1000 }
  for (const [own, submitted] of [
    [undefined, 1],
    [2, 3],
  ] as const)
    expect(await settle({ leased: at, record: { typeVersion: submitted }, registry: versions(own) })).toEqual({
      status: 'left_to_others',
      delayMs: 2000,
    })
  for (const [own, submitted] of [
    [3, 3],
    [3, 1],
    [3, undefined],
    [undefined, 0],
  ] as const)
    expect(
      await settle({
        leased: at,
        record: submitted === undefined ? {} : { typeVersion: submitted },
        registry: versions(own),
      }),
    ).toMatchObject({ status: 'succeeded' })
  const late = { startedAt: 700_000, markUnknown: async () => 1000 }
  expect(await settle({ leased: late, record: { typeVersion: 4 }, registry: versions(3) })).toMatchObject({
    failure: { code: 'unknown_job_type', message: expect.stringContaining('version 4 of the job type "test"') },
  })
})

test('an unknown type is logged once a minute', async () => {
  const lines: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) })
  for (const startedAt of [0, 2000, 59_000, 60_000, 61_000])
    await settle({
      leased: { type: 'logged-once', startedAt: 1_000_000 + startedAt, markUnknown: async () => 1_000_000 },
      log,
    })
  expect(lines).toHaveLength(2)
})

test('a job of a plain BullMQ producer fails at once, or runs with its data as its input', async () => {
  const leased = { isPlain: true, data: 5 }
  expect(await settle({ leased })).toMatchObject({
    status: 'failed',
    failure: { code: 'unknown_job_record', retryable: false },
    retryDelayMs: undefined,
  })
  expect(await settle({ leased, acceptsPlainJobs: true })).toEqual({ status: 'succeeded', output: '1' })
})
