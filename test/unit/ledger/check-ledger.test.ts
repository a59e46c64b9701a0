import { expect, test } from 'vitest'
import { checkLedger, describeReport, type Rule } from '../../ledger/check-ledger.ts'
import { type LedgerEntry, parseEntry } from '../../ledger/ledger-entry.ts'

const accepted = (id = 'a'): LedgerEntry => ({ kind: 'accepted', id, at: 0, status: 202 })
const begins = (
  run: string,
  at: number,
  more: { attempt?: number; worker?: number; id?: string } = {},
): LedgerEntry => {
  return { kind: 'start', id: 'a', run, attempt: 1, pid: 1, worker: 11, at, ...more }
}
const ends = (run: string, at: number, more: { attempt?: number; worker?: number; id?: string } = {}): LedgerEntry => {
  return { kind: 'end', id: 'a', run, attempt: 1, pid: 1, worker: 11, at, ...more }
}
const succeeded = (run: string, finishedAt: number, more: { attempt?: number; id?: string } = {}): LedgerEntry => {
  const read = { state: 'succeeded', done: true, attempt: 1, finishedAt, run, ...more }
  return { kind: 'read', id: 'a', at: finishedAt + 1, status: 200, ...read }
}
const failedAt = (finishedAt: number): LedgerEntry => {
  const read = { state: 'failed', done: true, attempt: 1, finishedAt, error: 'stalled' }
  return { kind: 'read', id: 'a', at: finishedAt + 1, status: 200, ...read }
}
const running: LedgerEntry = { kind: 'read', id: 'a', at: 99, status: 200, state: 'running', done: false, attempt: 1 }
const gone: LedgerEntry = { kind: 'read', id: 'a', at: 99, status: 404 }
const stored = (end: 'completed' | 'failed'): LedgerEntry => ({ kind: 'stored', id: 'a', at: 40, end })
type Faults = Omit<Extract<LedgerEntry, { kind: 'fault' }>, 'kind'>
const fault = (what: Faults['what'], from: number, until: number, whom: { worker?: number; id?: string } = {}) => {
  return { kind: 'fault' as const, what, from, until, ...whom }
}

/** A job that was started on worker 1 and, when that was killed at 20, again on worker 2. */
const crash: LedgerEntry[] = [
  accepted(),
  begins('r1', 10),
  fault('worker_killed', 20, 22, { worker: 11 }),
  begins('r2', 50, { worker: 2 }),
  ends('r2', 60, { worker: 2 }),
  stored('completed'),
  succeeded('r2', 61),
]

const rulesBroken = (entries: LedgerEntry[]): Rule[] => {
  return checkLedger(entries, { lockMs: 5 }).problems.map(({ rule }) => rule)
}

test('a job that runs once and is read twice as the same has kept every rule', () => {
  const entries = [accepted(), begins('r1', 10), running, ends('r1', 20), stored('completed'), succeeded('r1', 21)]
  expect(checkLedger([...entries, succeeded('r1', 21)], { lockMs: 5 })).toEqual({
    ...{ accepted: 1, unanswered: 0, endedOnce: 1, lost: 0, endedTwice: 0, states: { succeeded: 1 } },
    ...{ runTwice: 0, maxStarts: 1, maxAttempts: 1, recoveryMs: undefined, problems: [] },
  })
})

test('a second start after a crash is allowed, also if the first had done its work, and its time is reported', () => {
  const report = checkLedger(crash, { lockMs: 5 })
  expect(report).toMatchObject({ endedOnce: 1, runTwice: 1, maxStarts: 2, recoveryMs: 41, problems: [] })
  expect(rulesBroken(crash.toSpliced(2, 0, ends('r1', 19)))).toEqual([])
  expect(describeReport('a crash', report)).toBe(
    'ledger: a crash: accepted 1, unanswered 0, ended once 1 (succeeded 1), lost 0, ended twice 0, ' +
      'run twice 1 (at most 2 starts, attempt 1), recovery 41 ms',
  )
})

test('the recovery is that of the slowest job that a fault touched', () => {
  const other = { id: 'b', worker: 3 }
  const untouched = [begins('s1', 12, other), ends('s1', 900, other), succeeded('s1', 901, { id: 'b' })]
  expect(checkLedger([...crash, ...untouched], { lockMs: 5 })).toMatchObject({ recoveryMs: 41, problems: [] })
  const touched = [begins('s1', 12, { id: 'b' }), begins('s2', 70, other), ends('s2', 900, other)]
  const slowest = [...crash, ...touched, succeeded('s2', 901, { id: 'b' })]
  expect(checkLedger(slowest, { lockMs: 5 })).toMatchObject({ recoveryMs: 881, problems: [] })
})

test('a zombie that comes to its end behind the job is no fault while its words are not taken', () => {
  const frozen = fault('worker_frozen', 20, 100, { worker: 11 })
  const entries = crash.toSpliced(2, 1, frozen)
  expect(rulesBroken([...entries, ends('r1', 101), succeeded('r2', 61)])).toEqual([])
})

