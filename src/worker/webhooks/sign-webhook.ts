import { createHmac } from 'node:crypto'
import type { WebhookSecret } from '../../environment/kinds.ts'

/**
 * The headers by which a receiver verifies the sender and the time of a message: one signature per secret, so that verification
 * works on both sides of a rotation. https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#webhook-headers-sending-metadata-to-consumers
 *
 * @param now epoch ms of this attempt
 */
export function signatureHeaders(
  id: string,
  body: string,
  secrets: readonly WebhookSecret[],
  now: number,
): Record<string, string> {
  const timestamp = String(Math.floor(now / 1000))
  const sign = ({ key }: WebhookSecret) =>
    `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': secrets.map(sign).join(' '),
  }
}

/** The secrets of a tenant: its own if it has any, otherwise those without a tenant. */
export function secretsOf(tenant: string, secrets: readonly WebhookSecret[]): WebhookSecret[] {
  const own = secrets.filter((secret) => secret.tenant === tenant)
  return own.length > 0 ? own : secrets.filter((secret) => secret.tenant === undefined)
}
