import { z } from 'zod'
import { type Webhook, webhookEvents, webhookUrl } from '../../queue/model/webhook-target.ts'
import type { Caller } from '../access/api-keys.ts'
import type { Mistakes } from '../http/mistakes.ts'
import { named } from '../openapi/fields.ts'

/** The `webhook` of a submission. */
export const webhookField = named(
  'Webhook',
  z.strictObject({
    url: webhookUrl,
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

/** The standing webhook of the client's tenant for a job of a type, or for a flow, that names none; undefined: there is none, or nothing to sign it with. */
export function standingWebhook(
  type: string | undefined,
  context: { caller: Caller; canSign: boolean; hops: number | undefined; traceparent: string | undefined },
): Webhook | undefined {
  const { webhooks } = context.caller.limits
  if (!webhooks || !context.canSign) return undefined
  const standing = webhooks.find(({ types }) => !types || (type !== undefined && types.includes(type)))
  return standing && storedWebhook(standing, context)
}
