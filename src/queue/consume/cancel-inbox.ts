/** More are never under way at once; beyond that the oldest make room, and their jobs hear of the cancel at the next renewal of their lock. */
const maxEarly = 10_000

/** Cancels that came before the job that they name: Redis may say so before its answer is read that brings the job. */
export class CancelInbox {
  readonly #keepMs: number
  /** By id and token, when each is forgotten; in the order of that. */
  readonly #early = new Map<string, number>()

  constructor(options: { keepMs: number }) {
    this.#keepMs = options.keepMs
  }

  get size(): number {
    return this.#early.size
  }

  /** Keeps a cancel for a job that may be on its way. */
  keep(id: string, token: string, now: number): void {
    for (const [key, until] of this.#early) {
      if (until > now && this.#early.size < maxEarly) break
      this.#early.delete(key)
    }
    this.#early.set(`${id} ${token}`, now + this.#keepMs)
  }

  /** Whether a cancel was kept for this job, which is not kept any longer. */
  take(id: string, token: string): boolean {
    return this.#early.size > 0 && this.#early.delete(`${id} ${token}`)
  }

  clear(): void {
    this.#early.clear()
  }
}
