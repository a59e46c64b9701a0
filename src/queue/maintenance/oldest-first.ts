import {
  type EndKind,
  type Evictable,
  type EvictionSearch,
  type EvictionSource,
  evictionOrder,
} from '../model/eviction.ts'

/** A source, with the jobs that were found there and not tried yet, oldest first. */
interface Reader {
  source: EvictionSource
  found: Evictable[]
  /** Undefined: there are no others. */
  from: number | undefined
}

/** What one step has done: how many jobs (or flows) it tried, how many it removed, and about how many bytes it freed. */
export interface EvictionStep {
  kind: EndKind
  tried: number
  removed: number
  bytes: number
}

/** Evicts ended jobs of one tenant in the order in which they give way: by the kind of their end, then the oldest of all sources first. */
export class OldestFirst {
  readonly #search: Omit<EvictionSearch, 'kind'>
  readonly #kinds: { kind: EndKind; readers: Reader[] }[]

  constructor(sources: readonly EvictionSource[], search: Omit<EvictionSearch, 'kind'>) {
    this.#search = search
    this.#kinds = evictionOrder.map((kind) => ({
      kind,
      readers: sources.map((source) => ({ source, found: [], from: 0 })),
    }))
  }

  /**
   * Evicts the next jobs, all of one kind: no more than these, but for one.
   *
   * @param isFresh asked before jobs of the next kind: whether none of this kind can have become old enough meanwhile
   * @returns undefined when there are no others, or it is not fresh
   * @throws QueueUnavailableError
   */
  async step(max: { jobs: number; bytes: number }, isFresh = () => true): Promise<EvictionStep | undefined> {
    for (const { kind, readers } of this.#kinds) {
      const taken = new Map<Reader, Evictable[]>()
      let [tried, bytes] = [0, 0]
      while (tried < max.jobs && bytes < max.bytes) {
        const oldest = await this.#oldest(kind, readers)
        const job = oldest?.found.shift()
        if (!oldest || !job) break
        taken.set(oldest, [...(taken.get(oldest) ?? []), job])
        tried += 1
        bytes += job.bytes
      }
      if (tried > 0) return { kind, tried, ...(await this.#evict(kind, taken)) }
      if (!isFresh()) return undefined
    }
    return undefined
  }

  async #evict(kind: EndKind, taken: Map<Reader, Evictable[]>): Promise<{ removed: number; bytes: number }> {
    const sum = { removed: 0, bytes: 0 }
    for (const [reader, jobs] of taken) {
      const removed = await reader.source.evict(jobs, { ...this.#search, kind })
      // Those behind them have moved up.
      if (reader.from !== undefined) reader.from = Math.max(0, reader.from - removed)
      sum.removed += removed
      sum.bytes += (jobs.reduce((bytes, job) => bytes + job.bytes, 0) * removed) / jobs.length
    }
    return sum
  }

  async #oldest(kind: EndKind, readers: Reader[]): Promise<Reader | undefined> {
    let oldest: Reader | undefined
    for (const reader of readers) {
      while (reader.found.length === 0 && reader.from !== undefined) {
        const { found, next } = await reader.source.find({ ...this.#search, kind }, reader.from)
        reader.from = next
        reader.found = found
      }
      const [first] = reader.found
      if (first && (!oldest?.found[0] || first.endedAt < oldest.found[0].endedAt)) oldest = reader
    }
    return oldest
  }
}
