import { expect, test } from 'vitest'
import { encodeFailure, type StoredFailure } from '../../../../src/queue/model/failure.ts'
import { addStart, encodeFailedStart } from '../../../../src/queue/model/job-history.ts'
import { recordVersion } from '../../../../src/queue/model/job-record.ts'
import type { Place } from '../../../../src/queue/model/place.ts'
import { decodeJob } from '../../../../src/queue/model/stored-job.ts'

const failure: StoredFailure = { code: 'job_failed', message: 'no', retryable: true, attempt: 1 }
const failedStart = (startedAt: number, attempt = 1) =>
  encodeFailedStart({ ...failure, attempt }, { worker: 'a', startedAt, endedAt: startedAt + 1 })
const entry = (outcome: string, startedAt: number, attempt = 1) =>
  JSON.stringify({ attempt, worker: 'a', startedAt, endedAt: startedAt + 1, outcome })

/** The starts of a job with these fields, each as `<attempt> <outcome> by <worker>`. */
function startsOf(fields: Record<string, string>, place: Place) {
  const hash = {
    name: 'echo',
    data: JSON.stringify({ v: recordVersion, input: 1 }),
    opts: '{"attempts":3}',
    timestamp: '1',
  }
  const job = decodeJob(
    { queue: 'io', id: 'io_1' },
    { ...hash, ...fields },
    { place, lastEventId: 0, dueAt: undefined },
  )
  return {
    startedAt: job?.startedAt,
    starts: job?.starts.map(({ attempt, outcome = 'runs', worker = 'nobody' }) => `${attempt} ${outcome} by ${worker}`),
  }
}

const ended = { finishedOn: '90' }
const failedFor = (more: Partial<StoredFailure>) => ({
  ...ended,
  failedReason: encodeFailure({ ...failure, ...more }),
})

test('the history is what is stored and the start that follows from the fields of the job', () => {
  const cases: [string, Record<string, string>, Place, string[]][] = [
    ['not started', {}, 'waiting', []],
    ['runs', { processedOn: '5', pb: 'b', ats: '1' }, 'active', ['1 runs by b']],
    [
      'succeeded at once',
      { processedOn: '5', pb: 'b', atm: '1', returnvalue: '1', ...ended },
      'finished',
      ['1 succeeded by b'],
    ],
    [
      'failed once, succeeded in the same millisecond',
      { processedOn: '5', pb: 'b', atm: '2', returnvalue: '1', ...ended, stacktrace: JSON.stringify([failedStart(5)]) },
      'finished',
      ['1 failed by a', '2 succeeded by b'],
    ],
    [
      'failed for good',
      { processedOn: '5', pb: 'a', atm: '1', ...failedFor({}), stacktrace: JSON.stringify([failedStart(5)]) },
      'finished',
      ['1 failed by a'],
    ],
    ['lost, not fetched since', { processedOn: '5', pb: 'b', stc: '1' }, 'waiting', ['1 worker_lost by b']],
    [
      'lost, runs again',
      { processedOn: '7', pb: 'b', stc: '1', lostStarts: '1', stacktrace: JSON.stringify([entry('worker_lost', 5)]) },
      'active',
      ['1 worker_lost by a', '1 runs by b'],
    ],
    [
      'lost, canceled before it was fetched',
      { processedOn: '5', pb: 'b', stc: '1', ...failedFor({ code: 'canceled', attempt: 0, stopped: 'never_started' }) },
      'finished',
      ['1 worker_lost by b'],
    ],
    [
      'put back, waits',
      { processedOn: '5', pb: 'a', stacktrace: JSON.stringify([entry('put_back', 5)]) },
      'waiting',
      ['1 put_back by a'],
    ],
    [
      'put back, its deadline passed while it waited',
      {
        processedOn: '5',
        pb: 'a',
        stacktrace: JSON.stringify([entry('put_back', 5)]),
        ...failedFor({ code: 'deadline_exceeded' }),
      },
      'finished',
      ['1 put_back by a'],
    ],
    [
      'canceled while it ran',
      { processedOn: '5', pb: 'b', ...failedFor({ code: 'canceled', stopped: 'cooperatively' }) },
      'finished',
      ['1 canceled by b'],
    ],
    [
      'refused because it was too late',
      { processedOn: '5', pb: 'b', unrun: '1', ...failedFor({ attempt: 0 }) },
      'finished',
      [],
    ],
    [
      'failed for good, as an earlier version stored it',
      {
        processedOn: '5',
        pb: 'b',
        atm: '1',
        ...failedFor({}),
        stacktrace: JSON.stringify([JSON.stringify({ ...failure, startedAt: 6, endedAt: 7 })]),
      },
      'finished',
      ['1 failed by nobody'],
    ],
    [
      'traces of BullMQ are no starts',
      { processedOn: '5', pb: 'b', atm: '2', returnvalue: '1', ...ended, stacktrace: '["Error: no\\n at x","{}"]' },
      'finished',
      ['2 succeeded by b'],
    ],
  ]
  for (const [name, fields, place, expected] of cases) {
    const { starts, startedAt } = startsOf(fields, place)
    expect(starts, name).toEqual(expected)
    if (expected.length > 0 && !name.includes('earlier version')) expect(startedAt, name).toBe(5)
  }
})

test('of many starts the first and the last are kept', () => {
  let entries: string[] = []
  for (let n = 1; n <= 1000; n++) entries = addStart(entries, failedStart(n, n))
  const kept = entries.map((text) => Number(JSON.parse(text).attempt))
  expect(kept).toEqual([1, ...Array.from({ length: 19 }, (_, n) => 982 + n)])
})
