import { randomUUID } from 'node:crypto'
import { findStalled, fromOldest, type LookedUpTo, type StalledLook } from '../bullmq/find-stalled.ts'
import { monotonicMs } from '../model/monotonic.ts'

export interface StalledSearchOptions extends Omit<StalledLook, 'looker'> {
  /** How long a lock lives without a renewal. */
  lockMs: number
  /** Whether jobs of the queue run; absent: they may. */
  hasRunning?: (() => Promise<boolean>) | undefined
  /** This job was given back to its queue. */
  onFound: (id: string) => void
  onError: (error: unknown) => void
}

/** A round begins so often in the life of a lock: a job is found at the latest after that life and this part of it. */
const roundsInLife = 5
/** The calls of a round are spread over this part of it. */
const spread = 0.75
/** After each call the others leave the search to this process for so many rounds. */
const heldRounds = 1.25

/**
 * Looks for the jobs of a queue whose worker has vanished, in place of BullMQ's own check, which walks all that run in one call. Of the
 * processes that consume the queue one looks, by calls of a bounded size that are spread over time.
 */
export class StalledSearch {
  readonly #options: StalledSearchOptions
  readonly #look: StalledLook
  readonly #roundMs: number
  #timer: NodeJS.Timeout | undefined
  #isStopped = true

  /** Looks from {@link start} on. */
  constructor(options: StalledSearchOptions) {
    this.#options = options
    this.#look = { ...options, looker: randomUUID() }
    this.#roundMs = options.lockMs / roundsInLife
  }

  /** May be called twice. */
  start(): void {
    if (!this.#isStopped) return
    this.#isStopped = false
    void this.#goOn(fromOldest, monotonicMs())
  }

  /** May be called twice. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  /** @param from how far this round has come, which began at `begunAt` */
  async #goOn(from: LookedUpTo, begunAt: number): Promise<void> {
    const { hasRunning, onFound, onError } = this.#options
    const roundEnd = begunAt + this.#roundMs
    try {
      if (from === fromOldest && hasRunning && !(await hasRunning())) return this.#after(roundEnd - monotonicMs())
      const found = await findStalled(this.#look, from, Math.ceil(heldRounds * this.#roundMs))
      if (typeof found === 'number') return this.#after(found)
      for (const id of found.ids) onFound(id)
      if (found.next === undefined) return this.#after(roundEnd - monotonicMs())
      this.#after(found.isFull ? 0 : (spread * this.#roundMs) / found.calls, found.next, begunAt)
    } catch (error) {
      onError(error)
      this.#after(this.#roundMs)
    }
  }

  /** @param begunAt absent: a round begins then */
  #after(ms: number, from = fromOldest, begunAt?: number): void {
    if (this.#isStopped) return
    this.#timer = setTimeout(() => void this.#goOn(from, begunAt ?? monotonicMs()), Math.max(0, ms))
  }
}
