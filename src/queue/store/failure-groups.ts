import { decodeFailure } from '../model/failure.ts'
import { bullIdOf, refOfPlace } from '../model/job-id.ts'
import { fingerprintLabel, labelEntry } from '../model/job-label.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'

/** The failed jobs of a tenant that have one fingerprint. Times are epoch ms. */
export interface FailureGroup {
  fingerprint: string
  queue: string
  /** Jobs that are kept. */
  count: number
  /** Failures since it was first seen. */
  total: number
  firstSeen: number
  lastSeen: number
  /** The newest of the jobs, with what is known of it. */
  latest: { id: string; type: string; code: string; message: string }
}

/** The failures of a tenant in some queues by fingerprint, the last seen first, those without a job left out. @throws QueueUnavailableError */
export async function readFailureGroups(
  { redis, keys }: { redis: Redis; keys: Keys },
  tenant: string,
  queues: readonly string[],
): Promise<FailureGroup[]> {
  const groups = await Promise.all(queues.map((queue) => readQueue({ redis, keys }, tenant, queue)))
  return groups.flat().sort((a, b) => b.lastSeen - a.lastSeen)
}

async function readQueue(
  { redis, keys }: { redis: Redis; keys: Keys },
  tenant: string,
  queue: string,
): Promise<FailureGroup[]> {
  const [noted, seen] = await whenAvailable(
    Promise.all([
      redis.hgetall(keys.failures(queue, tenant)),
      redis.zrange(keys.failuresSeen(queue, tenant), 0, '-1', 'WITHSCORES'),
    ]),
  )
  const fingerprints = seen.filter((_, n) => n % 2 === 0)
  const groups = await Promise.all(
    fingerprints.map(async (fingerprint, n): Promise<FailureGroup | undefined> => {
      const head = labelEntry(tenant, fingerprintLabel(fingerprint), '')
      const [count, [newest]] = await whenAvailable(
        Promise.all([
          redis.zlexcount(keys.labels(queue), `[${head}`, `[${head}~`),
          redis.zrange(keys.labels(queue), `[${head}~`, `[${head}`, 'BYLEX', 'REV', 'LIMIT', 0, 1),
        ]),
      )
      if (newest === undefined) return undefined
      const { ref } = refOfPlace(queue, newest.slice(head.length))
      const [type, reason] = await whenAvailable(redis.hmget(keys.job(ref), 'name', 'failedReason'))
      if (type == null || reason == null) return undefined
      const { code, message } = decodeFailure(reason, 1)
      return {
        fingerprint,
        queue,
        count,
        total: Number(noted[`${fingerprint}:total`] ?? count),
        firstSeen: Number(noted[`${fingerprint}:first`] ?? 0),
        lastSeen: Number(seen[2 * n + 1]),
        latest: { id: ref.bullId === undefined ? bullIdOf(ref) : ref.id, type, code, message },
      }
    }),
  )
  return groups.filter((group) => group !== undefined)
}
