import { z } from 'zod'
import type { JobRef } from '../model/job-id.ts'
import { webhookEvents } from '../model/webhook-target.ts'

/** The queue of deliveries. No job type can share it: their queues' names begin with a letter. */
export const deliveryQueue = '_webhooks'
/** The type that deliveries have as jobs. */
export const deliveryType = 'webhook-delivery'

/**
 * A first attempt, and one after each of these waits, as Standard Webhooks recommends: over a day in all.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#deliverability-and-reliability
 */
export const deliveryWaitsMs = [5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 50_400_000]

/** The input of a delivery: all that it takes to send it, though what it tells of may be gone by then. */
export const deliverySchema = z.object({
  url: z.string(),
  event: z.enum(webhookEvents),
  tenant: z.string(),
  /** JSON, sent as it is with every attempt. */
  body: z.string(),
})

/** What a delivery that arrived has found. */
export const deliveryOutputSchema = z.object({ status: z.int(), duration_ms: z.int() })

/**
 * The delivery that tells of the end of the `run`-th run of a job or flow. Its id is also its `webhook-id`: the same however
 * often it is made or sent.
 */
export function deliveryRef(ownerId: string, run: number): JobRef {
  return { queue: deliveryQueue, id: `whd_${ownerId}_${run}` }
}
