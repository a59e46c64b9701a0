import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import type { EvictionRound } from './eviction-round.ts'

/** How many ended jobs are kept at most, and about how many bytes they take; undefined: any number. */
export interface ResultLimits {
  maxCount?: number | undefined
  maxBytes?: number | undefined
}

/** How much is above the limits; neither: nothing is. @throws QueueUnavailableError */
export async function aboveLimits(
  { redis, keys, queues }: { redis: Redis; keys: Keys; queues: readonly string[] },
  round: EvictionRound,
  { maxCount, maxBytes }: ResultLimits,
): Promise<{ jobs: number; bytes: number }> {
  const bytes = maxBytes === undefined ? 0 : Math.max(0, round.stored.ended - round.evictedBytes - maxBytes)
  if (maxCount === undefined) return { jobs: 0, bytes }
  const sets = queues.flatMap((queue) => ['completed', 'failed'].map((set) => keys.bull(queue, set)))
  const counts = await whenAvailable(Promise.all(sets.map((key) => redis.zcard(key))))
  return { jobs: Math.max(0, counts.reduce((sum, count) => sum + count, 0) - maxCount), bytes }
}
