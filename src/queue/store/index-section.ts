import { type JobRef, parseJobId, refOfPlace, ulidOf } from '../model/job-id.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import { loadScript } from '../redis/load-script.ts'

const searchJobs = loadScript('store/search-jobs')

/** Entries in one call, so that it takes Redis less than 5 ms. */
const maxLooks = 1000
/** … and in the first one at least. */
const minLooks = 50

/** A job in a list, and the ULID by which it sorts. */
export interface IndexedJob {
  ref: JobRef
  ulid: string
}

export const newestFirst = (a: IndexedJob, b: IndexedJob): number => (a.ulid < b.ulid ? 1 : -1)

/** A part of what is searched of one queue, newest first. */
export interface Section {
  /** The ULID at which it ends. */
  readonly end: string
  /** Looks further. `searchedTo` undefined: that was all. */
  next(count: number): Promise<{ found: IndexedJob[]; searchedTo: string | undefined }>
}

/** What a job must have, as far as the indexes and sets of its queue say it. */
export interface Conditions {
  /** BullMQ's sets that it must be in, or must not. */
  sets: { key: string; isIn: boolean }[]
  type: string | undefined
  /** What its entries in the index of labels have before their place. */
  labelHeads: string[]
}

export interface SectionOptions {
  redis: Redis
  queue: string
  /** Prefix of the job keys. */
  jobs: string
  index: string
  labels: string
  conditions: Conditions
  /** ULIDs: the newest of the section, and the oldest. `isAfterNewest`: that itself is not part of it. */
  newest: string
  isAfterNewest: boolean
  end: string
}

/** Walks an index of a queue: of all jobs of a tenant, or of those that have a label. */
export class IndexWalk implements Section {
  readonly end: string
  readonly #options: SectionOptions & { walked: string; head: string }
  #max: string
  #looks = 0

  /** @param options `walked`: the index, `head`: what its entries have before their place */
  constructor(options: SectionOptions & { walked: string; head: string }) {
    const { head, newest, isAfterNewest, end } = options
    this.end = end
    this.#options = options
    this.#max = `${isAfterNewest ? '(' : '['}${head}${newest}`
  }

  async next(count: number) {
    const { redis, queue, walked, head, jobs, labels, conditions } = this.#options
    const { sets, type = '', labelHeads } = conditions
    if (sets.length + labelHeads.length === 0 && type === '') return this.#nextOfAll(count)
    // The first call looks at few entries: most of them may match.
    this.#looks = Math.min(maxLooks, this.#looks === 0 ? Math.max(count, minLooks) : this.#looks * 4)
    const names = [walked, labels, ...sets.map(({ key }) => key)]
    const args = [this.#max, `[${head}${this.end}`, this.#looks, count, head.length, jobs, `${queue}_`, type]
    const marks = sets.map(({ isIn }) => (isIn ? 1 : 0))
    const reply = await whenAvailable(searchJobs(redis, names, [...args, ...marks, ...labelHeads]))
    const [last = '', ...places] = Array.isArray(reply) ? reply.map(String) : []
    this.#max = `(${head}${last}`
    const found = places.map((place) => refOfPlace(queue, place))
    return { found, searchedTo: last === '' ? undefined : last.slice(0, 26) }
  }

  /** Every entry matches: a plain command finds as many as are wanted, for a third of what the script costs. */
  async #nextOfAll(count: number) {
    const { redis, queue, walked, head } = this.#options
    const entries = await whenAvailable(
      redis.zrevrangebylex(walked, this.#max, `[${head}${this.end}`, 'LIMIT', 0, count),
    )
    const places = entries.map((entry) => entry.slice(head.length))
    const last = entries.length < count ? undefined : places.at(-1)
    if (last !== undefined) this.#max = `(${head}${last}`
    return { found: places.map((place) => refOfPlace(queue, place)), searchedTo: last?.slice(0, 26) }
  }
}

/** Goes through jobs that are few, and known by their ids. */
export class KnownJobs implements Section {
  readonly end: string
  readonly #options: SectionOptions & { tenant: string }
  readonly #places: string[]

  private constructor(options: SectionOptions & { tenant: string }, places: string[]) {
    this.end = options.end
    this.#options = options
    this.#places = places
  }

  /** @param ids BullMQ's */
  static async of(options: SectionOptions & { tenant: string }, ids: string[]): Promise<KnownJobs> {
    const { redis, jobs, newest, isAfterNewest, end } = options
    const ours = ids.filter((id) => parseJobId(id)).map(ulidOf)
    // A job of a plain producer names its entry. It is the anonymous tenant's.
    const plain = await Promise.all(
      ids
        .filter((id) => !parseJobId(id))
        .map(async (id) => (await whenAvailable(redis.hget(`${jobs}${id}`, 'indexEntry')))?.replace(/^[^:]*:/, '')),
    )
    const places = [...ours, ...plain.filter((place) => place !== undefined)]
      .filter((place) => (isAfterNewest ? place < newest : place <= newest) && place >= end)
      .sort((a, b) => (a < b ? 1 : -1))
    return new KnownJobs(options, places)
  }

  async next(count: number) {
    const { redis, queue, index, labels, conditions, tenant } = this.#options
    const some = this.#places.splice(0, Math.max(count, 500))
    const heads = [{ key: index, head: `${tenant}:` }, ...conditions.labelHeads.map((head) => ({ key: labels, head }))]
    const scores = await Promise.all(
      some.length === 0
        ? []
        : heads.map(({ key, head }) => whenAvailable(redis.zmscore(key, ...some.map((place) => head + place)))),
    )
    const kept = some.filter((_, n) => scores.every((of) => of[n] !== null))
    const found = kept.map((place) => refOfPlace(queue, place))
    return { found, searchedTo: this.#places.length === 0 ? undefined : some.at(-1)?.slice(0, 26) }
  }
}
