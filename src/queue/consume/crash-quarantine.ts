/**
 * Lets jobs that have lost two workers run one at a time in this process, to find the job that crashes workers among the jobs beside it. A job
 * that has run for `clearedAfterMs` lets the next one in.
 */
export class CrashQuarantine {
  static readonly #clearedAfterMs = 30_000
  #occupant: { id: string; since: number } | undefined

  /** @returns false while another job is in quarantine */
  enter(id: string): boolean {
    const now = performance.now()
    if (this.#occupant && now - this.#occupant.since < CrashQuarantine.#clearedAfterMs) return false
    this.#occupant = { id, since: now }
    return true
  }

  leave(id: string): void {
    if (this.#occupant?.id === id) this.#occupant = undefined
  }
}
