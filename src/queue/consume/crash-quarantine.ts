/**
 * Lets jobs whose workers have vanished twice under them run one at a time in this process, so that the one that does it is told from its
 * innocent neighbours. A job that has run for `clearedAfterMs` makes way for the next.
 */
export class CrashQuarantine {
  static readonly #clearedAfterMs = 30_000
  #occupant: { id: string; since: number } | undefined

  /** @returns false while another job is in quarantine */
  enter(id: string): boolean {
    const now = Date.now()
    if (this.#occupant && now - this.#occupant.since < CrashQuarantine.#clearedAfterMs) return false
    this.#occupant = { id, since: now }
    return true
  }

  leave(id: string): void {
    if (this.#occupant?.id === id) this.#occupant = undefined
  }
}
