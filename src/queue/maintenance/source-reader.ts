import type { Evictable, EvictionSearch, EvictionSource } from '../model/eviction.ts'
import { monotonicMs } from '../model/monotonic.ts'

/** A look from the beginning takes at most one part of the time out of so many. */
const restShare = 20

/**
 * Reads the jobs of one source in the order of their ends, and keeps its place. At the end it goes on where the jobs were too young before; what it
 * may have passed over (jobs that were kept, or moved up when others were removed) is found by looks from the beginning.
 */
export class SourceReader {
  readonly source: EvictionSource
  /** Found and not tried yet, oldest first. */
  found: Evictable[] = []
  #from = 0
  #isAtEnd = false
  /** Where those begin that were too young, and whether only those are looked at. */
  #resume: number | undefined
  #isResumed = false
  #hasFound = false
  #begunAt = monotonicMs()
  #spentMs = 0

  constructor(source: EvictionSource) {
    this.source = source
  }

  /** Whether nothing is found, and there may be something. */
  get isUnread(): boolean {
    return this.found.length === 0 && !this.#isAtEnd
  }

  /** Reads on until something is found, but not for longer than this. @throws QueueUnavailableError */
  async readOn(search: EvictionSearch, until: number): Promise<void> {
    while (this.isUnread && monotonicMs() < until) {
      const begunAt = monotonicMs()
      const { found, next, resume } = await this.source.find(search, this.#from)
      if (resume !== undefined && (this.#isResumed || this.#resume === undefined)) this.#resume = resume
      this.#isAtEnd = next === undefined || (this.#isResumed && resume !== undefined)
      this.#from = next ?? this.#from
      this.#hasFound ||= found.length > 0 && !this.#isResumed
      this.found = found
      if (!this.#isResumed) this.#spentMs += monotonicMs() - begunAt
    }
  }

  /** So many were removed: those behind them have moved up. */
  moveUp(removed: number): void {
    this.#from = Math.max(0, this.#from - removed)
    if (this.#resume !== undefined) this.#resume = Math.max(0, this.#resume - removed)
  }

  /** Goes on from the end: others may have become old enough. */
  lookAgain(): void {
    if (!this.#isAtEnd) return
    this.#isAtEnd = false
    const isRested = monotonicMs() - this.#begunAt > this.#spentMs * restShare
    this.#isResumed = !(this.#hasFound || isRested)
    if (this.#isResumed) {
      this.#from = this.#resume ?? this.#from
      return
    }
    this.#from = 0
    this.#resume = undefined
    this.#hasFound = false
    this.#begunAt = monotonicMs()
    this.#spentMs = 0
  }
}
