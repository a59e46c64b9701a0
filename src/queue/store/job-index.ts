import { indexEntry, type JobRef, ulidOf, ulidTime } from '../model/job-id.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'

/** The last time that a ULID can hold. Bounds outside of the times of ULIDs are moved to the nearest. */
const lastTime = 2 ** 48 - 1
const ulidBound = (ms: number): string => ulidTime(Math.min(Math.max(ms, 0), lastTime))

/**
 * The jobs of each queue by tenant and time of creation: a sorted set in lexicographical order. An entry is written with its job and
 * removed with it. A crash between the two leaves an entry without a job, which readers skip and sweeps remove.
 */
export class JobIndex {
  readonly #redis: Redis
  readonly #keys: Keys

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
  }

  /**
   * A tenant's next `count` jobs in all `queues`, newest first, older than the ULID `behind`, created between `from` and `to`
   * (epoch ms, both included). One call for each queue. @throws QueueUnavailableError
   */
  async next(options: {
    tenant: string
    queues: string[]
    behind: string | undefined
    from: number
    to: number
    count: number
  }): Promise<JobRef[]> {
    const { tenant, queues, behind, from, to, count } = options
    // No job is older than its first ULID.
    if (to < 0) return []
    const newest = indexEntry(tenant, `${ulidBound(to)}~`)
    const last = behind === undefined ? undefined : indexEntry(tenant, behind)
    const max = last === undefined || last > newest ? `[${newest}` : `(${last}`
    const min = `[${indexEntry(tenant, ulidBound(from))}`
    const replies = await whenAvailable(
      Promise.all(
        queues.map((queue) => this.#redis.zrevrangebylex(this.#keys.index(queue), max, min, 'LIMIT', 0, count)),
      ),
    )
    return replies
      .flatMap((entries, n) =>
        entries.map((entry) => ({ queue: queues[n] ?? '', id: `${queues[n]}_${ulidOf(entry)}` })),
      )
      .sort((a, b) => (ulidOf(a.id) < ulidOf(b.id) ? 1 : -1))
      .slice(0, count)
  }
}
