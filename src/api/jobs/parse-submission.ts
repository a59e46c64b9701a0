import { z } from 'zod'
import { type Job, longestTimeoutMs } from '../../jobs/define-job.ts'
import type { Registry } from '../../jobs/registry.ts'
import { newJobRef } from '../../queue/model/job-id.ts'
import type { NewJob } from '../../queue/store/job-queue.ts'
import type { Caller } from '../access/api-keys.ts'
import { type Mistake, mistakesOf, Problem } from '../http/problem.ts'
import type { SchemaRegistry } from '../openapi/schema-registry.ts'
import { exampleOptions } from './examples.ts'
import { storedWebhook, unsignable, webhookField } from './webhook-field.ts'

const longestMs = 365 * 86_400_000
/** https://www.w3.org/TR/trace-context/#traceparent-header; one that is malformed is to be ignored. */
export const traceparentSchema = z.string().regex(/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/)
export const durationMs = z.int().min(1).max(longestMs)

/** What a client may say of a job, and of a flow. */
export const flowOptions = {
  tags: z.array(z.string().min(1).max(100)).max(20).optional(),
  metadata: z
    .record(z.string().min(1).max(100), z.string().max(1000))
    .refine((value) => Object.keys(value).length <= 50, 'has more than 50 keys')
    .optional(),
}

/** What a client may say of a job beside its type and input. */
export const jobOptions = {
  run_at: z.iso.datetime({ offset: true }).optional().describe('Not before this time; excludes delay_ms'),
  delay_ms: z.int().min(0).max(longestMs).optional().describe('Not before this long from now; excludes run_at'),
  priority: z.int().min(0).max(9).optional().describe('Higher first; first come, first served within one. Default 0'),
  attempts: z.int().min(1).max(1000).optional().describe('Attempts in all, the first included'),
  backoff: z
    .strictObject({
      type: z.enum(['fixed', 'exponential']),
      delay_ms: z.int().min(0).max(86_400_000),
      jitter: z.number().min(0).max(1).optional(),
    })
    .optional()
    .describe('The wait before the next attempt'),
  timeout_ms: z.int().min(1).max(longestTimeoutMs).optional().describe('Bound of one attempt'),
  start_within_ms: durationMs.optional().describe('Bound of the wait for a worker, from run_at or else from creation'),
  deadline_ms: durationMs.optional().describe('Bound of the whole job, from run_at or else from creation'),
  ...flowOptions,
}

const envelope = z.strictObject({
  ...jobOptions,
  type: z.string(),
  input: z.unknown().optional(),
  webhook: webhookField.optional(),
})
type Envelope = z.output<typeof envelope>

/** The body of a submission, one variant for each job type: for the documentation. {@link parseSubmission} checks the same schemas. */
export function submissionSchema(registry: Registry, schemas: SchemaRegistry): z.ZodType {
  const variants = [...registry.values()].map(({ job }) => submissionVariant(job, schemas))
  const [first, ...others] = variants
  if (!first) return envelope
  return z.discriminatedUnion('type', [first, ...others])
}

function submissionVariant(job: Job, schemas: SchemaRegistry) {
  const variant = z.strictObject({
    type: z.literal(job.type),
    input: job.input,
    ...jobOptions,
    webhook: webhookField.optional(),
  })
  schemas.add(variant, {
    id: `Submit-${job.type}`,
    title: job.title,
    description: job.description,
    examples: [
      ...job.examples.map(({ input }) => ({ type: job.type, input })),
      ...job.examples.slice(0, 1).map(({ input }) => ({ type: job.type, input, ...exampleOptions })),
    ],
  })
  return variant
}

/**
 * Checks a submission whole and says what to store. The stored input is the client's own, since the worker parses it again.
 *
 * @throws Problem naming every mistake by a pointer into the body.
 */
