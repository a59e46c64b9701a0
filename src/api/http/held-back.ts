import { z } from 'zod'
import type { HeldBack } from '../../queue/model/held-back.ts'
import { timestamp } from './timestamp.ts'

/** Why jobs of a flow or a schedule wait for room, as clients see it: the code of the problem that a submission would get. */
export const heldBackSchema = z
  .object({
    code: z.enum(['quota_exceeded', 'queue_full', 'redis_full']),
    detail: z.string(),
    since: z.iso.datetime(),
  })
  .meta({ component: 'HeldBack' })

const codes = { quota: 'quota_exceeded', depth: 'queue_full', memory: 'redis_full' } as const

/** `since` in epoch ms. */
export function heldBackResource(held: HeldBack | undefined): z.output<typeof heldBackSchema> | null {
  if (!held) return null
  const code = codes[held.reason]
  return { code, detail: held.detail, since: timestamp(held.since) }
}
