import { indexEntry, indexEntryOf, type JobRef, refOfEntry, ulidTime } from '../model/job-id.ts'
import { anonymousTenant } from '../model/job-record.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const indexPlainJob = loadScript('store/index-plain-job')

/** A job in a list, and the ULID by which it sorts. */
export interface IndexedJob {
  ref: JobRef
  ulid: string
}

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
  }): Promise<IndexedJob[]> {
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
      .flatMap((entries, n) => entries.map((entry) => refOfEntry(queues[n] ?? '', entry)))
      .sort((a, b) => (a.ulid < b.ulid ? 1 : -1))
      .slice(0, count)
  }

  /** Lists a job that a plain BullMQ producer added; it was created at `createdAt` (epoch ms). */
  async addPlain(ref: JobRef, createdAt: number): Promise<void> {
    const entry = indexEntryOf(ref, anonymousTenant, createdAt)
    // The job names its entry before the entry exists, so that every removal of the job finds it.
    await indexPlainJob(this.#redis, [this.#keys.job(ref), this.#keys.index(ref.queue)], [entry])
  }
}
