import { z } from 'zod'
import type { JobFailure } from '../../jobs/job-failure.ts'
import type { StoredOutput } from '../store/job-output.ts'
import { webhookSchema } from '../webhooks/delivery.ts'
import { isEnd, type JobEnd, type JobState } from './job-states.ts'

/** Raised when the stored form changes so that older code would misread it. */
export const recordVersion = 1

/** Whose jobs those are that were submitted without a key. */
export const anonymousTenant = '-'

/** What clients may say of a job beside its type and input. Absent means: not said. */
export const recordSchema = z.object({
  v: z.literal(recordVersion),
  /** Whose job it is. Second, since sweep-queue.lua reads it off the stored text. */
  tenant: z.string().default(anonymousTenant),
  /** It takes one of its tenant's places until it starts: see tenant-quotas.ts. */
  limited: z.literal(true).optional(),
  input: z.unknown(),
  timeoutMs: z.int().optional(),
  backoff: z.object({ type: z.enum(['fixed', 'exponential']), delayMs: z.number(), jitter: z.number() }).optional(),
  startWithinMs: z.int().optional(),
  deadlineMs: z.int().optional(),
  /** When a client's retry opened the present run, or its flow came to it. */
  reopenedAt: z.int().optional(),
  /** Both limits count from here; a retry sets it anew. */
  countsFrom: z.int().optional(),
  priority: z.int().optional(),
  tags: z.array(z.string()).optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  traceparent: z.string().optional(),
  webhook: webhookSchema.optional(),
  /** The flow that it belongs to, and which of its nodes it is. */
  flow: z.object({ id: z.string(), node: z.int() }).optional(),
})

/** The `data` of a BullMQ job. Times are epoch milliseconds. */
export type JobRecord = z.output<typeof recordSchema>

/** Reads a stored record; undefined when another version of Drover wrote it and this one cannot read it. */
export function parseRecord(data: unknown): JobRecord | undefined {
  return recordSchema.safeParse(data).data
}

/** Since when a job of this stored record could have started in its present run; it was created or came due at `firstDueAt`. */
export function dueAt(data: unknown, firstDueAt: number): number {
  const reopenedAt: unknown = Object(data).reopenedAt
  return typeof reopenedAt === 'number' ? reopenedAt : firstDueAt
}

/** The flow that a stored record names, without a look at the rest. */
export function flowOf(data: unknown): string | undefined {
  const id: unknown = Object(Object(data).flow).id
  return typeof id === 'string' ? id : undefined
}

/** When a job must have started, and when it must have ended; undefined: whenever. */
export function timeLimits(record: JobRecord | Omit<JobRecord, 'v'>): {
  startBy: number | undefined
  deadlineAt: number | undefined
} {
  const { startWithinMs, deadlineMs, countsFrom = 0 } = record
  return {
    startBy: startWithinMs === undefined ? undefined : countsFrom + startWithinMs,
    deadlineAt: deadlineMs === undefined ? undefined : countsFrom + deadlineMs,
  }
}

/** How a cancelled job was stopped. */
type Stopped = 'never_started' | 'cooperatively' | 'killed' | 'abandoned'

/** Why the latest attempt failed; `attempt` is its number. */
export interface StoredFailure extends Omit<JobFailure, 'retryAfterMs'> {
  attempt: number
  stopped?: Stopped | undefined
}

/** What the worker adds to BullMQ's list of stack traces for each attempt that failed, as JSON. Times are epoch ms. */
export function encodeAttempt(failure: StoredFailure, startedAt: number | undefined, endedAt: number): string {
  return JSON.stringify({ ...failure, startedAt, endedAt })
}

function decodeAttempts(stacktrace: string | undefined): EndedAttempt[] {
  if (stacktrace === undefined) return []
  const traces = z.array(z.string()).safeParse(parseJson(stacktrace)).data ?? []
  return traces.flatMap((trace) => {
    const { data } = attemptSchema.safeParse(parseJson(trace))
    if (!data) return []
    const { startedAt, endedAt, ...failure } = data
    return [{ attempt: failure.attempt, startedAt, endedAt, failure }]
  })
}

const failureSchema = z.object({
  code: z.string(),
  message: z.string(),
  retryable: z.boolean(),
  attempt: z.int(),
  stopped: z.enum(['never_started', 'cooperatively', 'killed', 'abandoned']).optional(),
})

const attemptSchema = failureSchema.extend({ startedAt: z.int().optional(), endedAt: z.int() })

/** A job as Redis has it at one moment. Times are epoch milliseconds. */
export interface StoredJob {
  id: string
  type: string
  queue: string
  state: JobState
  done: boolean
  record: JobRecord
  /** Null, too, when it is stored beside the job. */
  output: unknown
  /** Where a large output is. */
  storedOutput: StoredOutput | undefined
  failure: StoredFailure | undefined
  progress: { fraction: number; message: string | null; data: unknown } | undefined
  run: number
  /** The id of the last event of the runs before this one. */
  eventsBeforeRun: number
  /** The id of its last stored event; 0 when there is none. */
  lastEventId: number
  attempt: number
  maxAttempts: number
  createdAt: number
  scheduledFor: number | undefined
  startedAt: number | undefined
  finishedAt: number | undefined
  cancelRequestedAt: number | undefined
  /** The attempts of this run that have ended, oldest first. */
  attempts: EndedAttempt[]
}

