import { z } from 'zod'

/** The ends of a job or flow that a webhook can subscribe to. */
export const webhookEvents = ['succeeded', 'failed', 'canceled', 'expired'] as const
export type WebhookEvent = (typeof webhookEvents)[number]

/** Where a webhook may be sent. Which addresses may be called is checked by the workers' egress guard. */
export const webhookUrl = z
  .url({ protocol: /^https?$/, error: 'is not an http or https URL' })
  .max(2048)
  .refine((url) => !hasCredentials(url), 'carries credentials')

/** They would show up in the delivery log. The receiver checks the signature instead. */
function hasCredentials(url: string): boolean {
  const { username, password } = URL.parse(url) ?? { username: '', password: '' }
  return username !== '' || password !== ''
}

/** The webhook of a job or a flow, as it is stored with it. */
export const webhookSchema = z.object({
  url: z.string(),
  events: z.array(z.enum(webhookEvents)),
  /** What its deliveries carry on from the submission of the job or flow. */
  hops: z.int().optional(),
  traceparent: z.string().optional(),
})
export type Webhook = z.output<typeof webhookSchema>
