import { z } from 'zod'
import { maskSecrets } from '../../jobs/secrets.ts'
import { traceIdOf } from '../../jobs/trace-context.ts'
import { outcomes } from '../../queue/model/job-history.ts'
import { timeLimits } from '../../queue/model/job-record.ts'
import { isEnd } from '../../queue/model/job-states.ts'
import type { Parked } from '../../queue/model/parked.ts'
import { keptForMs, type Retention } from '../../queue/model/retention.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import { holdUntil, onConflicts } from '../../queue/model/unique-key.ts'
import { webhookEvents } from '../../queue/model/webhook-target.ts'
import { shownWorkerName } from '../../queue/model/worker-name.ts'
import type { Caller } from '../access/api-keys.ts'
import { optionalTimestamp, timestamp } from '../http/timestamp.ts'
import { doneField, metadataField, named, stateField, tagsField, timeField } from '../openapi/fields.ts'
import { jobPath } from './find-job.ts'
import { heldBySchema, schedulingFields, shownHeldBy, shownScheduling } from './job-scheduling.ts'

/** A job as clients see it. */
export const jobSchema = z.object({
  id: z.string(),
  type: z.string(),
  type_version: z
    .int()
    .nullable()
    .describe('The `version` that its type declared when it was submitted: workers of a lower one leave it to others'),
  queue: z.string(),
  state: stateField,
  done: doneField,
  input: z.unknown().describe('Also null when `input_bytes` is a number'),
  input_bytes: z
    .int()
    .nullable()
    .describe(
      'The size in bytes of JSON of an input above 16,384 bytes, which is not in this field: read it at `links.input`',
    ),
  output: z.unknown().describe('What the job returned. Also null when `output_bytes` is a number'),
  output_bytes: z
    .int()
    .nullable()
    .describe(
      'The size in bytes of JSON of an output that is too large for this field, in lists and events above 16,384 bytes: read it at `links.output`',
    ),
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
  checkpoint: z
    .object({ size_bytes: z.int(), at: timeField })
    .nullable()
    .describe(
      'What its handler has kept for the next start, state and steps together: the size of the JSON, and when the last of it was stored. A job that failed keeps it for a replay. Null where that is nothing, and of a job that ended otherwise',
    ),
  waiting_for: z
    .object({
      since: timeField,
      signals: z.array(z.object({ name: z.string(), until: timeField.nullable() })),
      children: z.boolean(),
    })
    .nullable()
    .describe(
      'Of a job that is `blocked` since its handler waits: for which signals, and until when at the latest, any of which brings it back; and whether for jobs that it has submitted',
    ),
  signals: z
    .array(z.object({ name: z.string(), received_at: timeField, size_bytes: z.int() }))
    .describe('The signals that this run has received'),
  run: z.int().describe('Starts at 1 and increases with each `POST …/retry`'),
  attempt: z.int().describe('The current or latest attempt of this run. 0 before the first one'),
  max_attempts: z.int(),
  worker: z
    .string()
    .nullable()
    .describe(
      'The worker that runs it: its `WORKER_NAME`, else its host and process id, or for keys without the scope `admin` a name made up for it',
    ),
  priority: z.int(),
  backoff: z
    .object({ type: z.enum(['fixed', 'exponential']), delay_ms: z.number(), jitter: z.number() })
    .nullable()
    .describe('As it was submitted, as the following. Null: the default of the job type'),
  timeout_ms: z.int().nullable(),
  start_within_ms: z.int().nullable(),
  deadline_ms: z.int().nullable(),
  run_at: timeField.nullable().describe('The `run_at` of the submission, or its time and `delay_ms`'),
  result_ttl_ms: z
    .int()
    .nullable()
    .describe('How long it is kept at the latest once it has ended: its own, or that of its type'),
  ...schedulingFields,
  webhook: z.object({ url: z.string(), events: z.array(z.enum(webhookEvents)) }).nullable(),
  unique: z
    .object({
      key: z.string(),
      until: z.enum(holdUntil).nullable(),
      for_ms: z.int().nullable(),
      on_conflict: z.enum(onConflicts),
    })
    .nullable(),
  debounce: z.object({ key: z.string(), quiet_ms: z.int(), most_ms: z.int() }).nullable(),
  tags: tagsField,
  metadata: metadataField,
  created_at: timeField,
  scheduled_for: timeField.nullable(),
  held_by: heldBySchema
    .nullable()
    .describe(
      'Why it waits although its time has come: its queue is paused, no worker consumes the queue, no worker knows the job type, its concurrency key is full, its rate is reached, or as many jobs of its tenant or of its queue run as may',
    ),
  started_at: timeField.nullable(),
  finished_at: timeField.nullable(),
  cancel_requested_at: timeField.nullable(),
  deadline_at: timeField.nullable(),
  expires_at: timeField.nullable().describe('At the latest: results give way sooner where Redis is low on memory'),
  flow_id: z.string().nullable(),
  parent: z
    .object({ id: z.string(), root_id: z.string(), depth: z.int() })
    .nullable()
    .describe('The job whose handler has submitted it, the first job above that one, and how many are above it'),
  children: z
    .object({ count: z.int() })
    .nullable()
    .describe('How many jobs its handler has submitted in this run: `GET /v1/jobs?parent=` lists them'),
  trace_id: z.string().nullable().describe('Of the `traceparent` that it was submitted with'),
  attempts: z
    .array(
      named(
        'JobAttempt',
        z.object({
          attempt: z.int().describe('A start that lost its worker, was put back or was parked uses up no attempt'),
          worker: z.string().nullable(),
          started_at: timeField.nullable(),
          ended_at: timeField.nullable().describe('Of a lost worker: when that was noticed'),
          outcome: z
            .enum(outcomes)
            .nullable()
            .describe(
              'Null while it runs. `worker_lost`: its worker crashed, froze or lost its lease. `put_back`: its worker was stopped. `parked`: its handler waits for a signal',
            ),
          error: z.object({ code: z.string(), message: z.string(), retryable: z.boolean() }).nullable(),
        }),
      ),
    )
    .describe('The starts of this run, oldest first. Of more than 20 the first and the last 19'),
  links: z.object({
    self: z.string(),
    input: z.string(),
    output: z.string(),
    values: z.string(),
    events: z.string(),
    logs: z.string(),
    cancel: z.string(),
  }),
})

