import { z } from 'zod'
import type { HeldBack } from '../../queue/model/held-back.ts'
import { timestamp } from './timestamp.ts'

/** Why jobs of a flow or a schedule wait for room, as clients see it: the code of the problem that a submission would get. */
export const heldBackSchema = z
  .object({
    code: z.enum(['quota_exceeded', 'queue_full']),
    detail: z.string(),
    since: z.iso.datetime(),
  })
  .meta({ component: 'HeldBack' })

/** `since` in epoch ms. */
export function heldBackResource(held: HeldBack | undefined): z.output<typeof heldBackSchema> | null {
  if (!held) return null
  const code = held.reason === 'quota' ? 'quota_exceeded' : 'queue_full'
  return { code, detail: held.detail, since: timestamp(held.since) }
}
