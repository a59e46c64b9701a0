import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Caller } from '../../../../src/api/access/api-keys.ts'
import { jobResource } from '../../../../src/api/jobs/job-resource.ts'
import { NewJobTexts } from '../../../../src/api/jobs/new-job-text.ts'
import { addedJob } from '../../../../src/queue/model/added-job.ts'
import { type NewJob, recordOf } from '../../../../src/queue/model/new-job.ts'
import type { StoredJob } from '../../../../src/queue/model/stored-job.ts'

const retention = { resultTtlMs: 3_600_000, failedTtlMs: 7_200_000 }
const caller: Caller = { tenant: 'acme', scopes: new Set(['submit'] as const), limits: {} }
const byResource = (job: StoredJob) => JSON.stringify(jobResource(job, retention, caller))

function added(more: Partial<NewJob['record']>, job: Partial<NewJob> = {}): StoredJob {
  const record = { tenant: 'acme', requestId: 'r1', ...more, input: more.input ?? null }
  const given: NewJob = {
    ref: { queue: 'io', id: 'io_01k5' },
    type: 'echo',
    attempts: 3,
    createdAt: 1_764_000_000_123,
    record,
    ...job,
  }
  return addedJob(given, { record: recordOf(given) })
}

const plainJobs = fc.record({
  input: fc.oneof(
    fc.json().map((text): unknown => JSON.parse(text)),
    fc.constantFrom('<id>', '"<held>"', { '<input>': '<created>' }),
  ),
  type: fc.constantFrom('echo', 'resize-image'),
  attempts: fc.integer({ min: 1, max: 4 }),
  createdAt: fc.integer({ min: 1_600_000_000_000, max: 1_900_000_000_000 }),
  typeVersion: fc.option(fc.integer({ min: 1, max: 2 }), { nil: undefined }),
  heldBy: fc.option(
    fc.constantFrom({ kind: 'paused' as const, since: 1_764_000_000_000 }, { kind: 'no_worker' as const, since: 5 }),
    {
      nil: undefined,
    },
  ),
})

test('the answer to a plain submission is what the resource of the job is', () => {
  const texts = new NewJobTexts(retention)
  let n = 0
  fc.assert(
    fc.property(plainJobs, ({ input, type, attempts, createdAt, typeVersion, heldBy }) => {
      const version = typeVersion === undefined ? {} : { typeVersion }
      const ref = { queue: type === 'echo' ? 'io' : 'cpu', id: `${type === 'echo' ? 'io' : 'cpu'}_${++n}` }
      const job = { ...added({ input, ...version }, { ref, type, attempts, createdAt }), heldBy }
      expect(texts.textOf(job, caller)).toBe(byResource(job))
    }),
  )
})

test('a job that shows more than its input is left to the resource', () => {
  const texts = new NewJobTexts(retention)
  const others: StoredJob[] = [
    added({ tags: ['nightly'] }),
    added({ metadata: { order: '42' } }),
    added({ priority: 3 }),
    added({ keepMs: 1000 }),
    added({ traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }),
    added({ secrets: { input: [['password']] } }),
    added({}, { runAt: 1_764_000_900_000 }),
    { ...added({}), inputBytes: 20_000 },
    { ...added({}), deduplicated: { how: 'joined', id: 'io_01k6' } },
  ]
  for (const job of others) expect(texts.textOf(job, caller)).toBeUndefined()
  expect(
    texts.textOf(added({}), { ...caller, watch: { kind: 'job', id: 'io_01k5', run: 1, input: false } }),
  ).toBeUndefined()
  expect(texts.textOf(added({}), caller)).toBe(byResource(added({})))
})
