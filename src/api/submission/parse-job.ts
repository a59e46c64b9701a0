import { z } from 'zod'
import type { Job } from '../../jobs/define-job.ts'
import type { Registry } from '../../jobs/registry.ts'
import { newJobRef } from '../../queue/model/job-id.ts'
import type { NewJob } from '../../queue/model/new-job.ts'
import { isLarge } from '../../queue/model/payload.ts'
import type { Retention } from '../../queue/model/retention.ts'
import type { Caller } from '../access/api-keys.ts'
import { inputTextOf } from '../http/input-text.ts'
import { Mistakes } from '../http/mistakes.ts'
import { named } from '../openapi/fields.ts'
import { pascalCase } from '../openapi/pascal-case.ts'
import type { SchemaRegistry } from '../openapi/schema-registry.ts'
import { checkJob, type JobEnvelope, jobEnvelope, jobOptions, resultTtlField, toRecord } from './job-options.ts'
import { keyFields, storedKeys } from './unique-field.ts'
import { refuseUnsignable, standingWebhook, webhookField } from './webhook-field.ts'

/** The options of one documented example. */
const exampleOptions = {
  priority: 5,
  attempts: 2,
  backoff: { type: 'exponential', delay_ms: 1000, jitter: 0.5 },
  timeout_ms: 30_000,
  start_within_ms: 60_000,
  deadline_ms: 120_000,
  tags: ['nightly'],
  metadata: { order: '42' },
}

/** What parsing a submission needs to know besides the body. */
export interface SubmissionContext {
  registry: Registry
  /** Epoch ms. */
  now: number
  caller: Caller
  /** Of the request: see readTraceparent. */
  traceparent: string | undefined
  /** Of the request; absent: the jobs are submitted by a schedule. */
  requestId?: string | undefined
  /** Of the request: see readHops. */
  hops: number | undefined
  /** Keys of the metadata of jobs that have an index. */
  indexed: readonly string[]
  /** How long jobs are kept that have no retention of their own. */
  retention: Retention
  /** Whether there is a secret to sign webhooks with. */
  canSign: boolean
}

/** The body of a submission, one variant for each job type: for the document. {@link parseJob} checks the same schemas. */
export function submissionSchema(registry: Registry, schemas: SchemaRegistry, retention: Retention): z.ZodType {
  const variants = [...registry.values()].map(({ job }) => submissionVariant(job, schemas, keptMsOf(job, retention)))
  const [first, ...others] = variants
  if (!first) return jobEnvelope
  return named('JobSubmission', z.discriminatedUnion('type', [first, ...others]))
}

function submissionVariant(job: Job, schemas: SchemaRegistry, keptMs: number) {
  const name = pascalCase(job.type)
  const variant = z.strictObject({
    type: z.literal(job.type),
    input: named(`${name}Input`, job.input),
    ...jobOptions,
    result_ttl_ms: resultTtlField(keptMs).optional(),
    webhook: webhookField.optional(),
    ...keyFields,
  })
  schemas.add(variant, {
    id: `Submit${name}`,
    description: `${job.title}. ${job.description}`,
    examples: [
      ...job.examples.map(({ input }) => ({ type: job.type, input })),
      ...job.examples.slice(0, 1).map(({ input }) => ({ type: job.type, input, ...exampleOptions })),
    ],
  })
  return variant
}

/**
 * Checks a submission as a whole and returns what to store. The stored input is the client's own, since the worker parses it again.
 *
 * @param base the pointer of the submission in the request's body
 * @param input the pointer of its input
 * @throws Problem naming its mistakes by pointers into the body
 */
export function parseJob(body: unknown, context: SubmissionContext, base = '', input = `${base}/input`): NewJob {
  const mistakes = new Mistakes()
  const { options, job: type, parsedInput } = checkJob(body, context, { base, input, isComplete: true, mistakes })
  refuseUnsignable(options?.webhook, context.canSign, mistakes, base)
  const keptMs = keptMsOf(type, context.retention)
  if ((options?.result_ttl_ms ?? 0) > keptMs)
    mistakes.add(`${base}/result_ttl_ms`, `is longer than results of this type are kept, ${keptMs} ms`)
  if (!type || !options || mistakes.count > 0) throw mistakes.toProblem()
  const { caller } = context
  const keys = hasKeys(options, type)
    ? storedKeys(options, { job: type, input: parsedInput, caller }, { mistakes, base, inputAt: input })
    : undefined
  if (mistakes.count > 0) throw mistakes.toProblem()
  const inputText = inputTextOf(body)
  const isKept = inputText !== undefined && isLarge(inputText.length)
  return { ...toNewJob(options, type, context, keys), ...(isKept && { inputText }) }
}

/** How long results of a type are kept: no job may ask for longer. */
function keptMsOf(type: Job | undefined, { resultTtlMs }: Retention): number {
  return type?.keepResultMs ?? resultTtlMs
}

/** Few jobs have. */
const hasKeys = (options: JobEnvelope, type: Job) =>
  options.unique !== undefined ||
  options.debounce !== undefined ||
  type.unique !== undefined ||
  type.debounce !== undefined

function toNewJob(
  options: JobEnvelope,
  job: Job,
  context: SubmissionContext,
  keys: Pick<NewJob['record'], 'unique' | 'debounce'> = {},
): NewJob {
  const { now } = context
  const runAt =
    options.run_at === undefined ? now + (options.delay_ms ?? keys.debounce?.quietMs ?? 0) : Date.parse(options.run_at)
  const keepMs = options.result_ttl_ms ?? job.keepResultMs
  const webhook = options.webhook ? undefined : standingWebhook(job.type, context)
  const record = {
    ...toRecord(options, job, context),
    ...(webhook && { webhook }),
    ...(keepMs !== undefined && { keepMs }),
    ...keys,
  }
  const hasLimits = record.startWithinMs !== undefined || record.deadlineMs !== undefined
  return {
    ref: newJobRef(job.queue, now),
    type: job.type,
    attempts: options.attempts ?? job.attempts,
    createdAt: now,
    runAt: runAt > now ? runAt : undefined,
    record: hasLimits ? { ...record, countsFrom: runAt } : record,
  }
}
