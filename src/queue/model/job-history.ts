import { z } from 'zod'
import { failureSchema, type StoredFailure } from './failure.ts'
import type { JobEnd } from './job-states.ts'
import { parseJson } from './parse-json.ts'

/** How a start of a job ended. `worker_lost`: its worker crashed, froze or lost its lease. `put_back`: its worker was stopped. `parked`: it waits for a signal or for jobs that it has submitted. */
export const outcomes = ['succeeded', 'failed', 'canceled', 'worker_lost', 'put_back', 'parked'] as const
type Outcome = (typeof outcomes)[number]

/** One start of a job in its present run. Times in epoch ms. */
export interface JobStart {
  attempt: number
  /** Undefined where it was not stored. */
  worker: string | undefined
  startedAt: number | undefined
  /** Of a lost worker: when that was noticed. */
  endedAt: number | undefined
  /** Undefined while it runs. */
  outcome: Outcome | undefined
  failure: StoredFailure | undefined
  /** What it returned, where another start followed its success. */
  output?: unknown
}

/** So many starts of a run are kept: the first and the last ones. As in lua/lib/add-start.lua. */
const maxStarts = 20

const startSchema = z.object({
  attempt: z.int(),
  worker: z.string().optional(),
  startedAt: z.int().optional(),
  endedAt: z.int(),
  /** Absent in entries of earlier versions, which stored failed attempts alone. */
  outcome: z.enum(outcomes).optional(),
  output: z.unknown().optional(),
})

/** The entry of a failed attempt in BullMQ's list of stack traces, as JSON. */
export function encodeFailedStart(
  failure: StoredFailure,
  start: { worker: string | undefined; startedAt: number | undefined; endedAt: number },
): string {
  return JSON.stringify({ ...failure, ...start, outcome: 'failed' satisfies Outcome })
}

/** Adds an entry to those of {@link encodeFailedStart}. */
export function addStart(entries: readonly string[], entry: string): string[] {
  if (entries.length < maxStarts) return [...entries, entry]
  return [...entries.slice(0, 1), ...entries.slice(2 - maxStarts), entry]
}

/** What else is known of a job whose starts are read. */
export interface Standing {
  place: 'waiting' | 'running' | 'ended'
  /** The number of its current or latest attempt; 0: none. */
  attempt: number
  end: JobEnd | undefined
  failure: StoredFailure | undefined
}

/**
 * The starts of a job's present run, oldest first. Stored are those that another start followed, and failed ones; the last follows from the
 * job's own fields.
 */
export function decodeStarts(hash: Readonly<Record<string, string>>, standing: Standing): JobStart[] {
  const starts = storedStarts(hash['stacktrace'])
  const startedAt = hash['processedOn']
  // `unrun`: a worker fetched the job and ended it without a start.
  if (startedAt === undefined || hash['unrun'] !== undefined) return starts
  const outcome = lastOutcome(hash, standing, starts.at(-1))
  if (outcome === 'stored') return starts
  const last = {
    // A lost start uses up no attempt.
    attempt: outcome === 'worker_lost' ? Number(hash['atm'] ?? 0) + 1 : standing.attempt,
    worker: hash['pb'],
    startedAt: Number(startedAt),
    endedAt: standing.place === 'ended' ? Number(hash['finishedOn']) : undefined,
    outcome,
    failure: outcome === 'failed' || outcome === 'canceled' ? standing.failure : undefined,
  }
  return [...starts, last]
}

/** The outcome of the last start, undefined while it runs; `stored`: it is in the list, or there is none. */
function lastOutcome(
  hash: Readonly<Record<string, string>>,
  { place, attempt, end }: Standing,
  before: JobStart | undefined,
): Outcome | undefined | 'stored' {
  if (place === 'running') return undefined
  if (end === 'succeeded') return end
  // Two attempts may have started in the same ms.
  const isBefore = before?.outcome === 'failed' && before.attempt < attempt
  if (before?.startedAt === Number(hash['processedOn']) && !isBefore) return 'stored'
  // BullMQ counts the starts whose worker was lost; the start that follows stores them.
  if (Number(hash['stc'] ?? 0) > Number(hash['lostStarts'] ?? 0)) return 'worker_lost'
  // Earlier versions stored a failed attempt without its worker, and with another time.
  const isStoredByOldVersion = before !== undefined && before.worker === undefined && before.attempt === attempt
  if (place === 'waiting' || attempt === 0 || isStoredByOldVersion) return 'stored'
  return end === 'canceled' ? 'canceled' : 'failed'
}

/** The starts in BullMQ's list of stack traces, oldest first. Entries that Drover did not write are skipped. */
export function storedStarts(stacktrace: string | undefined): JobStart[] {
  if (stacktrace === undefined) return []
  const entries = z.array(z.string()).safeParse(parseJson(stacktrace)).data ?? []
  return entries.flatMap((entry) => decodeStart(entry) ?? [])
}

/** One entry of the list; undefined where Drover did not write it. */
export function decodeStart(entry: string): JobStart | undefined {
  const parsed = parseJson(entry)
  const { data } = startSchema.safeParse(parsed)
  const failure = failureSchema.safeParse(parsed).data
  if (!data || (data.outcome === undefined && !failure)) return undefined
  const { attempt, worker, startedAt, endedAt, outcome = 'failed', output } = data
  // Earlier versions stored it of a job that was not started, too.
  return attempt === 0 ? undefined : { attempt, worker, startedAt, endedAt, outcome, failure, output }
}
