import { z } from 'zod'
import { type JobRef, parseJobId } from '../model/job-id.ts'
import { webhookEvents } from '../model/webhook-target.ts'
import type { Keys } from '../redis/keys.ts'

/** The queue of deliveries. No job type can use it: names of queues begin with a letter. */
export const deliveryQueue = '_webhooks'
/** The job type of deliveries. */
export const deliveryType = 'webhook-delivery'

/**
 * The backoff between attempts, as Standard Webhooks recommends: more than a day in all.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#deliverability-and-reliability
 */
export const deliveryWaitsMs = [5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 50_400_000]

/** The input of a delivery: everything needed to send it, since its job or flow may have been removed by then. */
export const deliverySchema = z.object({
  url: z.string(),
  event: z.enum(webhookEvents),
  tenant: z.string(),
  /** JSON, the same in every attempt. */
  body: z.string(),
})

/** The output of a delivery that was accepted. */
export const deliveryOutputSchema = z.object({ status: z.int(), duration_ms: z.int() })

/** The delivery for the end of run `run` of a job or flow. Its id is also its `webhook-id`: the same however often it is stored or sent. */
export function deliveryRef(ownerId: string, run: number): JobRef {
  return { queue: deliveryQueue, id: `whd_${ownerId}_${run}` }
}

/** The job or flow that a delivery is of; undefined: it is no id of a delivery. */
export function ownerOfDelivery(deliveryId: string): { owner: string; isOfFlow: boolean; run: number } | undefined {
  const [, owner, run] = /^whd_(.+)_(\d+)$/.exec(deliveryId) ?? []
  if (owner === undefined) return undefined
  const ref = parseJobId(owner)
  // The ids of flows begin as those of jobs of a queue of this name.
  return { owner, isOfFlow: !ref || ref.queue === 'flow', run: Number(run) }
}

/** The key of the job or flow that a delivery belongs to. */
export function ownerKey(keys: Keys, deliveryId: string): string {
  const { owner = deliveryId, isOfFlow = true } = ownerOfDelivery(deliveryId) ?? {}
  const ref = isOfFlow ? undefined : parseJobId(owner)
  return ref ? keys.job(ref) : keys.flow(owner)
}
