import { z } from 'zod'
import { estimateStart } from '../../queue/model/estimate-start.ts'
import type { FlowPlace, Standing } from '../../queue/model/standing.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import { timestamp } from '../http/timestamp.ts'
import { named, stateField, timeField } from '../openapi/fields.ts'
import { type JobResource, jobSchema } from './job-resource.ts'

const kinds = [
  ...['scheduled', 'debounce', 'retry', 'flow', 'signal', 'children'],
  ...[
    'paused',
    'no_worker',
    'unknown_type',
    'concurrency',
    'rate',
    'tenant',
    'type',
    'queue',
    'ahead',
    'ready',
    'quarantine',
  ],
  ...['running', 'cancel_requested', 'ended'],
] as const

/** From so many lost workers on a job runs alone in its process: see attempt-runner.ts. */
const quarantineFromLosses = 2

const reasonSchema = named(
  'Reason',
  z.object({
    kind: z
      .enum(kinds)
      .describe(
        '`scheduled`, `debounce`: until `at`. `retry`: after a failed attempt, until `at`. `flow`: another step of its flow comes first. `signal`: its handler waits for a signal, until `at` where that has a timeout. `children`: it waits for jobs that it has submitted. `paused`, `no_worker`, `unknown_type`, …: as `held_by` of the job. `ahead`: so many start before it; without a number, those of others do, or the fairness keys of its tenant decide at each turn. `ready`: a worker can start it now. `quarantine`: it has lost several workers, and runs alone. `running`, `cancel_requested`, `ended`',
      ),
    detail: z.string().describe('The reason as a sentence'),
    since: timeField.optional(),
    at: timeField.optional(),
    key: z.string().nullable().optional(),
    type_version: z.int().nullable().optional().describe('Of `unknown_type`: that of the job'),
    limit: z.number().nullable().optional(),
    running: z.int().nullable().optional(),
    holders: z
      .array(z.string())
      .optional()
      .describe('Of `concurrency`, `tenant` and `type`: ids of running jobs that hold it, at most ten'),
    eligible_at: timeField.nullable().optional(),
    ahead: z.int().optional(),
    attempt: z.int().optional(),
    worker: z.string().nullable().optional(),
    flow_id: z.string().optional(),
    path: z.string().optional().describe('JSON Pointer of its step into the submission of its flow'),
    waits_for: z.string().optional().describe('… of the step that comes first'),
    error: z.object({ code: z.string(), message: z.string() }).nullable().optional(),
    stopped: z.string().optional(),
  }),
)
type Reason = z.output<typeof reasonSchema>

/** Why a job waits, or how it came to its end. */
export const explanationSchema = named(
  'Explanation',
  z.object({
    id: z.string(),
    state: stateField,
    reasons: z.array(reasonSchema),
    position: z
      .int()
      .nullable()
      .describe(
        'Its place among the jobs of its queue that can start: 1 starts next. Without the scope `admin` among those of its tenant. Null: it is not among them, or behind more than 10,000, or its tenant uses fairness keys, which decide at each turn',
      ),
    estimate: z
      .object({
        earliest_at: timeField,
        latest_at: timeField.nullable().describe('Null: what was measured gives no bound'),
        basis: z
          .object({ ended: z.int().nullable(), window_ms: z.int() })
          .describe('So many jobs of the queue ended in this time before. Null without the scope `admin`'),
      })
      .nullable()
      .describe(
        'When it starts, if the queue goes on as it did. Null: it depends on what holds it, or it does not wait',
      ),
    attempts: jobSchema.shape.attempts,
  }),
)
type Explanation = z.output<typeof explanationSchema>

/** A pure function of what was read; `flow`: where a job stands that waits for its flow. `standing` is undefined of a job that does not wait. */
export function explanation(
  resource: JobResource,
  job: StoredJob,
  standing: Standing | undefined,
  { isAdmin, flow }: { isAdmin: boolean; flow?: FlowPlace | undefined },
): Explanation {
  const { id, state, attempts } = resource
  const ahead = standing?.isTurnOpen ? undefined : standing?.ownAhead
  const position = typeof ahead === 'number' ? ahead + 1 : null
  const reasons = job.done ? [howItEnded(resource)] : whyItIsThere(resource, job, standing, flow)
  return { id, state, reasons, position, estimate: estimateOf(resource, job, standing, isAdmin), attempts }
}

function whyItIsThere(
  resource: JobResource,
  job: StoredJob,
  standing: Standing | undefined,
  flow: FlowPlace | undefined,
): Reason[] {
  const reasons: Reason[] = []
  const losses = job.starts.filter(({ outcome }) => outcome === 'worker_lost').length
  if (resource.waiting_for) reasons.push(...waiting(resource.waiting_for))
  else if (job.state === 'blocked') reasons.push(blocked(resource, flow))
  if (job.state === 'running') reasons.push(running(resource))
  if (job.state === 'scheduled') reasons.push(scheduled(resource, job))
  if (job.state === 'queued') reasons.push(...queued(resource, standing))
  if (losses >= quarantineFromLosses)
    reasons.push({ kind: 'quarantine', detail: `Its worker was lost ${losses} times: it runs alone in its process.` })
  if (resource.cancel_requested_at !== null)
    reasons.push({
      kind: 'cancel_requested',
      detail: 'It was canceled, and can only end so.',
      since: resource.cancel_requested_at,
    })
  return reasons
}

