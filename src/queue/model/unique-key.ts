import { createHash } from 'node:crypto'
import { z } from 'zod'

/** What happens to a new job whose unique key another job holds. */
export const onConflicts = ['existing', 'reject', 'replace'] as const
/** Until when a job holds its unique key. */
export const holdUntil = ['started', 'ended'] as const

/** The unique key of a job as it is stored: held until then, or for `forMs` from its submission. */
export const uniqueSchema = z.object({
  key: z.string(),
  until: z.enum(holdUntil).optional(),
  forMs: z.int().optional(),
  onConflict: z.enum(onConflicts),
  /** How long a cancel lets the job stop, in ms: a job that replaces it may be of another type. */
  graceMs: z.int(),
})
export type UniqueKey = z.output<typeof uniqueSchema>

/** How a job is debounced: it starts `quietMs` after the last submission of its key, and at the latest `maxMs` after the first. */
export const debounceSchema = z.object({ key: z.string(), quietMs: z.int(), maxMs: z.int() })
export type Debounce = z.output<typeof debounceSchema>

/** What became of a job whose key another job, `id`, held. `canceled`: how that one was, where it was replaced by another job. */
export interface Deduplicated {
  how: 'joined' | 'replaced'
  id: string
  canceled?: 'ended' | 'signaled' | undefined
}

/** The claim of a unique key since `from`, in epoch ms, as claims.lua reads it: `<name of the key> <until> <grace>`. */
export function uniqueClaim(tenant: string, { key, until, forMs, graceMs }: UniqueKey, from: number): string {
  return `${nameOf('u', tenant, key)} ${forMs === undefined ? (until ?? 'ended') : from + forMs} ${graceMs}`
}

/** … of a debounced job. */
export function debounceClaim(tenant: string, { key }: Debounce): string {
  return `${nameOf('d', tenant, key)} scheduled 0`
}

/** A key may be long, and say what is not for everybody. */
function nameOf(kind: string, tenant: string, key: string): string {
  return (
    kind +
    createHash('sha256')
      .update(JSON.stringify([tenant, key]))
      .digest('base64url')
      .slice(0, 22)
  )
}
