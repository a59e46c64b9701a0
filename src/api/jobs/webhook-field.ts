import { z } from 'zod'
import { type Webhook, webhookEvents } from '../../queue/model/webhook-target.ts'
import type { Mistake } from '../http/problem.ts'

/** The `webhook` of a submission: where to tell of its end. What may be reached is for the workers' egress guard to say. */
export const webhookField = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/, error: 'is not an http or https URL' })
      .max(2048)
      .refine((url) => !hasCredentials(url), 'carries credentials'),
    events: z.array(z.enum(webhookEvents)).min(1).max(20).optional().describe('The ends to tell of; default all four'),
  })
  .describe('Sent when the job or flow has ended, signed as Standard Webhooks says')

/** Mistakes of a `webhook` that a server without WEBHOOK_SECRETS cannot promise. */
export function unsignable(webhook: unknown, canSign: boolean): Mistake[] {
  if (webhook === undefined || canSign) return []
  return [{ pointer: '/webhook', detail: 'this server has no WEBHOOK_SECRETS to sign it with' }]
}

/** … as it is stored: each event once. */
export function storedWebhook({ url, events = [...webhookEvents] }: z.output<typeof webhookField>): Webhook {
  return { url, events: [...new Set(events)] }
}

/** They would stand in the delivery log; the receiver checks the signature instead. */
function hasCredentials(url: string): boolean {
  const { username, password } = URL.parse(url) ?? { username: '', password: '' }
  return username !== '' || password !== ''
}
