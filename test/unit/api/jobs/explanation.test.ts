import { expect, test } from 'vitest'
import { explanation } from '../../../../src/api/jobs/explanation.ts'
import { jobResource } from '../../../../src/api/jobs/job-resource.ts'
import type { Place } from '../../../../src/queue/model/place.ts'
import type { Standing } from '../../../../src/queue/model/standing.ts'
import { decodeJob } from '../../../../src/queue/model/stored-job.ts'

const now = 1_700_000_000_000
const worker = { now, isPaused: false, pausedAt: undefined, workerLeftAt: undefined, lastBeat: now }
const lost = (attempt: number) =>
  JSON.stringify({ attempt, worker: 'w', startedAt: now - 9000, endedAt: now - 5000, outcome: 'worker_lost' })

/** Explains a job with these fields. */
function explain(
  place: Place,
  given: {
    hash?: Record<string, string>
    record?: object
    dueAt?: number
    standing?: Partial<Standing>
    isAdmin?: boolean
  },
) {
  const ref = { queue: 'io', id: 'io_01m82n06cvbgy292731g000c4x' }
  const data = JSON.stringify({ v: 1, tenant: 'acme', ...given.record, input: 1 })
  const hash = { name: 'echo', data, opts: '{}', timestamp: String(now - 10_000), ...given.hash }
  const queue = place === 'waiting' || place === 'delayed' ? worker : undefined
  const job = decodeJob(ref, hash, { place, lastEventId: 0, dueAt: given.dueAt, queue })
  if (!job) throw new Error('the record cannot be read')
  const standing = queue && {
    now,
    ahead: undefined,
    ownAhead: given.standing?.ahead,
    isTurnOpen: false,
    endedInMinute: 100,
    endedInTenMinutes: 900,
    ready: 3,
    ...given.standing,
  }
  const isAdmin = given.isAdmin ?? true
  const scopes = new Set(isAdmin ? (['admin'] as const) : (['read'] as const))
  return explanation(jobResource(job, { resultTtlMs: 1000, failedTtlMs: 1000 }, { scopes }), job, standing, { isAdmin })
}

test('a job that is next can start, also one whose worker was lost several times', () => {
  const next = explain('waiting', { standing: { ahead: 0 } })
  expect(next).toMatchObject({ position: 1, reasons: [{ kind: 'ready' }] })
  const stacktrace = JSON.stringify([lost(1), lost(1)])
  const suspect = explain('waiting', {
    hash: { stacktrace, stc: '2', lostStarts: '2', ats: '2' },
    standing: { ahead: 4 },
  })
  expect(suspect.reasons.map(({ kind }) => kind)).toEqual(['ahead', 'quarantine'])
  expect(suspect).toMatchObject({ position: 5, attempts: [{ outcome: 'worker_lost' }, { outcome: 'worker_lost' }] })
})

test('a place that is not counted has no number and no latest start', () => {
  const standing = { ahead: 20_000, ownAhead: 'many' as const, endedInMinute: 0, endedInTenMinutes: 1 }
  const { position, reasons, estimate } = explain('waiting', { standing, isAdmin: false })
  expect(position).toBeNull()
  expect(reasons).toMatchObject([{ kind: 'ahead', ahead: 10_000 }])
  expect(estimate).toMatchObject({ latest_at: null, basis: { ended: null, window_ms: 600_000 } })
})

test('the jobs of others start before a job of a tenant, too, and count for the estimate', () => {
  const others = explain('waiting', { standing: { ahead: 50, ownAhead: 0 }, isAdmin: false })
  expect(others.position).toBe(1)
  expect(others.reasons).toEqual([{ kind: 'ahead', detail: 'Jobs of others start before it.' }])
  expect(others.estimate).toMatchObject({ earliest_at: new Date(now + 25_000).toISOString() })
  const both = explain('waiting', { standing: { ahead: 50, ownAhead: 2 }, isAdmin: false })
  expect(both.reasons.map(({ ahead }) => ahead)).toEqual([2, undefined])
})

test('with fairness keys a job has no place, and may be next', () => {
  const { position, reasons, estimate } = explain('waiting', { standing: { ahead: 2, isTurnOpen: true, ready: 9 } })
  expect(position).toBeNull()
  expect(reasons).toMatchObject([{ kind: 'ahead' }])
  expect(estimate?.earliest_at).toBe(new Date(now).toISOString())
  const alone = explain('waiting', { standing: { ahead: 0, isTurnOpen: true, ready: 1 } })
  expect(alone.reasons).toMatchObject([{ kind: 'ready' }])
})

test('a job with a time starts then at the earliest, behind as many as could start now', () => {
  const dueAt = now + 5000
  const { reasons, estimate } = explain('delayed', { dueAt })
  expect(reasons).toMatchObject([{ kind: 'scheduled', at: new Date(dueAt).toISOString() }])
  expect(estimate).toEqual({
    earliest_at: new Date(dueAt).toISOString(),
    latest_at: new Date(dueAt + 3000).toISOString(),
    basis: { ended: 100, window_ms: 60_000 },
  })
  const debounce = { key: 'k', quietMs: 1000, maxMs: 20_000 }
  const [reason] = explain('delayed', { dueAt, record: { debounce } }).reasons
  expect(reason).toMatchObject({ kind: 'debounce', at: new Date(dueAt).toISOString() })
  expect(reason?.detail).toContain(new Date(now + 10_000).toISOString())
})

test('a canceled job that runs is being stopped, and an end has its error', () => {
  const running = { ats: '1', processedOn: String(now), cancelRequestedAt: String(now) }
  expect(explain('active', { hash: running }).reasons.map(({ kind }) => kind)).toEqual(['running', 'cancel_requested'])
  const failure = { code: 'canceled', message: 'the job was canceled', retryable: false, attempt: 1, stopped: 'killed' }
  const ended = { ...running, finishedOn: String(now), failedReason: JSON.stringify(failure), atm: '1', pb: 'w' }
  expect(explain('finished', { hash: ended })).toMatchObject({
    state: 'canceled',
    reasons: [{ kind: 'ended', worker: 'w', error: { code: 'canceled' }, stopped: 'killed' }],
    position: null,
    estimate: null,
  })
})
