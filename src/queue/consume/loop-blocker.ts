import { AsyncLocalStorage } from 'node:async_hooks'

/** A job whose code runs on the event loop. */
export interface JobOnLoop {
  queue: string
  id: string
  type: string
}

/** A longer turn of the event loop means that a handler blocked it. */
export const blockedMs = 250
/** A block is logged within this time after its end. */
const keptMs = 5000
/** Evaluated in the main thread by find-blocker.ts. */
export const currentJobExpression = "globalThis[Symbol.for('drover.jobOnLoop')]?.()"

/** Knows which job has blocked the event loop of this process. There is one in a process. */
export class LoopBlocker {
  readonly #current = new AsyncLocalStorage<JobOnLoop>()
  #found: { job: JobOnLoop; at: number } | undefined

  constructor() {
    Object.assign(globalThis, { [Symbol.for('drover.jobOnLoop')]: () => this.#current.getStore() })
  }

  /** Runs a job up to its first wait, and knows it in all that follows from it. */
  run<T>(job: JobOnLoop, start: () => T): T {
    const from = performance.now()
    try {
      return this.#current.run(job, start)
    } finally {
      if (performance.now() - from >= blockedMs) this.note(job)
    }
  }

  /** Another thread has seen that this job blocks the event loop. */
  note(job: JobOnLoop): void {
    this.#found = { job, at: performance.now() }
  }

  /** The job that was seen to block it in the last seconds, once. */
  take(): JobOnLoop | undefined {
    const found = this.#found
    this.#found = undefined
    return found && performance.now() - found.at < keptMs ? found.job : undefined
  }
}