export type JobResource = z.output<typeof jobSchema>

/** A stored job as clients see it. Only admins see hosts. */
export function jobResource(
  job: StoredJob,
  retention: Retention,
  { scopes, watch }: Pick<Caller, 'scopes' | 'watch'>,
): JobResource {
  const { record, failure, progress, checkpoint } = job
  const shownWorker = (name: string | undefined) =>
    name === undefined ? null : shownWorkerName(name, scopes.has('admin'))
  const self = jobPath(job.id)
  return {
    id: job.id,
    type: job.type,
    type_version: record.typeVersion ?? null,
    queue: job.queue,
    state: job.state,
    done: job.done,
    input:
      job.inputBytes === undefined && watch?.input !== false ? maskSecrets(record.input, record.secrets?.input) : null,
    input_bytes: job.inputBytes ?? null,
    output: maskSecrets(job.output ?? null, record.secrets?.output),
    output_bytes: job.storedOutput?.bytes ?? null,
    error: failure ?? null,
    progress: progress ?? null,
    checkpoint: checkpoint ? { size_bytes: checkpoint.bytes, at: timestamp(checkpoint.at) } : null,
    waiting_for: job.parked ? shownWaits(job.parked) : null,
    signals: job.signals.map(({ name, at, bytes }) => ({ name, received_at: timestamp(at), size_bytes: bytes })),
    run: job.run,
    attempt: job.attempt,
    max_attempts: job.maxAttempts,
    worker: shownWorker(job.worker),
    priority: record.priority ?? 0,
    ...givenOptions(job),
    ...(watch && { webhook: null }),
    tags: record.tags ?? [],
    metadata: record.metadata ?? {},
    created_at: timestamp(job.createdAt),
    scheduled_for: optionalTimestamp(job.scheduledFor),
    held_by: job.heldBy ? shownHeldBy(job.heldBy) : null,
    started_at: optionalTimestamp(job.startedAt),
    finished_at: optionalTimestamp(job.finishedAt),
    cancel_requested_at: optionalTimestamp(job.cancelRequestedAt),
    deadline_at: optionalTimestamp(timeLimits(record).deadlineAt),
    expires_at: optionalTimestamp(expiresAt(job, retention)),
    flow_id: record.flow?.id ?? null,
    parent: record.parent ? { id: record.parent.id, root_id: record.parent.root, depth: record.parent.depth } : null,
    children: job.children === undefined ? null : { count: job.children },
    trace_id: record.traceparent === undefined ? null : traceIdOf(record.traceparent),
    attempts: job.starts.map(({ attempt, worker, startedAt, endedAt, outcome, failure: why }) => ({
      attempt,
      worker: shownWorker(worker),
      started_at: optionalTimestamp(startedAt),
      ended_at: optionalTimestamp(endedAt),
      outcome: outcome ?? null,
      error: why ? { code: why.code, message: why.message, retryable: why.retryable } : null,
    })),
    links: {
      self,
      input: `${self}/input`,
      output: `${self}/output`,
      values: `${self}/values`,
      events: `${self}/events`,
      logs: `${self}/logs`,
      cancel: `${self}/cancel`,
    },
  }
}

