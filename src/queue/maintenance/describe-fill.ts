import type { NodeMemory } from '../admission/redis-memory.ts'
import { redisNow } from '../model/redis-time.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import type { StoredBytes } from './measure-bytes.ts'

/** Why there is no room, and when there can be some at the earliest. */
export interface Fill {
  detail: string
  retryAfterS: number
}

/**
 * What fills Redis, for clients whose work is refused, and when there can be room at the earliest: when the job that ended first of those that
 * ended lately may be evicted, or one that ends now.
 *
 * @throws QueueUnavailableError
 */
export async function describeFill(
  { redis, keys, queues }: { redis: Redis; keys: Keys; queues: readonly string[] },
  { used, limit }: NodeMemory,
  { waiting, ended, young }: StoredBytes,
  resultMinMs: number,
): Promise<Fill> {
  const now = redisNow()
  const firsts = await Promise.all(
    queues
      .flatMap((queue) => ['completed', 'failed'].map((set) => keys.bull(queue, set)))
      .map((key) => whenAvailable(redis.zrangebyscore(key, now - resultMinMs, '+inf', 'WITHSCORES', 'LIMIT', 0, 1))),
  )
  const first = Math.min(now, ...firsts.flatMap(([, score]) => (score === undefined ? [] : [Number(score)])))
  const parts = [
    `about ${megabytes(waiting)} in jobs that wait or run`,
    `${megabytes(young)} in jobs that ended less than ${resultMinMs / 1000} s ago`,
    `${megabytes(Math.max(0, ended - young))} in other ended jobs, none of which can give way now`,
  ]
  const detail = `Redis uses ${megabytes(used)} of ${megabytes(limit)}: ${parts.join(', ')}.`
  return { detail, retryAfterS: Math.max(1, Math.ceil((first + resultMinMs - now) / 1000)) }
}

const megabytes = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MB`
