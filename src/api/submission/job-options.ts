import { z } from 'zod'
import { cutText } from '../../jobs/cut-text.ts'
import { type Job, longestTimeoutMs } from '../../jobs/define-job.ts'
import type { Registry } from '../../jobs/registry.ts'
import { storedSecrets } from '../../jobs/secrets.ts'
import type { NewJob } from '../../queue/model/new-job.ts'
import type { Caller } from '../access/api-keys.ts'
import { checkMaySubmit, priorityAbove } from '../access/may-submit.ts'
import type { Mistakes } from '../http/mistakes.ts'
import { parseBounded } from '../http/parse-bounded.ts'
import { Problem } from '../http/problem.ts'
import { named } from '../openapi/fields.ts'
import {
  checkMayReplace,
  isScheduled,
  schedulingOf,
  schedulingOptions,
  storedScheduling,
} from './scheduling-options.ts'
import { keyFields } from './unique-field.ts'
import { storedWebhook, webhookField } from './webhook-field.ts'

/** The longest delay of a job, and the longest time limit. */
export const maxDelayMs = 365 * 86_400_000
export const durationMs = z.int().min(1).max(maxDelayMs)

/** Options of a job and of a flow. */
export const sharedOptions = {
  tags: z.array(z.string().min(1).max(100)).max(20).optional(),
  metadata: z
    .record(z.string().min(1).max(100), z.string().max(1000))
    .refine((value) => Object.keys(value).length <= 50, 'has more than 50 keys')
    .optional(),
}

/** Options of a job, besides its type and input. */
export const jobOptions = {
  run_at: z.iso.datetime({ offset: true }).optional().describe('Do not start before this time. Excludes delay_ms'),
  delay_ms: z
    .int()
    .min(0)
    .max(maxDelayMs)
    .optional()
    .describe('Do not start before this much time has passed. Excludes run_at'),
  priority: z
    .int()
    .min(0)
    .max(9)
    .optional()
    .describe('Jobs of a higher priority start first, jobs of the same priority in order of submission. Default: 0'),
  attempts: z.int().min(1).max(1000).optional().describe('The most attempts, the first one included'),
  backoff: named(
    'Backoff',
    z.strictObject({
      type: named('BackoffType', z.enum(['fixed', 'exponential'])),
      delay_ms: z.int().min(0).max(86_400_000),
      jitter: z.number().min(0).max(1).optional(),
    }),
  )
    .optional()
    .describe('The delay before the next attempt'),
  timeout_ms: z.int().min(1).max(longestTimeoutMs).optional().describe('The time limit of one attempt'),
  start_within_ms: durationMs
    .optional()
    .describe(
      'The time limit for the first start, from when the job is first due: `run_at`, or its creation and `delay_ms`',
    ),
  deadline_ms: durationMs
    .optional()
    .describe('The time limit of the whole job, from when it is first due: `run_at`, or its creation and `delay_ms`'),
  ...schedulingOptions,
  ...sharedOptions,
}

/** Not of a job of a flow, which is kept as long as its flow. `keptMs` is how long results of its type are kept. */
export const resultTtlField = (keptMs = maxDelayMs) =>
  z
    .int()
    .min(1000)
    .max(Math.min(keptMs, maxDelayMs))
    .describe('How long the job is kept at the latest once it has ended; no longer than results of its type')

/** The body of a submission, with any input. */
export const jobEnvelope = z.strictObject({
  ...jobOptions,
  type: z.string(),
  input: z.unknown().optional(),
  result_ttl_ms: resultTtlField().optional(),
  webhook: webhookField.optional(),
  ...keyFields,
})
export type JobEnvelope = z.output<typeof jobEnvelope>

/** Whether a body has no options, as most: the schema would look for each of them. */
function isBare(body: unknown): body is Pick<JobEnvelope, 'type' | 'input'> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return false
  for (const name in body) if (name !== 'type' && name !== 'input') return false
  return 'type' in body && typeof body.type === 'string'
}

