import { z } from 'zod'
import { type Webhook, webhookEvents } from '../../queue/model/webhook-target.ts'
import type { Mistakes } from '../http/mistakes.ts'
import { named } from '../openapi/fields.ts'

/** The `webhook` of a submission. Which addresses may be called is checked by the workers' egress guard. */
export const webhookField = named(
  'Webhook',
  z.strictObject({
    url: z
      .url({ protocol: /^https?$/, error: 'is not an http or https URL' })
      .max(2048)
      .refine((url) => !hasCredentials(url), 'carries credentials'),
    events: z
      .array(named('WebhookEvent', z.enum(webhookEvents)))
      .min(1)
      .max(20)
      .optional()
      .describe('The final states to be notified of. Default: all four'),
  }),
).describe('Called when the job or flow is done, with a payload that is signed as specified by Standard Webhooks')

/** Adds the mistake of a `webhook` that this server cannot sign. `base` is the pointer of the job or flow. */
export function refuseUnsignable(webhook: unknown, canSign: boolean, mistakes: Mistakes, base = ''): void {
  if (webhook === undefined || canSign) return
  mistakes.add(`${base}/webhook`, 'this server has no WEBHOOK_SECRETS to sign it with')
}

/** The field as it is stored: each event once, with what its deliveries carry on from the request. */
export function storedWebhook(
  { url, events = [...webhookEvents] }: z.output<typeof webhookField>,
  { hops, traceparent }: { hops: number | undefined; traceparent: string | undefined },
): Webhook {
  return {
    url,
    events: [...new Set(events)],
    ...(hops !== undefined && { hops }),
    ...(traceparent !== undefined && { traceparent }),
  }
}

/** They would show up in the delivery log. The receiver checks the signature instead. */
function hasCredentials(url: string): boolean {
  const { username, password } = URL.parse(url) ?? { username: '', password: '' }
  return username !== '' || password !== ''
}
