import { z } from 'zod'

/** The ends of a job or flow that a webhook can subscribe to. */
export const webhookEvents = ['succeeded', 'failed', 'canceled', 'expired'] as const
export type WebhookEvent = (typeof webhookEvents)[number]

/** The webhook of a job or a flow, as it is stored with it. */
export const webhookSchema = z.object({
  url: z.string(),
  events: z.array(z.enum(webhookEvents)),
  /** What its deliveries carry on from the submission of the job or flow. */
  hops: z.int().optional(),
  traceparent: z.string().optional(),
})
export type Webhook = z.output<typeof webhookSchema>
