import { z } from 'zod'
import { timeLimits } from '../../queue/model/job-record.ts'
import { jobStates } from '../../queue/model/job-states.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import { jobPath } from './find-job.ts'

const time = z.iso.datetime().describe('RFC 3339, UTC, with milliseconds')

export const jobStateSchema = z.enum(jobStates)

/** A job as clients see it. */
export const jobSchema = z.object({
  id: z.string(),
  type: z.string(),
  queue: z.string(),
  state: jobStateSchema,
  done: z.boolean().describe('True in the four ends: succeeded, failed, canceled, expired'),
  input: z.unknown(),
  output: z.unknown().describe('What the job returned; null, too, when `output_bytes` is a number'),
  output_bytes: z
    .int()
    .nullable()
    .describe('The length as JSON of an output that is too large to stand here: `links.output` has it'),
  error: z
    .object({
      code: z.string(),
      message: z.string(),
      retryable: z.boolean(),
      attempt: z.int(),
      stopped: z.enum(['never_started', 'cooperatively', 'killed', 'abandoned']).optional(),
    })
    .nullable(),
  progress: z.object({ fraction: z.number(), message: z.string().nullable(), data: z.unknown() }).nullable(),
  run: z.int().describe('Rises by one with each retry by a client'),
  attempt: z.int().describe('The current or latest attempt; 0 before the first'),
  max_attempts: z.int(),
  priority: z.int(),
  tags: z.array(z.string()),
  metadata: z.record(z.string(), z.string()),
  created_at: time,
  scheduled_for: time.nullable(),
  started_at: time.nullable(),
  finished_at: time.nullable(),
  cancel_requested_at: time.nullable(),
  deadline_at: time.nullable(),
  expires_at: time.nullable(),
  flow_id: z.string().nullable(),
  attempts: z
    .array(
      z.object({
        attempt: z.int(),
        started_at: time.nullable(),
        ended_at: time.nullable(),
        error: z.object({ code: z.string(), message: z.string(), retryable: z.boolean() }).nullable(),
      }),
    )
    .describe('The attempts of this run that have ended, oldest first; the last 20'),
  links: z.object({
    self: z.string(),
    output: z.string(),
    events: z.string(),
    logs: z.string(),
    cancel: z.string(),
  }),
})

export type JobResource = z.output<typeof jobSchema>

/** A stored job as clients see it; a finished one can be read for `resultTtlMs` more. */
export function jobResource(job: StoredJob, resultTtlMs: number): JobResource {
  const { record, failure, progress } = job
  const self = jobPath(job.id)
  return {
    id: job.id,
    type: job.type,
    queue: job.queue,
    state: job.state,
    done: job.done,
    input: record.input,
    output: job.output ?? null,
    output_bytes: job.storedOutput?.bytes ?? null,
    error: failure ?? null,
    progress: progress ?? null,
    run: job.run,
    attempt: job.attempt,
    max_attempts: job.maxAttempts,
    priority: record.priority ?? 0,
    tags: record.tags ?? [],
    metadata: record.metadata ?? {},
    created_at: timestamp(job.createdAt),
    scheduled_for: optionalTimestamp(job.scheduledFor),
    started_at: optionalTimestamp(job.startedAt),
    finished_at: optionalTimestamp(job.finishedAt),
    cancel_requested_at: optionalTimestamp(job.cancelRequestedAt),
    deadline_at: optionalTimestamp(timeLimits(record).deadlineAt),
    expires_at: optionalTimestamp(job.finishedAt === undefined ? undefined : job.finishedAt + resultTtlMs),
    flow_id: record.flow?.id ?? null,
    attempts: job.attempts.map(({ attempt, startedAt, endedAt, failure: why }) => ({
      attempt,
      started_at: optionalTimestamp(startedAt),
      ended_at: optionalTimestamp(endedAt),
      error: why ? { code: why.code, message: why.message, retryable: why.retryable } : null,
    })),
    links: {
      self,
      output: `${self}/output`,
      events: `${self}/events`,
      logs: `${self}/logs`,
      cancel: `${self}/cancel`,
    },
  }
}

/** Seconds as RFC 3339, up to the point: jobs of one moment have the same, and a job shows six times. */
const seconds = new Map<number, string>()
const mostSeconds = 100

/** Epoch milliseconds as RFC 3339. */
export function timestamp(ms: number): string {
  const second = Math.floor(ms / 1000)
  let text = seconds.get(second)
  if (text === undefined) {
    if (seconds.size >= mostSeconds) seconds.clear()
    text = new Date(second * 1000).toISOString().slice(0, -4)
    seconds.set(second, text)
  }
  return `${text}${String(ms - second * 1000).padStart(3, '0')}Z`
}

/** … and what is not there as null. */
export function optionalTimestamp(ms: number | undefined): string | null {
  return ms === undefined ? null : timestamp(ms)
}
