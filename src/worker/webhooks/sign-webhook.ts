import { createHmac } from 'node:crypto'
import type { WebhookSecret } from '../../environment/kinds.ts'

/**
 * The headers that let a receiver check where a message comes from and when it was sent: one signature with each secret, so that
 * both sides of a rotation can check it. https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#webhook-headers-sending-metadata-to-consumers
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

/** The secrets of a tenant: its own where it has some, else those that name nobody. */
export function secretsOf(tenant: string, secrets: readonly WebhookSecret[]): WebhookSecret[] {
  const own = secrets.filter((secret) => secret.tenant === tenant)
  return own.length > 0 ? own : secrets.filter((secret) => secret.tenant === undefined)
}
