import { expect, test } from 'vitest'
import { encodeFailure, type StoredFailure } from '../../../../src/queue/model/failure.ts'
import { anonymousTenant, parseRecord, recordVersion } from '../../../../src/queue/model/job-record.ts'
import { decodeJob } from '../../../../src/queue/model/stored-job.ts'

const ref = { queue: 'io', id: 'io_1' }
const hash = {
  name: 'echo',
  data: JSON.stringify({ v: recordVersion, input: 1 }),
  opts: '{"attempts":3}',
  timestamp: '5',
}
const failedWith = (failure: Partial<StoredFailure>) => ({
  ...hash,
  finishedOn: '9',
  failedReason: encodeFailure({ code: 'job_failed', message: '', retryable: true, attempt: 1, ...failure }),
})

test('the state follows from BullMQ’s set and the stored failure', () => {
  const cases = [
    ['queued', hash, 'waiting'],
    ['scheduled', hash, 'delayed'],
    ['running', { ...hash, processedOn: '7', failedReason: 'of the attempt before' }, 'active'],
    [
      'succeeded',
      { ...hash, finishedOn: '9', returnvalue: '{"a":1}', failedReason: 'of the attempt before' },
      'finished',
    ],
    ['failed', failedWith({}), 'finished'],
    ['failed', failedWith({ code: 'deadline_exceeded', attempt: 1 }), 'finished'],
    ['failed', { ...hash, finishedOn: '9', failedReason: 'job stalled more than allowable limit' }, 'finished'],
    ['expired', failedWith({ code: 'deadline_exceeded', attempt: 0 }), 'finished'],
    ['expired', failedWith({ code: 'not_started_in_time', attempt: 0 }), 'finished'],
    ['canceled', failedWith({ code: 'canceled', stopped: 'killed' }), 'finished'],
  ] as const
  for (const [state, fields, place] of cases) {
    const job = decodeJob(ref, fields, { place, lastEventId: 0, dueAt: undefined })
    expect(job).toMatchObject({ state, done: place === 'finished', maxAttempts: 3 })
    if (state === 'succeeded' || state === 'running') expect(job?.failure).toBeUndefined()
  }
  expect(decodeJob(ref, cases[6][1], { place: 'finished', lastEventId: 0, dueAt: undefined })?.failure).toMatchObject({
    code: 'stalled',
  })
})

test('a record of another version is not decoded', () => {
  expect(parseRecord({ v: recordVersion, input: [1] })).toEqual({
    v: recordVersion,
    tenant: anonymousTenant,
    input: [1],
  })
  expect(parseRecord({ v: recordVersion + 1, input: [1] })).toBeUndefined()
  expect(parseRecord('nonsense')).toBeUndefined()
  expect(
    decodeJob(ref, { ...hash, data: '{}' }, { place: 'waiting', lastEventId: 0, dueAt: undefined }),
  ).toBeUndefined()
})
