/** A tick that is later than this many intervals says nothing of the main thread: the machine had no time for this thread either. */
const maxCountedIntervals = 2

/**
 * For how long the main thread has not run, as another thread sees it, which looks at the beats of the main thread at each tick. It counts only
 * time in which it ran itself: a process that is frozen, or gets no time on a busy machine, is not blocked.
 */
export class LoopWatch {
  readonly #intervalMs: number
  #beats: number | undefined
  #lastTickAt = 0
  #blockedMs = 0

  /** @param intervalMs between two ticks */
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs
  }

  /** @param now in ms of a clock that only goes forward. @returns for how long the main thread has been blocked, in ms */
  tick(beats: number, now: number): number {
    const isFirst = this.#beats === undefined
    const passedMs = Math.min(now - this.#lastTickAt, maxCountedIntervals * this.#intervalMs)
    this.#blockedMs = isFirst || beats !== this.#beats ? 0 : this.#blockedMs + passedMs
    this.#beats = beats
    this.#lastTickAt = now
    return this.#blockedMs
  }
}
