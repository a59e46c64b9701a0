import { decodeFailure } from '../model/failure.ts'
import { bullIdOf, refOfPlace } from '../model/job-id.ts'
import { fingerprintLabel, labelEntry } from '../model/job-label.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'

/** So many groups are read at once, at most. */
const maxAtOnce = 50

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

/** Which groups to read: at most `limit`, the last seen. */
export interface FailureFilter {
  tenant: string
  queues: readonly string[]
  type: string | undefined
  limit: number
}

interface Seen {
  fingerprint: string
  queue: string
  lastSeen: number
}

type Deps = { redis: Redis; keys: Keys }

/** The failures of a tenant by fingerprint, the last seen first, those without a job left out. Reads what it returns and little more. @throws QueueUnavailableError */
export async function readFailureGroups(deps: Deps, filter: FailureFilter): Promise<FailureGroup[]> {
  const { tenant, queues, type, limit } = filter
  const seen = (await Promise.all(queues.map((queue) => readSeen(deps, tenant, queue)))).flat()
  seen.sort((a, b) => b.lastSeen - a.lastSeen)
  const found: FailureGroup[] = []
  const atOnce = Math.min(maxAtOnce, limit)
  for (let from = 0; from < seen.length && found.length < limit; from += atOnce) {
    const groups = await Promise.all(seen.slice(from, from + atOnce).map((one) => readGroup(deps, tenant, one)))
    const kept = groups.filter((group) => group !== undefined)
    found.push(...kept.filter(({ latest }) => (type ?? latest.type) === latest.type))
  }
  return found.slice(0, limit)
}

async function readSeen({ redis, keys }: Deps, tenant: string, queue: string): Promise<Seen[]> {
  const seen = await whenAvailable(redis.zrange(keys.failuresSeen(queue, tenant), 0, '-1', 'WITHSCORES'))
  return seen.flatMap((fingerprint, n) => (n % 2 === 0 ? { fingerprint, queue, lastSeen: Number(seen[n + 1]) } : []))
}

/** Undefined where none of its jobs is kept. */
async function readGroup({ redis, keys }: Deps, tenant: string, seen: Seen): Promise<FailureGroup | undefined> {
  const { fingerprint, queue } = seen
  const head = labelEntry(tenant, fingerprintLabel(fingerprint), '')
  const [count, [newest], [total, firstSeen]] = await whenAvailable(
    Promise.all([
      redis.zlexcount(keys.labels(queue), `[${head}`, `[${head}~`),
      redis.zrange(keys.labels(queue), `[${head}~`, `[${head}`, 'BYLEX', 'REV', 'LIMIT', 0, 1),
      redis.hmget(keys.failures(queue, tenant), `${fingerprint}:total`, `${fingerprint}:first`),
    ]),
  )
  if (newest === undefined) return undefined
  const { ref } = refOfPlace(queue, newest.slice(head.length))
  const [type, reason] = await whenAvailable(redis.hmget(keys.job(ref), 'name', 'failedReason'))
  if (type == null || reason == null) return undefined
  const { code, message } = decodeFailure(reason, 1)
  const id = ref.bullId === undefined ? bullIdOf(ref) : ref.id
  return {
    ...seen,
    count,
    total: Number(total ?? count),
    firstSeen: Number(firstSeen ?? 0),
    latest: { id, type, code, message },
  }
}
