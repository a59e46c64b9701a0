import { z } from 'zod'

/** Why jobs of a flow or of a schedule wait for room, in words for clients, and since when (epoch ms). */
export const heldBackSchema = z.object({
  reason: z.enum(['depth', 'memory', 'quota']),
  detail: z.string(),
  since: z.number(),
})
export type HeldBack = z.output<typeof heldBackSchema>
