import { type Redis, whenAvailable } from '../redis/connection.ts'

/** Whether an id is among those that were evicted lately: see note-evicted.lua. `tenant` undefined: of any tenant. @throws QueueUnavailableError */
export async function wasEvicted(redis: Redis, key: string, id: string, tenant: string | undefined): Promise<boolean> {
  const [entry] = await whenAvailable(redis.zrangebylex(key, `[${id}:`, `(${id};`, 'LIMIT', 0, 1))
  return entry !== undefined && (tenant === undefined || entry === `${id}:${tenant}`)
}
