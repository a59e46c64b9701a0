import { z } from 'zod'
import type { Job } from '../../jobs/define-job.ts'
import { hasScheduling, schedulingOfType } from '../../jobs/scheduling-of-type.ts'
import type { NewJob } from '../../queue/model/new-job.ts'
import { maxConcurrency, maxKeyLength, onFullKinds } from '../../queue/model/scheduling.ts'
import type { Caller } from '../access/api-keys.ts'
import type { Mistakes } from '../http/mistakes.ts'
import { Problem } from '../http/problem.ts'
import { named } from '../openapi/fields.ts'

/** A year. */
const maxPeriodMs = 365 * 86_400_000

const keyField = z
  .string()
  .min(1)
  .max(maxKeyLength)
  .refine((key) => key.isWellFormed(), 'is not well-formed Unicode')

const concurrencyField = named(
  'Concurrency',
  z.strictObject({
    key: keyField.describe('Of the tenant and the queue: other tenants and other queues have keys of their own'),
    limit: z
      .int()
      .min(1)
      .max(maxConcurrency)
      .optional()
      .describe('How many jobs of the key may run at once. Default: 1'),
    on_full: named('OnFull', z.enum(onFullKinds))
      .optional()
      .describe(
        'When as many jobs of the key wait or run. `wait` (the default): it is held until one has ended. `reject`: 409 `concurrency_full`. `replace`: the oldest are canceled, and it starts when they have stopped',
      ),
  }),
)

const rateField = named(
  'Rate',
  z.strictObject({
    key: keyField,
    limit: z.int().min(1).max(1_000_000).describe('How many jobs of the key may start in the period'),
    per_ms: z.int().min(1).max(maxPeriodMs).describe('The period'),
    burst: z.int().min(1).max(1_000_000).optional().describe('How many of them may start at one moment. Default: 1'),
  }),
)

/** Options by which jobs wait for each other, of jobs everywhere. */
export const schedulingOptions = {
  concurrency: concurrencyField.optional().describe('At most so many jobs of a key run at once over all workers'),
  rate: rateField.optional().describe('At most so many jobs of a key start in a period over all workers'),
  fairness_key: keyField
    .optional()
    .describe("Jobs of the tenant's keys take turns. The share of the tenant beside other tenants stays as it is"),
}

interface Given {
  concurrency?: z.output<typeof concurrencyField> | undefined
  rate?: z.output<typeof rateField> | undefined
  fairness_key?: string | undefined
}

/** Whether a job has any of them: most have none. */
export function isScheduled(options: Given, job: Job): boolean {
  const { concurrency, rate, fairness_key } = options
  return Boolean(concurrency || rate || fairness_key !== undefined || hasScheduling(job))
}

/** What the job type says for an input that its schema has parsed; a client's own options go before. */
function byType(job: Job, input: unknown): { given: unknown } | { error: string } {
  try {
    const { concurrency, rate, fairnessKey } = schedulingOfType(job, input)
    return {
      given: {
        ...(concurrency && {
          concurrency: { key: concurrency.key, limit: concurrency.limit, on_full: concurrency.onFull },
        }),
        ...(rate && { rate: { key: rate.key, limit: rate.limit, per_ms: rate.perMs, burst: rate.burst } }),
        ...(fairnessKey !== undefined && { fairness_key: fairnessKey }),
      },
    }
  } catch (error) {
    return { error: error instanceof Error ? error.message : 'threw' }
  }
}

const schedulingSchema = z.strictObject(schedulingOptions)

/**
 * The scheduling options of a job: what the client gave, else what its type says for its input.
 *
 * @param input as the schema of the type has parsed it; absent where it is not complete yet
 * @param at the pointer of the job in the body
 */
export function schedulingOf(
  options: Given,
  job: Job,
  { input, at, mistakes }: { input: { data: unknown } | undefined; at: string; mistakes: Mistakes },
): Given {
  const given: Given = {
    ...(options.concurrency && { concurrency: options.concurrency }),
    ...(options.rate && { rate: options.rate }),
    ...(options.fairness_key !== undefined && { fairness_key: options.fairness_key }),
  }
  if (!(input && hasScheduling(job))) return given
  const derived = byType(job, input.data)
  const parsed = 'given' in derived ? schedulingSchema.safeParse(derived.given) : undefined
  if (parsed?.success) return { ...parsed.data, ...given }
  const why = 'error' in derived ? derived.error : (parsed?.error.issues[0]?.message ?? 'is invalid')
  mistakes.add(`${at}/input`, `its job type makes no usable scheduling key of it: ${why}`)
  return given
}

/** What is stored of them, with the limits of the tenant. */
export function storedScheduling(
  { concurrency, rate, fairness_key: fairnessKey }: Given,
  { limits }: Pick<Caller, 'limits'>,
): Partial<NewJob['record']> {
  const { weight, max_running: maxRunning } = limits
  return {
    ...(weight !== undefined && { weight }),
    ...(maxRunning !== undefined && { maxRunning }),
    ...(fairnessKey !== undefined && { fairnessKey }),
    ...(concurrency && {
      concurrency: { key: concurrency.key, limit: concurrency.limit ?? 1, onFull: concurrency.on_full ?? 'wait' },
    }),
    ...(rate && { rate: { key: rate.key, limit: rate.limit, perMs: rate.per_ms, burst: rate.burst ?? 1 } }),
  }
}

/** @throws Problem `forbidden` where a client's own `replace` would cancel jobs that its key may not cancel */
export function checkMayReplace({ concurrency }: Given, { scopes }: Pick<Caller, 'scopes'>): void {
  if (concurrency?.on_full === 'replace' && !scopes.has('cancel'))
    throw new Problem('forbidden', '"on_full": "replace" cancels jobs: it needs the scope "cancel" too.')
}

/** A job of a flow is held by a full key, however many are: its flow has been accepted. */
export function refuseInFlow({ concurrency }: Given, mistakes: Mistakes, at: string): void {
  const onFull = concurrency?.on_full ?? 'wait'
  if (onFull !== 'wait') mistakes.add(`${at}/concurrency/on_full`, 'a job of a flow waits: only "wait" is allowed here')
}
