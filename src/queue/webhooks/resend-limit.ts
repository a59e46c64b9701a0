import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'

const windowMs = 60_000

/**
 * Counts a tenant's resend of a webhook in the minute that its first resend opened, over all API processes.
 *
 * @returns 0, or the ms until the tenant may resend again
 * @throws QueueUnavailableError
 */
export async function countResend(redis: Redis, keys: Keys, tenant: string, perMinute: number): Promise<number> {
  const key = keys.resends(tenant)
  const calls = redis.multi().set(key, 0, 'PX', windowMs, 'NX').incr(key).pttl(key)
  const replies = await whenAvailable(calls.exec())
  const [used = 0, leftMs = windowMs] = (replies ?? []).slice(1).map(([, value]) => Number(value))
  return used > perMinute ? leftMs : 0
}
