import { z } from 'zod'
import { cancelGraceOf } from '../../jobs/cancel-grace.ts'
import type { Job } from '../../jobs/define-job.ts'
import { maxHoldMs, maxKeyLength, maxMsOf, maxQuietMs } from '../../jobs/unique-options.ts'
import { type Debounce, holdUntil, onConflicts, type UniqueKey } from '../../queue/model/unique-key.ts'
import { cancelMarginMs } from '../../queue/store/cancel-and-retry.ts'
import type { Caller } from '../access/api-keys.ts'
import type { Mistakes } from '../http/mistakes.ts'
import { Problem } from '../http/problem.ts'
import { named } from '../openapi/fields.ts'

const keyField = z.string().min(1).max(maxKeyLength).describe('Of the tenant and the queue')

const uniqueField = named(
  'Unique',
  z
    .strictObject({
      key: keyField,
      until: named('UniqueUntil', z.enum(holdUntil))
        .optional()
        .describe('Until when the job holds its key. Default: `ended`. Excludes for_ms'),
      for_ms: z
        .int()
        .min(1)
        .max(maxHoldMs)
        .optional()
        .describe('For how long the job holds its key, also after its end. Excludes until'),
      on_conflict: named('OnConflict', z.enum(onConflicts))
        .optional()
        .describe(
          '`existing`: 200 with the job that holds the key (default). `reject`: 409 `unique_conflict`. `replace`: that job is canceled, and this one takes its place; needs the scope `cancel`',
        ),
    })
    .refine(({ until, for_ms }) => until === undefined || for_ms === undefined, {
      path: ['for_ms'],
      error: 'until and for_ms exclude each other',
    }),
).describe('At most one job holds a key at a time')

const debounceField = named(
  'Debounce',
  z
    .strictObject({
      key: keyField,
      quiet_ms: z.int().min(1).max(maxQuietMs).describe('The job starts so long after the last submission of its key'),
      most_ms: z
        .int()
        .min(1)
        .max(maxHoldMs)
        .optional()
        .describe('… and at the latest so long after the first. Default: ten times quiet_ms'),
    })
    .refine(({ quiet_ms, most_ms = quiet_ms }) => most_ms >= quiet_ms, {
      path: ['most_ms'],
      error: 'is less than quiet_ms',
    }),
).describe('Submissions of a key that come soon after each other are one job, with the newest input')

/** Fields of a submission that concern other jobs of a key. Not of a job of a flow, whose steps each have a job of their own. */
export const keyFields = { unique: uniqueField.optional(), debounce: debounceField.optional() }
type KeyFields = { [Name in keyof typeof keyFields]?: z.output<(typeof keyFields)[Name]> }

/**
 * The unique key of a submission, or how it is debounced: its own, else its job type's.
 *
 * @param input parsed
 * @throws Problem `forbidden` where the caller may not cancel the job that it replaces
 */
export function storedKeys(
  options: KeyFields & { run_at?: unknown; delay_ms?: unknown },
  { job, input, caller }: { job: Job; input: unknown; caller: Caller },
  { mistakes, base, inputAt }: { mistakes: Mistakes; base: string; inputAt: string },
): { unique?: UniqueKey; debounce?: Debounce } {
  const { unique, debounce } = options
  if (unique && debounce) mistakes.add(`${base}/debounce`, 'unique and debounce exclude each other')
  if (debounce)
    for (const name of ['run_at', 'delay_ms'] as const)
      if (options[name] !== undefined)
        mistakes.add(`${base}/${name}`, 'is not allowed with debounce, which sets the time')
  const keyOf = (from: { key(input: unknown): string | undefined }): string | undefined => {
    const key = from.key(input)
    if (key === undefined || (typeof key === 'string' && key !== '' && key.length <= maxKeyLength)) return key
    mistakes.add(inputAt, `its key by the definition of ${job.type} is not a text of 1 to ${maxKeyLength} characters`)
    return undefined
  }
  const graceMs = cancelGraceOf(job) + cancelMarginMs
  if (debounce) {
    const quietMs = debounce.quiet_ms
    return { debounce: { key: debounce.key, quietMs, maxMs: maxMsOf({ quietMs, maxMs: debounce.most_ms }) } }
  }
  if (unique) {
    const onConflict = unique.on_conflict ?? 'existing'
    if (onConflict === 'replace' && !caller.scopes.has('cancel') && !caller.scopes.has('admin'))
      throw new Problem(
        'forbidden',
        'This key lacks the scope "cancel", which unique with on_conflict "replace" needs.',
      )
    return { unique: storedUnique(unique.key, { until: unique.until, forMs: unique.for_ms, onConflict, graceMs }) }
  }
  const ownKey = job.unique && keyOf(job.unique)
  if (job.unique && ownKey !== undefined) return { unique: storedUnique(ownKey, { ...job.unique, graceMs }) }
  const debounceKey =
    options.run_at === undefined && options.delay_ms === undefined && job.debounce ? keyOf(job.debounce) : undefined
  if (job.debounce && debounceKey !== undefined)
    return { debounce: { key: debounceKey, quietMs: job.debounce.quietMs, maxMs: maxMsOf(job.debounce) } }
  return {}
}

function storedUnique(
  key: string,
  { until, forMs, onConflict = 'existing', graceMs }: Partial<Omit<UniqueKey, 'key'>> & { graceMs: number },
): UniqueKey {
  return { key, ...(forMs === undefined ? { until: until ?? 'ended' } : { forMs }), onConflict, graceMs }
}