/**
 * Checks one job of a client and adds its mistakes. `base` and `input` are the pointers of it and of its input in the body; an input that
 * is not complete yet is not checked.
 *
 * @throws Problem `unknown_job_type`, `forbidden`
 */
export function checkJob(
  body: unknown,
  { registry, caller }: { registry: Registry; caller: Caller },
  at: { base: string; input?: string; isComplete: boolean; mistakes: Mistakes },
): { options: JobEnvelope | undefined; job: Job | undefined; parsedInput: unknown } {
  const { base, input: inputAt = `${base}/input`, isComplete, mistakes } = at
  const options: JobEnvelope | undefined = isBare(body) ? body : parseBounded(jobEnvelope, body, mistakes, base)?.data
  const { type, input } = Object(body) as { type?: unknown; input?: unknown }
  const loaded = typeof type === 'string' ? registry.get(type) : undefined
  if (typeof type === 'string' && !loaded) throw unknownJobType(type, base)
  if (loaded) checkMaySubmit(caller, loaded.job, base)
  if (loaded && input === undefined) mistakes.add(inputAt, 'is required')
  const parsed =
    loaded && input !== undefined && isComplete ? parseBounded(loaded.job.input, input, mistakes, inputAt) : undefined
  if (options?.run_at !== undefined && options.delay_ms !== undefined) {
    mistakes.add(`${base}/delay_ms`, 'run_at and delay_ms exclude each other')
  }
  const tooHigh = priorityAbove(caller, options?.priority)
  if (tooHigh !== undefined) mistakes.add(`${base}/priority`, tooHigh)
  const given = { job: loaded?.job, parsedInput: parsed?.data }
  if (!(options && loaded && isScheduled(options, loaded.job))) return { options, ...given }
  checkMayReplace(options, caller)
  const { concurrency: _, rate: __, fairness_key: ___, ...others } = options
  const scheduling = schedulingOf(options, loaded.job, { input: parsed, at: base, mistakes })
  return { options: { ...others, ...scheduling }, ...given }
}

/** `base` is the pointer of the job in the body; empty: the body itself, or no body. */
export function unknownJobType(type: string, base = ''): Problem {
  const at = base === '' ? '' : `${base}/type: `
  return new Problem(
    'unknown_job_type',
    `${at}There is no job type "${cutText(type, 100)}": GET /v1/job-types lists them.`,
  )
}

/** What is stored of the request that submits a job. */
interface RecordContext {
  caller: Caller
  hops: number | undefined
  traceparent: string | undefined
  requestId?: string | undefined
  /** Keys of the metadata that have an index. */
  indexed: readonly string[]
}

/** What is stored with a job. */
export function toRecord(
  options: JobEnvelope,
  job: Job,
  { caller, hops, traceparent, requestId, indexed }: RecordContext,
): NewJob['record'] {
  const { backoff, metadata } = options
  const found = indexed.filter((key) => metadata?.[key] !== undefined)
  const secrets = storedSecrets(job)
  return {
    tenant: caller.tenant,
    ...(caller.limits.max_queued !== undefined && { limited: true }),
    input: options.input,
    ...(job.version !== undefined && { typeVersion: job.version }),
    ...(options.timeout_ms !== undefined && { timeoutMs: options.timeout_ms }),
    ...(backoff && {
      backoff: { type: backoff.type, delayMs: backoff.delay_ms, jitter: backoff.jitter ?? 0 },
    }),
    ...(options.start_within_ms !== undefined && { startWithinMs: options.start_within_ms }),
    ...(options.deadline_ms !== undefined && { deadlineMs: options.deadline_ms }),
    ...(options.priority !== undefined && { priority: options.priority }),
    ...storedScheduling(options, caller),
    ...(options.tags && { tags: options.tags }),
    ...(metadata && { metadata }),
    ...(found.length > 0 && { indexed: found }),
    ...(secrets && { secrets }),
    ...(hops !== undefined && { hops }),
    ...(traceparent !== undefined && { traceparent }),
    ...(requestId !== undefined && { requestId }),
    ...(options.webhook && { webhook: storedWebhook(options.webhook, { hops, traceparent }) }),
  }
}