export function parseSubmission(
  body: unknown,
  deps: {
    registry: Registry
    now: number
    caller: Caller
    traceparent: unknown
    /** Whether there is a secret to sign webhooks with. */
    canSign: boolean
  },
): NewJob {
  const { said, job: type, mistakes } = checkJob(body, deps.registry, { base: '', isComplete: true })
  mistakes.push(...unsignable(said?.webhook, deps.canSign))
  if (!type || !said || mistakes.length > 0) throw invalid(mistakes)
  const job = toNewJob(said, type, deps)
  // Most say none, and a refusal costs more than the rest of the check.
  const traceparent = deps.traceparent === undefined ? undefined : traceparentSchema.safeParse(deps.traceparent).data
  return traceparent === undefined ? job : { ...job, record: { ...job.record, traceparent } }
}

/**
 * Checks what is said of one job. `base` is its pointer in the body; an input that is not complete yet is not checked.
 *
 * @throws Problem when there is no such type
 */
export function checkJob(
  body: unknown,
  registry: Registry,
  { base, isComplete }: { base: string; isComplete: boolean },
): { said: Envelope | undefined; job: Job | undefined; mistakes: Mistake[] } {
  const parsed = envelope.safeParse(body)
  const mistakes: Mistake[] = parsed.success ? [] : mistakesOf(parsed.error, base)
  const { type, input } = Object(body) as { type?: unknown; input?: unknown }
  const loaded = typeof type === 'string' ? registry.get(type) : undefined
  if (typeof type === 'string' && !loaded) {
    const at = base === '' ? '' : `${base}/type: `
    const detail = `${at}There is no job type "${type.slice(0, 100)}": GET /v1/job-types lists them.`
    throw new Problem('unknown_job_type', detail)
  }
  if (loaded && input === undefined) mistakes.push({ pointer: `${base}/input`, detail: 'is required' })
  else if (loaded && isComplete) {
    const parsedInput = loaded.job.input.safeParse(input)
    if (!parsedInput.success) mistakes.push(...mistakesOf(parsedInput.error, `${base}/input`))
  }
  if (parsed.data?.run_at !== undefined && parsed.data.delay_ms !== undefined) {
    mistakes.push({ pointer: `${base}/delay_ms`, detail: 'run_at and delay_ms exclude each other' })
  }
  return { said: parsed.data, job: loaded?.job, mistakes }
}

/** All mistakes of a body as one problem. */
export function invalid(mistakes: Mistake[]): Problem {
  const [first] = mistakes
  const more = mistakes.length > 1 ? ` (and ${mistakes.length - 1} more)` : ''
  return new Problem('invalid_request', `${first?.pointer || 'body'}: ${first?.detail}${more}`, { mistakes })
}

function toNewJob(said: Envelope, job: Job, { caller, now }: { caller: Caller; now: number }): NewJob {
  const runAt = said.run_at === undefined ? now + (said.delay_ms ?? 0) : Date.parse(said.run_at)
  const from = said.run_at === undefined ? now : runAt
  const record = toRecord(said, caller)
  const hasLimits = record.startWithinMs !== undefined || record.deadlineMs !== undefined
  return {
    ref: newJobRef(job.queue, now),
    type: job.type,
    attempts: said.attempts ?? job.attempts,
    createdAt: now,
    runAt: runAt > now ? runAt : undefined,
    record: hasLimits ? { ...record, countsFrom: from } : record,
  }
}

/** What of a submission is stored with the job. */
export function toRecord(said: Envelope, caller: Caller): NewJob['record'] {
  const { backoff } = said
  return {
    tenant: caller.tenant,
    ...(caller.limits.max_queued !== undefined && { limited: true }),
    input: said.input,
    ...(said.timeout_ms !== undefined && { timeoutMs: said.timeout_ms }),
    ...(backoff && {
      backoff: { type: backoff.type, delayMs: backoff.delay_ms, jitter: backoff.jitter ?? 0 },
    }),
    ...(said.start_within_ms !== undefined && { startWithinMs: said.start_within_ms }),
    ...(said.deadline_ms !== undefined && { deadlineMs: said.deadline_ms }),
    ...(said.priority !== undefined && { priority: said.priority }),
    ...(said.tags && { tags: said.tags }),
    ...(said.metadata && { metadata: said.metadata }),
    ...(said.webhook && { webhook: storedWebhook(said.webhook) }),
  }
}
