import type { EntryOf, LedgerEntry } from './ledger-entry.ts'

/** What a job queue must guarantee, even if processes crash. */
export type Rule =
  /** The job was accepted, or at least started, and no end of it was read. */
  | 'lost'
  /** Two different ends were read, the job was read as not done after its end, or the queue stored two ends. */
  | 'ended_twice'
  /** The job was started again although nothing had happened to the previous start. */
  | 'second_start_without_cause'
  | 'start_behind_end'
  | 'attempt_fell'
  /** The job succeeded, but no handler finished. */
  | 'success_without_work'
  /** The output is from a start after which the job was started elsewhere. */
  | 'success_by_zombie'
  /** The ledger is inconsistent: an end without its start. */
  | 'end_without_start'

interface Problem {
  rule: Rule
  id: string
  detail: string
}

export interface LedgerReport {
  accepted: number
  /** Requests without an answer of the API. */
  unanswered: number
  /** Jobs, accepted or only started, with exactly one end. */
  endedOnce: number
  lost: number
  endedTwice: number
  /** Number of jobs per end. */
  states: Record<string, number>
  /** Jobs whose handler was started more than once, and the maximum number of starts of one job. */
  runTwice: number
  maxStarts: number
  maxAttempts: number
  /** From a fault to the end of the last affected job; the longest of all faults. */
  recoveryMs: number | undefined
  problems: Problem[]
}

type Run = EntryOf<'start'> & { end: EntryOf<'end'> | undefined }

/** The entries of one job. */
interface JobStory {
  id: string
  accepted: boolean
  /** In the order of the starts. */
  runs: Run[]
  reads: EntryOf<'read'>[]
  stored: EntryOf<'stored'>[]
}

/**
 * Compares the answers to clients with the starts and ends of handlers and with the end of each job. Pure: the same ledger gives
 * the same report. `lockMs`: a fault of a frozen worker or of Redis has effects until the last lease from before has expired.
 */
export function checkLedger(entries: readonly LedgerEntry[], { lockMs }: { lockMs: number }): LedgerReport {
  const faults = entries.filter((entry) => entry.kind === 'fault')
  const { stories, orphans } = collectStories(entries)
  const problems = [...orphans, ...stories.flatMap((story) => checkStory(story, faults, lockMs))]
  const brokenBy = (rule: Rule) => new Set(problems.filter((one) => one.rule === rule).map(({ id }) => id))
  const lost = brokenBy('lost')
  const endedTwice = brokenBy('ended_twice')
  const runs = stories.flatMap((story) => story.runs)
  return {
    accepted: stories.filter(({ accepted }) => accepted).length,
    unanswered: entries.filter(({ kind }) => kind === 'unanswered').length,
    endedOnce: stories.filter(({ id }) => !lost.has(id) && !endedTwice.has(id)).length,
    lost: lost.size,
    endedTwice: endedTwice.size,
    states: countBy(stories.map((story) => endOf(story)?.state ?? 'no end')),
    runTwice: stories.filter((story) => story.runs.length > 1).length,
    maxStarts: Math.max(0, ...stories.map((story) => story.runs.length)),
    maxAttempts: Math.max(0, ...runs.map(({ attempt }) => attempt)),
    recoveryMs: longestRecovery(stories, faults),
    problems,
  }
}

/** The report in one line. */
export function describeReport(scenario: string, report: LedgerReport): string {
  const { recoveryMs, problems } = report
  const states = Object.entries(report.states).map(([state, count]) => `${state} ${count}`)
  const parts = [
    `accepted ${report.accepted}`,
    `unanswered ${report.unanswered}`,
    `ended once ${report.endedOnce} (${states.join(', ')})`,
    `lost ${report.lost}`,
    `ended twice ${report.endedTwice}`,
    `run twice ${report.runTwice} (at most ${report.maxStarts} starts, attempt ${report.maxAttempts})`,
    `recovery ${recoveryMs === undefined ? 'none' : `${recoveryMs} ms`}`,
    ...(problems.length > 0 ? [`problems ${problems.length}`] : []),
  ]
  return `ledger: ${scenario}: ${parts.join(', ')}`
}

function collectStories(entries: readonly LedgerEntry[]): { stories: JobStory[]; orphans: Problem[] } {
  const stories = new Map<string, JobStory>()
  const orphans: Problem[] = []
  const runs = new Map<string, Run>()
  const storyOf = (id: string): JobStory => {
    const story = stories.get(id) ?? { id, accepted: false, runs: [], reads: [], stored: [] }
    stories.set(id, story)
    return story
  }
  for (const entry of entries) {
    if (entry.kind === 'unanswered' || entry.kind === 'fault') continue
    const story = storyOf(entry.id)
    if (entry.kind === 'accepted') story.accepted = true
    else if (entry.kind === 'read') story.reads.push(entry)
    else if (entry.kind === 'stored') story.stored.push(entry)
    else if (entry.kind === 'start') {
      const run = { ...entry, end: undefined }
      runs.set(run.run, run)
      story.runs.push(run)
    } else {
      const run = runs.get(entry.run)
      if (run) run.end = entry
      else orphans.push({ rule: 'end_without_start', id: entry.id, detail: `run ${entry.run}` })
    }
  }
  return { stories: [...stories.values()], orphans }
}