function shownWaits({ since, signals, children }: Parked): NonNullable<JobResource['waiting_for']> {
  return {
    since: timestamp(since),
    signals: signals.map(({ name, until }) => ({ name, until: optionalTimestamp(until) })),
    children,
  }
}

/** What a client needs to find a job, as JSON. It needs no escapes: a queue has a name of plain letters. */
export function smallJob({ id, state }: Pick<StoredJob, 'id' | 'state'>): string {
  const self = jobPath(id)
  return `{"id":"${id}","state":"${state}","links":{"self":"${self}","events":"${self}/events"}}`
}

/** At the latest: it may give way sooner. */
function expiresAt({ state, finishedAt, record }: StoredJob, retention: Retention): number | undefined {
  return finishedAt === undefined || !isEnd(state) ? undefined : finishedAt + keptForMs(state, retention, record.keepMs)
}

/** The options that the client gave. */
function givenOptions({ record, runAt }: StoredJob) {
  const { backoff, webhook, unique, debounce } = record
  return {
    backoff: backoff ? { type: backoff.type, delay_ms: backoff.delayMs, jitter: backoff.jitter } : null,
    timeout_ms: record.timeoutMs ?? null,
    start_within_ms: record.startWithinMs ?? null,
    deadline_ms: record.deadlineMs ?? null,
    run_at: optionalTimestamp(runAt),
    result_ttl_ms: record.keepMs ?? null,
    unique: unique
      ? { key: unique.key, until: unique.until ?? null, for_ms: unique.forMs ?? null, on_conflict: unique.onConflict }
      : null,
    debounce: debounce ? { key: debounce.key, quiet_ms: debounce.quietMs, most_ms: debounce.maxMs } : null,
    ...shownScheduling(record),
    webhook: webhook ? { url: webhook.url, events: webhook.events } : null,
  }
}

/** … in lists and events, where a large output is left out, too. */
export function listedJobResource(...of: Parameters<typeof jobResource>): JobResource {
  const resource = jobResource(...of)
  const [job] = of
  return job.outputBytes === undefined ? resource : { ...resource, output: null, output_bytes: job.outputBytes }
}
