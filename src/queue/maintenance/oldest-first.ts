import {
  type EndKind,
  type Evictable,
  type EvictionSearch,
  type EvictionSource,
  evictionOrder,
} from '../model/eviction.ts'
import { monotonicMs } from '../model/monotonic.ts'
import { SourceReader } from './source-reader.ts'

/** For so long no further look is needed: few jobs become old enough meanwhile. */
export const freshMs = 100

/** What one step has done: how many jobs (or flows) it tried, how many it removed, and about how many bytes it freed. */
export interface EvictionStep {
  kind: EndKind
  tried: number
  removed: number
  bytes: number
}

interface Search {
  tenant: string
  /** Those that ended later are kept, in epoch ms: asked at each look. */
  endedBefore: () => number
}

/** Evicts ended jobs of one tenant in the order in which they give way: by the kind of their end, then the oldest of all sources first. */
export class OldestFirst {
  readonly #search: Search
  readonly #kinds: { kind: EndKind; readers: SourceReader[] }[]
  #endedBefore: number
  #lookedAt = monotonicMs()

  constructor(sources: readonly EvictionSource[], search: Search) {
    this.#search = search
    this.#endedBefore = search.endedBefore()
    this.#kinds = evictionOrder.map((kind) => ({ kind, readers: sources.map((source) => new SourceReader(source)) }))
  }

  /**
   * Evicts the next jobs, all of one kind: no more than these, but for one. When the time is over, it evicts those that were found so far, which may be
   * none: the next step goes on from there.
   *
   * @param until monotonic ms
   * @returns undefined when there are no others
   * @throws QueueUnavailableError
   */
  async step(
    max: { jobs: number; bytes: number },
    until = Number.POSITIVE_INFINITY,
  ): Promise<EvictionStep | undefined> {
    let isLookedAgain = this.#lookAgain()
    for (const { kind, readers } of this.#kinds) {
      for (;;) {
        const taken = await this.#take(kind, readers, max, until)
        if (taken.size > 0) return this.#evict(kind, taken)
        if (readers.some(({ isUnread }) => isUnread)) return { kind, tried: 0, removed: 0, bytes: 0 }
        // Before jobs of the next kind give way: those of this one may have become old enough. Once in a step is enough.
        if (isLookedAgain || !this.#lookAgain()) break
        isLookedAgain = true
      }
    }
    return undefined
  }

  #lookAgain(): boolean {
    if (monotonicMs() - this.#lookedAt < freshMs) return false
    this.#lookedAt = monotonicMs()
    this.#endedBefore = this.#search.endedBefore()
    for (const { readers } of this.#kinds) for (const reader of readers) reader.lookAgain()
    return true
  }

  #of(kind: EndKind): EvictionSearch {
    return { tenant: this.#search.tenant, kind, endedBefore: this.#endedBefore }
  }

  async #take(
    kind: EndKind,
    readers: SourceReader[],
    max: { jobs: number; bytes: number },
    until: number,
  ): Promise<Map<SourceReader, Evictable[]>> {
    const taken = new Map<SourceReader, Evictable[]>()
    let [jobs, bytes] = [0, 0]
    while (jobs < max.jobs && bytes < max.bytes) {
      for (const [n, reader] of readers.entries()) {
        // None uses up the time of those behind it.
        const now = monotonicMs()
        await reader.readOn(this.#of(kind), now + (until - now) / (readers.length - n))
      }
      const oldest = oldestOf(readers)
      const job = oldest?.found.shift()
      if (!oldest || !job) break
      taken.set(oldest, [...(taken.get(oldest) ?? []), job])
      jobs += job.jobs
      bytes += job.bytes
      // What it takes is known when it is gone.
      if (oldest.source.isOfFlows) break
    }
    return taken
  }

  async #evict(kind: EndKind, taken: Map<SourceReader, Evictable[]>): Promise<EvictionStep> {
    const sum = { kind, tried: 0, removed: 0, bytes: 0 }
    for (const [reader, jobs] of taken) {
      const { removed, bytes } = await reader.source.evict(jobs, this.#of(kind))
      reader.moveUp(removed)
      sum.tried += jobs.length
      sum.removed += removed
      sum.bytes += bytes
    }
    return sum
  }
}

function oldestOf(readers: SourceReader[]): SourceReader | undefined {
  let oldest: SourceReader | undefined
  for (const reader of readers) {
    const [first] = reader.found
    if (first && (!oldest?.found[0] || first.endedAt < oldest.found[0].endedAt)) oldest = reader
  }
  return oldest
}