/** Starts are dated by the clock of the machine, ends by what a process knows of the clock of Redis: on a busy machine they differ. */
const clockErrorMs = 250

/** The parent of an orphaned process: its worker was killed just before its handler started. */
const orphaned = 1

type Check = (story: JobStory, faults: readonly EntryOf<'fault'>[], lockMs: number) => Omit<Problem, 'id'>[]

function checkStory(story: JobStory, faults: readonly EntryOf<'fault'>[], lockMs: number): Problem[] {
  return checks.flatMap((check) => check(story, faults, lockMs).map((problem) => ({ ...problem, id: story.id })))
}

const checks: Check[] = [
  function isNotLost(story) {
    if (endOf(story)) return []
    const last = story.reads.at(-1)
    const seen = last ? `${last.status} ${last.state ?? ''}`.trim() : 'never'
    return [{ rule: 'lost', detail: `${story.accepted ? 'accepted' : 'started'}, last read: ${seen}` }]
  },
  function endsOnce({ reads, stored }) {
    const firstEnd = reads.findIndex(({ done }) => done)
    const behindEnd = firstEnd === -1 ? [] : reads.slice(firstEnd)
    const seen = new Set(
      behindEnd.map(({ status, state, attempt, finishedAt, run }) =>
        [status, state, attempt, finishedAt, run].join(' '),
      ),
    )
    const problems: Omit<Problem, 'id'>[] = []
    if (seen.size > 1) problems.push({ rule: 'ended_twice', detail: `read: ${[...seen].join(' | ')}` })
    if (stored.length > 1)
      problems.push({ rule: 'ended_twice', detail: `stored: ${stored.map(({ end }) => end).join(', ')}` })
    return problems
  },
  function startsAgainWithCause({ runs }, faults, lockMs) {
    return runs.slice(1).flatMap((run, index) => {
      const before = runs[index]
      if (!before || faults.some((fault) => touches(fault, before) && isBetween(fault, before, run, lockMs))) return []
      const state = before.end ? 'had ended' : 'was going on'
      return [{ rule: 'second_start_without_cause', detail: `start ${index + 2}; the one before ${state}` }]
    })
  },
  function staysEnded(story) {
    const end = endOf(story)
    const late = story.runs.filter(({ at }) => at > (end?.finishedAt ?? Infinity) + clockErrorMs)
    return late.map(({ at, attempt }) => ({
      rule: 'start_behind_end',
      detail: `attempt ${attempt} started ${at - (end?.finishedAt ?? at)} ms behind the end`,
    }))
  },
  function countsAttemptsUp(story) {
    const attempts = [...story.runs.map(({ attempt }) => attempt), endOf(story)?.attempt ?? Infinity]
    const falls = attempts.some((attempt, index) => attempt < (attempts[index - 1] ?? 0))
    return falls ? [{ rule: 'attempt_fell', detail: attempts.join(', ') }] : []
  },
  function succeedsByItsLastRun(story) {
    const end = endOf(story)
    if (end?.state !== 'succeeded') return []
    const by = story.runs.find(({ run }) => run === end.run)
    if (!by?.end) return [{ rule: 'success_without_work', detail: `run ${end.run ?? 'unknown'}` }]
    if (by === story.runs.at(-1)) return []
    return [{ rule: 'success_by_zombie', detail: `run ${story.runs.indexOf(by) + 1} of ${story.runs.length}` }]
  },
]

function endOf({ reads }: JobStory): EntryOf<'read'> | undefined {
  return reads.find(({ done }) => done)
}

function touches(fault: EntryOf<'fault'>, { worker, id }: Run): boolean {
  if (fault.what === 'api_killed') return false
  if (worker === orphaned && fault.what === 'worker_killed') return true
  return (fault.worker ?? worker) === worker && (fault.id ?? id) === id
}

/** The fault happened while the first start held the job, and before the second start. */
function isBetween({ what, from, until }: EntryOf<'fault'>, first: Run, second: Run, lockMs: number): boolean {
  const isFeltLater = what === 'worker_frozen' || what === 'redis_away'
  return from <= second.at && until + (isFeltLater ? lockMs : 0) >= first.at
}

function longestRecovery(stories: readonly JobStory[], faults: readonly EntryOf<'fault'>[]): number | undefined {
  const times = faults.flatMap((fault) =>
    stories.flatMap((story) => {
      const finishedAt = endOf(story)?.finishedAt ?? 0
      const isTouched = story.runs.some((run) => touches(fault, run) && run.at <= fault.until)
      return isTouched && finishedAt > fault.from ? [finishedAt - fault.from] : []
    }),
  )
  return times.length === 0 ? undefined : Math.max(...times)
}

function countBy(keys: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const key of keys.toSorted()) counts[key] = (counts[key] ?? 0) + 1
  return counts
}
