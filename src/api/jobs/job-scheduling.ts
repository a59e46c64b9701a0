import { z } from 'zod'
import { type HeldBy, heldByKinds } from '../../queue/model/held-by.ts'
import { onFullKinds } from '../../queue/model/scheduling.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import { timestamp } from '../http/timestamp.ts'
import { named, timeField } from '../openapi/fields.ts'

/** Why a job waits, as clients see it. */
export const heldBySchema = named(
  'HeldBy',
  z.object({
    kind: z.enum(heldByKinds),
    since: timeField,
    key: z.string().optional().describe('The key; of `tenant` the tenant, of `type` the type, of `queue` the queue'),
    limit: z.int().optional().describe('How many jobs may run at once, of a rate how many may start in its period'),
    running: z.int().optional().describe('How many of them run'),
    eligible_at: timeField.optional().describe('Of a rate: when the next job may start'),
  }),
)

export function shownHeldBy({ kind, since, eligibleAt, key, limit, running }: HeldBy): z.output<typeof heldBySchema> {
  return {
    kind,
    since: timestamp(since),
    ...(key !== undefined && { key }),
    ...(limit !== undefined && { limit }),
    ...(running !== undefined && { running }),
    ...(eligibleAt !== undefined && { eligible_at: timestamp(eligibleAt) }),
  }
}

/** The scheduling options of a job, as it was submitted or as its type says. */
export const schedulingFields = {
  concurrency: z.object({ key: z.string(), limit: z.int(), on_full: z.enum(onFullKinds) }).nullable(),
  rate: z.object({ key: z.string(), limit: z.int(), per_ms: z.int(), burst: z.int() }).nullable(),
  fairness_key: z.string().nullable(),
}

/** … with what was left out. */
export function shownScheduling({ concurrency, rate, fairnessKey }: StoredJob['record']) {
  return {
    concurrency: concurrency
      ? { key: concurrency.key, limit: concurrency.limit, on_full: concurrency.onFull ?? ('wait' as const) }
      : null,
    rate: rate ? { key: rate.key, limit: rate.limit, per_ms: rate.perMs, burst: rate.burst } : null,
    fairness_key: fairnessKey ?? null,
  }
}
