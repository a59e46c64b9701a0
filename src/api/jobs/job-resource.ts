import { z } from 'zod'
import { timeLimits } from '../../queue/model/job-record.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import { optionalTimestamp, timestamp } from '../http/timestamp.ts'
import { doneField, metadataField, named, stateField, tagsField, timeField } from '../openapi/fields.ts'
import { jobPath } from './find-job.ts'

/** A job as clients see it. */
export const jobSchema = z.object({
  id: z.string(),
  type: z.string(),
  queue: z.string(),
  state: stateField,
  done: doneField,
  input: z.unknown(),
  output: z.unknown().describe('What the job returned. Also null when `output_bytes` is a number'),
  output_bytes: z
    .int()
    .nullable()
    .describe('The size in bytes of JSON of an output that is too large for this field: read it at `links.output`'),
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
  run: z.int().describe('Starts at 1 and increases with each `POST …/retry`'),
  attempt: z.int().describe('The current or latest attempt of this run. 0 before the first one'),
  max_attempts: z.int(),
  priority: z.int(),
  tags: tagsField,
  metadata: metadataField,
  created_at: timeField,
  scheduled_for: timeField.nullable(),
  started_at: timeField.nullable(),
  finished_at: timeField.nullable(),
  cancel_requested_at: timeField.nullable(),
  deadline_at: timeField.nullable(),
  expires_at: timeField.nullable(),
  flow_id: z.string().nullable(),
  attempts: z
    .array(
      named(
        'JobAttempt',
        z.object({
          attempt: z.int(),
          started_at: timeField.nullable(),
          ended_at: timeField.nullable(),
          error: z.object({ code: z.string(), message: z.string(), retryable: z.boolean() }).nullable(),
        }),
      ),
    )
    .describe('The attempts of this run that have ended, oldest first. At most the last 20'),
  links: z.object({
    self: z.string(),
    output: z.string(),
    events: z.string(),
    logs: z.string(),
    cancel: z.string(),
  }),
})

export type JobResource = z.output<typeof jobSchema>

/** A stored job as clients see it. A finished job expires `resultTtlMs` after its end. */
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
