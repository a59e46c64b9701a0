import type { StopRequest } from '../../jobs/stop-request.ts'
import type { JobLease } from '../model/job-lease.ts'

/** A handler whose job is no longer its own, or whose worker is going, gets this long to end by itself. */
export const stopGraceMs = 500

/** A job that this worker holds: how to stop it, since when its lock is known to be held, and when its run is over. */
export class RunningJob {
  readonly id: string
  readonly type: string
  readonly token: string
  readonly lease: JobLease
  /** Epoch ms. */
  readonly startedAt: number
  /** Its job waits without a worker, and may come back before its run is over here. */
  isParked = false
  #over: PromiseWithResolvers<void> | undefined
  #isCanceled = false
  #request: StopRequest | undefined
  #listener: ((request: StopRequest) => void) | undefined

  constructor(job: { id: string; type: string; token: string; lease: JobLease; startedAt: number }) {
    this.id = job.id
    this.type = job.type
    this.token = job.token
    this.lease = job.lease
    this.startedAt = job.startedAt
  }

  /** Resolves when its run is over, whatever became of the job. To be asked for while it runs. */
  get over(): Promise<void> {
    this.#over ??= Promise.withResolvers<void>()
    return this.#over.promise
  }

  /** Its run is over. */
  end(): void {
    this.#over?.resolve()
  }

  /** True, too, when it was asked to stop for another reason before. */
  get isCanceled(): boolean {
    return this.#isCanceled
  }

  /** It was asked to stop. */
  get isStopped(): boolean {
    return this.#request !== undefined
  }

  /** Asks the run to stop; only the first request counts. It is kept for late listeners. */
  stop(request: StopRequest): void {
    // This worker must not renew the lease of a job that is about to be redelivered.
    if (request.kind === 'lock_lost') this.lease.giveUp()
    this.#request ??= request
    this.#isCanceled ||= request.kind === 'canceled'
    this.#listener?.(this.#request)
  }

  /** Calls back when the job is to stop, at once if it already is. @returns takes the callback back */
  onStop(listener: (request: StopRequest) => void): () => void {
    this.#listener = listener
    if (this.#request) listener(this.#request)
    return () => {
      this.#listener = undefined
    }
  }
}
