import type { JobRef } from '../model/job-id.ts'
import { decodeKept, type KeptState } from '../model/kept-state.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'

/** What a job keeps for its next start: nothing once it has ended otherwise than as failed. @throws QueueUnavailableError */
export async function readKept({ redis, keys }: { redis: Redis; keys: Keys }, ref: JobRef): Promise<KeptState> {
  const hash = await whenAvailable(redis.hgetall(keys.checkpoint(ref)))
  return decodeKept(Object.entries(hash).flat())
}
