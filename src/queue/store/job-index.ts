import { indexEntryOf, type JobRef, ulidTime } from '../model/job-id.ts'
import { anonymousTenant } from '../model/job-record.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import { type IndexedJob, newestFirst, type Section } from './index-section.ts'
import { type JobFilter, sectionsOf } from './plan-search.ts'

const indexPlainJob = loadScript('store/index-plain-job')

export type { IndexedJob } from './index-section.ts'

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

/** A step of a search. All that match down to the ULID `searchedTo` are in this step or an earlier one; undefined: there are no more. */
export interface SearchStep {
  found: IndexedJob[]
  searchedTo: string | undefined
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
  readonly #labeledSince = new Map<string, Promise<string>>()

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
  }

  /** Notes from when on the jobs of queues have labels. Call it before this process stores any. @throws QueueUnavailableError */
  async open(queues: Iterable<string>): Promise<void> {
    await Promise.all(Array.from(queues, (queue) => this.#readLabeledSince(queue)))
  }

  /**
   * Looks for jobs that may match, in steps that each take a few ms: the caller may stop after any. A job that matches from before the
   * search until the end of it is found once. @throws QueueUnavailableError
   */
  async *search(search: JobSearch): AsyncGenerator<SearchStep, void, undefined> {
    const deps = { redis: this.#redis, keys: this.#keys }
    const planned = await Promise.all(
      search.queues.map(async (queue) => sectionsOf(deps, queue, search, await this.#readLabeledSince(queue))),
    )
    const lanes = planned.map((sections) => new Lane(sections))
    for (;;) {
      await Promise.all(lanes.map((lane) => lane.fill(search.count)))
      // What a lane has not looked at is older than this.
      const open = lanes.flatMap(({ searchedTo }) => searchedTo ?? [])
      const searchedTo = open.reduce<string | undefined>((a, b) => (a === undefined || b > a ? b : a), undefined)
      const found = lanes.flatMap((lane) => lane.take(searchedTo)).sort(newestFirst)
      yield { found, searchedTo }
      if (searchedTo === undefined) return
    }
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
    const since = isNew ? '0' : ulidTime(Date.now() + upgradeMs)
    await whenAvailable(this.#redis.set(key, since, 'NX'))
    return (await whenAvailable(this.#redis.get(key))) ?? since
  }
}

/** What was found in the sections of one queue, one after the other, and not taken yet. */
class Lane {
  readonly #sections: Section[]
  #found: IndexedJob[] = []
  /** Undefined when all sections have been looked through. */
  searchedTo: string | undefined = '~'

  constructor(sections: Section[]) {
    this.#sections = sections
  }

  /** Looks further, unless it has something to give. */
  async fill(count: number): Promise<void> {
    const [section] = this.#sections
    if (!section) this.searchedTo = undefined
    if (!section || this.#found.length > 0) return
    const { found, searchedTo } = await section.next(count)
    this.#found = found
    if (searchedTo === undefined) this.#sections.shift()
    // The next section begins where this one ends.
    this.searchedTo = searchedTo ?? (this.#sections.length > 0 ? section.end.padEnd(26, '0') : undefined)
  }

  /** Takes what is not older than `to`; undefined: all. */
  take(to: string | undefined): IndexedJob[] {
    const cut = to === undefined ? -1 : this.#found.findIndex(({ ulid }) => ulid < to)
    return this.#found.splice(0, cut === -1 ? this.#found.length : cut)
  }
}