/** An attempt that has ended; without a failure it succeeded. */
interface EndedAttempt {
  attempt: number
  startedAt: number | undefined
  endedAt: number | undefined
  failure: StoredFailure | undefined
}

/** BullMQ keeps one string for a failure: ours is this object as JSON. */
export function encodeFailure(failure: StoredFailure): string {
  return JSON.stringify(failure)
}

/** Reads a failure back. What BullMQ wrote by itself is a sentence: only its stall limit does that. */
export function decodeFailure(failedReason: string, attempt: number): StoredFailure {
  return (
    failureSchema.safeParse(parseJson(failedReason)).data ?? {
      code: 'stalled',
      message: `the worker that ran this job vanished (${failedReason})`,
      retryable: true,
      attempt,
    }
  )
}

/** How a job has ended that failed for this reason, in BullMQ's terms. */
export function endWithoutSuccess(failedReason: string): JobEnd {
  return endState(false, decodeFailure(failedReason, 1))
}

/** Where the scripts found a job: in which of BullMQ's sets. */
export type Place = 'finished' | 'active' | 'delayed' | 'waiting' | 'blocked'

/** Fields and values in turn, as scripts return a hash. */
export function hashOf(fields: readonly string[]): Record<string, string> {
  const hash: Record<string, string> = {}
  for (let i = 0; i + 1 < fields.length; i += 2) hash[fields[i] ?? ''] = fields[i + 1] ?? ''
  return hash
}

/** BullMQ's hash and place → our job. Undefined when another version of Drover wrote a record that this one cannot read. */
export function decodeJob(
  ref: { queue: string; id: string },
  hash: Record<string, string>,
  { place, lastEventId, dueAt }: { place: Place; lastEventId: number; dueAt: number | undefined },
): StoredJob | undefined {
  const record = parseRecord(parseJson(hash['data'] ?? ''))
  if (!record) return undefined
  const attemptsMade = Number(hash['atm'] ?? 0)
  const attempt = attemptsMade + (place === 'active' ? 1 : 0)
  const succeeded = place === 'finished' && hash['returnvalue'] !== undefined
  const storedOutput = succeeded ? decodeStoredOutput(hash) : undefined
  const showsFailure = !succeeded && place !== 'active' && hash['failedReason'] !== undefined
  const failure = showsFailure ? decodeFailure(hash['failedReason'] ?? '', attempt) : undefined
  const state = place === 'finished' ? endState(succeeded, failure) : waitingStates[place]
  const startedAt = optionalNumber(hash['processedOn'])
  const finishedAt = optionalNumber(hash['finishedOn'])
  const attempts = decodeAttempts(hash['stacktrace'])
  const last = failure?.attempt ?? attempt
  if (place === 'finished' && last > 0 && attempts.at(-1)?.attempt !== last) {
    attempts.push({ attempt: last, startedAt, endedAt: finishedAt, failure })
  }
  return {
    ...ref,
    type: hash['name'] ?? '',
    state,
    done: isEnd(state),
    record,
    output: succeeded && !storedOutput ? parseJson(hash['returnvalue'] ?? 'null') : null,
    storedOutput,
    failure,
    progress: hash['progress'] === undefined ? undefined : progressSchema.safeParse(parseJson(hash['progress'])).data,
    run: Number(hash['run'] ?? 1),
    eventsBeforeRun: Number(hash['eventsBeforeRun'] ?? 0),
    lastEventId,
    attempt: place === 'finished' ? last : attempt,
    maxAttempts: maxAttemptsSchema.safeParse(parseJson(hash['opts'] ?? '')).data?.attempts ?? 1,
    createdAt: Number(hash['timestamp'] ?? 0),
    scheduledFor: dueAt,
    startedAt,
    finishedAt,
    cancelRequestedAt: optionalNumber(hash['cancelRequestedAt']),
    attempts,
  }
}

/** The job was completed with the name of what was stored for it. No handler knows that name, so that none returns it. */
export function decodeStoredOutput(hash: Record<string, string>): StoredOutput | undefined {
  const { outputName: name, outputBytes: bytes } = hash
  if (name === undefined || hash['returnvalue'] !== JSON.stringify(name)) return undefined
  return { name, bytes: Number(bytes) }
}

const waitingStates = { active: 'running', delayed: 'scheduled', waiting: 'queued', blocked: 'blocked' } as const
const maxAttemptsSchema = z.object({ attempts: z.int() })
const progressSchema = z.object({ fraction: z.number(), message: z.string().nullable(), data: z.unknown() })

/** An end without success is told apart by what its failure says, so that one write decides it. Attempt 0: it never started. */
export function endState(succeeded: boolean, failure: StoredFailure | undefined): JobEnd {
  if (succeeded) return 'succeeded'
  if (failure?.code === 'canceled') return 'canceled'
  if (failure?.code === 'not_started_in_time') return 'expired'
  if (failure?.code === 'deadline_exceeded' && failure.attempt === 0) return 'expired'
  return 'failed'
}

function optionalNumber(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text)
}

/** Undefined when it is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
