import { indexEntryOf, type JobRef, ulidTime } from '../model/job-id.ts'
import { anonymousTenant } from '../model/job-record.ts'
import { redisNow } from '../model/redis-time.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import { IncarnationMap } from '../redis/incarnation.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import { type JobFilter, sectionsOf } from './plan-search.ts'
import { type SearchStep, searchSections } from './search-sections.ts'

const indexPlainJob = loadScript('store/index-plain-job')

export type { IndexedJob } from './index-section.ts'
export type { JobFilter } from './plan-search.ts'

/** Where and for what to look. Times are epoch ms, both included. */
export interface JobSearch {
  tenant: string
  queues: string[]
  filter: JobFilter
  /** Only jobs older than this ULID. */
  behind: string | undefined
  from: number
  to: number
  /** How many jobs the caller wants. */
  count: number
}

/** For how long old processes may go on storing jobs without labels, after the first process that writes them has started: a rolling upgrade. */
const upgradeMs = 3_600_000

/**
 * Finds the jobs of a tenant, newest first. Each queue has two indexes, sorted sets in lexicographical order: of all jobs, and of jobs that
 * have labels (job-label.ts). An entry is written with its job and removed with it. A crash between the two leaves an entry without a job,
 * which readers skip and sweeps remove. What an index says is a hint: callers read the job.
 */
export class JobIndex {
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #labeledSince: IncarnationMap<string, Promise<string>>

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
    this.#labeledSince = new IncarnationMap(deps.redis)
  }

  /** Notes from when on the jobs of queues have labels. Call it before this process stores any. @throws QueueUnavailableError */
  async open(queues: Iterable<string>): Promise<void> {
    await Promise.all(Array.from(queues, (queue) => this.#readLabeledSince(queue)))
  }

  /**
   * Looks for jobs that may match, in steps. A job that matches from before the search until the end of it is found once.
   *
   * @throws QueueUnavailableError
   */
  async *search(search: JobSearch): AsyncGenerator<SearchStep, void, undefined> {
    const deps = { redis: this.#redis, keys: this.#keys }
    const places = await Promise.all(
      search.queues.map(async (queue) => sectionsOf(deps, queue, search, await this.#readLabeledSince(queue))),
    )
    yield* searchSections(places, search.count)
  }

  /** Lists a job that a plain BullMQ producer added; it was created at `createdAt` (epoch ms). */
  async addPlain(ref: JobRef, createdAt: number): Promise<void> {
    const entry = indexEntryOf(ref, anonymousTenant, createdAt)
    // The job names its entry before the entry exists, so that every removal of the job finds it.
    await indexPlainJob(this.#redis, [this.#keys.job(ref), this.#keys.index(ref.queue)], [entry])
  }

  #readLabeledSince(queue: string): Promise<string> {
    const known = this.#labeledSince.get(queue)
    if (known) return known
    const read = this.#noteLabeledSince(queue)
    this.#labeledSince.set(queue, read)
    read.catch(() => this.#labeledSince.delete(queue))
    return read
  }

  async #noteLabeledSince(queue: string): Promise<string> {
    const key = this.#keys.labeledSince(queue)
    const isNew = (await whenAvailable(this.#redis.zcard(this.#keys.index(queue)))) === 0
    const since = isNew ? '0' : ulidTime(redisNow() + upgradeMs)
    await whenAvailable(this.#redis.set(key, since, 'NX'))
    return (await whenAvailable(this.#redis.get(key))) ?? since
  }
}
