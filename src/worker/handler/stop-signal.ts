import type { StopRequest } from '../../jobs/stop-request.ts'

/** Tells a run to stop: the part of `AbortSignal` that executors use, so that an `AbortSignal` fits too. */
export interface StopSignal {
  readonly aborted: boolean
  /** A {@link StopRequest} once it is aborted; read it with `readStopRequest`. */
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void, options?: { once: true }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/**
 * A {@link StopSignal} with its `abort`. Cheaper than an AbortController, which every job would pay for although few are stopped.
 * Listeners are called in the order in which they were added, and must not throw.
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
    // A listener that an earlier one removes is not called.
    for (const listener of this.#listeners ?? []) listener()
    this.#listeners = undefined
  }
}
