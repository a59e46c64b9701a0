import type { StopRequest } from '../../jobs/stop-request.ts'

/** What tells a run to stop: the part of an `AbortSignal` that executors use, so that one may stand in its place. */
export interface StopSignal {
  readonly aborted: boolean
  /** A {@link StopRequest} once it is aborted; executors read it by `readStopRequest`. */
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void, options?: { once: true }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/**
 * A {@link StopSignal} and whoever aborts it. Every job would pay for an AbortController with a listener, for the few
 * that are stopped. Listeners are called in the order in which they came, and must not throw.
 */
export class StopSource implements StopSignal {
  #request: StopRequest | undefined
  #listeners: Set<() => void> | undefined

  get aborted(): boolean {
    return this.#request !== undefined
  }

  get reason(): StopRequest | undefined {
    return this.#request
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    if (this.#request) return
    this.#listeners ??= new Set()
    this.#listeners.add(listener)
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners?.delete(listener)
  }

  /** Only the first request counts. */
  abort(request: StopRequest): void {
    if (this.#request) return
    this.#request = request
    // One that another listener takes away is not called any more.
    for (const listener of this.#listeners ?? []) listener()
    this.#listeners = undefined
  }
}