function waiting({ since, signals, children }: NonNullable<JobResource['waiting_for']>): Reason[] {
  const forSignals = signals.map(
    ({ name, until }): Reason => ({
      kind: 'signal',
      detail: `Its handler waits for the signal "${name}".`,
      since,
      key: name,
      ...(until !== null && { at: until }),
    }),
  )
  if (!children) return forSignals
  return [...forSignals, { kind: 'children', detail: 'Its handler waits for jobs that it has submitted.', since }]
}

function blocked({ flow_id }: JobResource, flow: FlowPlace | undefined): Reason {
  const step = flow?.waitsFor
  return {
    kind: 'flow',
    detail: `Its flow has not come to it: ${step === undefined ? 'another step' : `the step ${step}`} comes first.`,
    ...(flow_id !== null && { flow_id }),
    ...(flow && { path: flow.path }),
    ...(step !== undefined && { waits_for: step }),
  }
}

function running({ attempt, worker, attempts }: JobResource): Reason {
  const startedAt = attempts.at(-1)?.started_at
  return { kind: 'running', detail: 'A worker runs it.', attempt, worker, ...(startedAt && { since: startedAt }) }
}

function scheduled({ scheduled_for, attempts, attempt, created_at, debounce }: JobResource, job: StoredJob): Reason {
  const at = scheduled_for === null ? {} : { at: scheduled_for }
  const last = attempts.at(-1)
  if (job.starts.length > 0) {
    const error = last?.error ? { code: last.error.code, message: last.error.message } : null
    return { kind: 'retry', detail: 'Its next attempt follows after its backoff.', ...at, attempt: attempt + 1, error }
  }
  if (debounce === null) return { kind: 'scheduled', detail: 'Its time has not come.', ...at }
  const latest = timestamp(Date.parse(created_at) + debounce.most_ms)
  return { kind: 'debounce', detail: `It waits for its key to be quiet, until ${latest} at the latest.`, ...at }
}

const heldDetails: Record<string, string> = {
  paused: 'Its queue is paused.',
  no_worker: 'No worker consumes its queue.',
  unknown_type: 'No worker knows its job type.',
  concurrency: 'Its concurrency key is at its limit.',
  rate: 'Its rate key is at its limit.',
  tenant: 'As many jobs of its tenant run as may.',
  type: 'As many jobs of its type run as may.',
  queue: 'As many jobs of its queue run as may.',
}

function queued({ held_by: held, type_version }: JobResource, standing: Standing | undefined): Reason[] {
  const reasons: Reason[] = []
  if (held?.kind === 'unknown_type' && type_version !== null)
    reasons.push({
      detail: `No worker that took it has version ${type_version} of its job type.`,
      ...held,
      type_version,
    })
  else if (held) {
    const { holders = [] } = standing ?? {}
    const detail = heldDetails[held.kind] ?? 'It is held.'
    reasons.push({ detail, ...held, ...(holders.length > 0 && { holders }) })
  }
  if (standing) reasons.push(...behind(standing))
  if (reasons.length === 0) reasons.push({ kind: 'ready', detail: 'It is next: a free worker starts it.' })
  return reasons
}

/** What starts before it. */
function behind({ ahead = 0, ownAhead = ahead, isTurnOpen, ready }: Standing): Reason[] {
  if (isTurnOpen && ready > 1)
    return [{ kind: 'ahead', detail: 'The fairness keys of its tenant decide at each turn which of its jobs starts.' }]
  if (ownAhead === 'many') return [{ kind: 'ahead', detail: 'More than 10,000 jobs start before it.', ahead: 10_000 }]
  const reasons: Reason[] = []
  if (ownAhead > 0) reasons.push({ kind: 'ahead', detail: `${ownAhead} jobs start before it.`, ahead: ownAhead })
  if (ahead > ownAhead) reasons.push({ kind: 'ahead', detail: 'Jobs of others start before it.' })
  return reasons
}

function howItEnded({ state, error, finished_at, attempt, attempts }: JobResource): Reason {
  const worker = attempts.at(-1)?.worker
  return {
    kind: 'ended',
    detail: error ? `It ended as ${state}: ${error.message}` : `It ended as ${state}.`,
    ...(finished_at !== null && { at: finished_at }),
    attempt,
    ...(worker !== undefined && { worker }),
    error: error && { code: error.code, message: error.message },
    ...(error?.stopped && { stopped: error.stopped }),
  }
}

/** Of a job that is held it depends on what holds it. */
function estimateOf(
  { held_by }: JobResource,
  { state, scheduledFor }: StoredJob,
  standing: Standing | undefined,
  isAdmin: boolean,
): Explanation['estimate'] {
  if (!standing || held_by !== null || (state !== 'queued' && state !== 'scheduled')) return null
  // At its time a job goes behind those that wait then: as many as now, as far as anybody knows.
  const { now, ready, isTurnOpen, ahead: whole = ready, endedInMinute, endedInTenMinutes } = standing
  const from = Math.max(now, scheduledFor ?? now)
  const ahead = isTurnOpen ? ready : whole
  const { earliestAt, latestAt, basis } = estimateStart({ now: from, ahead, endedInMinute, endedInTenMinutes })
  return {
    // It may overtake those of a lower priority, or by its fairness key.
    earliest_at: timestamp(state === 'scheduled' || isTurnOpen ? from : earliestAt),
    latest_at: latestAt === undefined ? null : timestamp(latestAt),
    basis: { ended: isAdmin ? basis.ended : null, window_ms: basis.windowMs },
  }
}
