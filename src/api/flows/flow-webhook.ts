import { z } from 'zod'
import { webhookEvents } from '../../queue/model/webhook-target.ts'
import { timeField } from '../openapi/fields.ts'
import type { DescribedWebhook } from '../openapi/webhooks.ts'
import { flowSchema } from './flow-resource.ts'

/** What the webhook of a flow receives, as `flowPayload` writes it. */
export const flowWebhook: DescribedWebhook = {
  name: 'flowEnded',
  summary: 'A flow has ended',
  description: 'Sent to the `webhook` of a flow at the end of each run: the flow without its tree.',
  body: z.object({
    type: z.enum(webhookEvents.map((event) => `flow.${event}` as const)),
    timestamp: timeField,
    data: flowSchema.omit({ tree: true, held_back: true, expires_at: true }),
  }),
}