test('a handler that begins in its own process when its worker is just gone may be started again', () => {
  const orphan = crash.map((entry) => (entry.kind === 'start' && entry.run === 'r1' ? { ...entry, worker: 1 } : entry))
  const killed = fault('worker_killed', 9, 11, { worker: 77 })
  expect(rulesBroken(orphan.toSpliced(2, 1, killed))).toEqual([])
  expect(rulesBroken(orphan.toSpliced(2, 1))).toEqual(['second_start_without_cause'])
})

test('a fault of all, or of one job, is a cause too, up to one lock behind its own end', () => {
  expect(rulesBroken(crash.toSpliced(2, 1, fault('redis_away', 20, 40)))).toEqual([])
  expect(rulesBroken(crash.toSpliced(2, 1, fault('lock_deleted', 20, 20, { id: 'a' })))).toEqual([])
  expect(rulesBroken(crash.toSpliced(2, 1, fault('worker_frozen', 1, 5, { worker: 11 })))).toEqual([])
})

test('a request without an answer promises nothing; the job that it started must end all the same', () => {
  const unanswered: LedgerEntry = { kind: 'unanswered', at: 1, why: 'socket closed' }
  expect(rulesBroken([unanswered])).toEqual([])
  expect(rulesBroken([unanswered, begins('r1', 10), ends('r1', 20), succeeded('r1', 21)])).toEqual([])
  expect(rulesBroken([unanswered, begins('r1', 10), ends('r1', 20), running])).toEqual(['lost'])
})

test.each<[string, Rule, LedgerEntry[]]>([
  ['accepted and never read', 'lost', [accepted()]],
  ['accepted and unknown', 'lost', [accepted(), gone]],
  ['still running at the last look', 'lost', [accepted(), begins('r1', 10), running]],
  ['read with two ends', 'ended_twice', [...crash, failedAt(70)]],
  ['finished at two times', 'ended_twice', [...crash, succeeded('r2', 62)]],
  ['read as going on behind its end', 'ended_twice', [...crash, running]],
  ['forgotten behind its end', 'ended_twice', [...crash, gone]],
  ['stored twice', 'ended_twice', [...crash, stored('failed')]],
  ['started again without a fault', 'second_start_without_cause', crash.toSpliced(2, 1)],
  [
    'started again without a fault, behind its work',
    'second_start_without_cause',
    crash.toSpliced(2, 1, ends('r1', 20)),
  ],
  [
    'started again when another worker died',
    'second_start_without_cause',
    crash.toSpliced(2, 1, fault('worker_killed', 20, 22, { worker: 7 })),
  ],
  [
    'started again when the lock of another job was deleted',
    'second_start_without_cause',
    crash.toSpliced(2, 1, fault('lock_deleted', 20, 20, { id: 'b' })),
  ],
  ['started again before the fault', 'second_start_without_cause', crash.toSpliced(2, 1, fault('redis_away', 51, 55))],
  [
    'started again long behind the fault',
    'second_start_without_cause',
    crash.toSpliced(2, 1, fault('redis_away', 1, 4)),
  ],
  [
    'started again when only the API died',
    'second_start_without_cause',
    crash.toSpliced(2, 1, fault('api_killed', 20, 22)),
  ],
  ['started behind its end', 'start_behind_end', [...crash, fault('redis_away', 60, 700), begins('r3', 620)]],
  [
    'counted down',
    'attempt_fell',
    crash.map((entry) => (entry.kind === 'start' && entry.run === 'r1' ? { ...entry, attempt: 2 } : entry)),
  ],
  [
    'ended with an attempt that was never started',
    'attempt_fell',
    [...crash.slice(0, -1), succeeded('r2', 61, { attempt: 0 })],
  ],
  ['succeeded without work', 'success_without_work', [accepted(), succeeded('r1', 20)]],
  ['succeeded before its work was done', 'success_without_work', [accepted(), begins('r1', 10), succeeded('r1', 20)]],
  [
    'succeeded by the words of a zombie',
    'success_by_zombie',
    [...crash.slice(0, -1), ends('r1', 61), succeeded('r1', 62)],
  ],
  ['ended without a start', 'end_without_start', [...crash, ends('r9', 60)]],
])('a job that was %s breaks the rule %s', (_what, rule, entries) => {
  const broken = rulesBroken(entries)
  expect(broken).toContain(rule)
  const report = checkLedger(entries, { lockMs: 5 })
  expect(report.endedOnce).toBe(rule === 'lost' || rule === 'ended_twice' ? 0 : 1)
})

test('a torn or foreign line is refused', () => {
  expect(() => parseEntry('{"kind":"start","id":"a"')).toThrow(SyntaxError)
  expect(() => parseEntry('{"kind":"start","id":"a"}')).toThrow('run')
  expect(() => parseEntry('{"kind":"wish","id":"a"}')).toThrow('kind')
})
