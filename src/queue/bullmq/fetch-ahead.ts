import type { NextJob } from './complete-and-fetch.ts'
import type { FetchedJob, FetchedJson } from './fetched-job.ts'

/** So many an idle worker asks for, where it has room: what comes together is for all workers that are idle. */
const firstAsked = 2
const maxAsked = 16

export interface FetchAheadOptions {
  concurrency: number
  /** Fetches a job; what is fetched in one turn of the event loop is fetched by few calls. */
  fetch: () => Promise<NextJob>
  /** A fetch has failed, and another of the same moment has brought a job. */
  onError: (error: unknown) => void
  /** The worker did not ask for this job after all. */
  putBack: (id: string, token: string) => void
}

/**
 * BullMQ's Worker asks for one job after the other and starts them when there are no more: a burst costs it a round trip per job, while the
 * jobs that it has wait. Here one call brings as many jobs as arrived last, or twice as many if there were more, and never more than the worker
 * has free slots. They are handed out as the worker asks, in the same tick of the event loop. Then the answer is that there are no more, so that
 * it starts them; if there may be more it asks again immediately.
 */
export class FetchAhead {
  readonly #options: FetchAheadOptions
  /** How many jobs the worker has, or is about to get. */
  #held = 0
  #asked = 0
  #width = firstAsked
  #kept: NextJob[] = []
  #mayBeMore = false

  constructor(options: FetchAheadOptions) {
    this.#options = options
  }

  /** The next job for a place of the worker that is free. */
  async next(): Promise<NextJob> {
    const kept = this.#kept.shift()
    if (kept) return kept
    const room = this.#options.concurrency - this.#held - this.#asked
    const count = Math.max(1, Math.min(this.#width, room))
    this.#asked += count
    try {
      const answers = await Promise.allSettled(Array.from({ length: count }, this.#options.fetch))
      const fetched = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
      // Any of the calls may bring a job: the first may have found the queue empty, or have failed, and the second not.
      const jobs = fetched.filter(hasJob)
      const failure = answers.find((answer) => answer.status === 'rejected')
      if (failure && jobs.length === 0) throw failure.reason
      if (failure) this.#options.onError(failure.reason)
      this.#held += jobs.length
      this.#mayBeMore = jobs.length === count
      this.#width = Math.max(firstAsked, Math.min(this.#mayBeMore ? 2 * count : jobs.length, maxAsked))
      const [next, ...more] = jobs
      const none = fetched.findLast((answer) => !hasJob(answer)) ?? []
      if (!next) return none
      this.#kept.push(...more, none)
      setImmediate(() => this.#dropKept())
      return next
    } finally {
      this.#asked -= count
    }
  }

  /** A place of the worker has got a job, if that is one. */
  enter(next: NextJob): void {
    if (hasJob(next)) this.#held += 1
  }

  /** … has settled its job. Harmless when repeated. */
  leave(job: FetchedJob): void {
    if (job.hasLeft) return
    job.hasLeft = true
    this.#held -= 1
  }

  /** Whether the worker should ask again instead of waiting for the marker. True once. */
  takeMayBeMore(): boolean {
    const mayBeMore = this.#mayBeMore
    this.#mayBeMore = false
    return mayBeMore
  }

  /** The worker asks on at once, unless it closes. */
  #dropKept(): void {
    this.#mayBeMore = false
    for (const next of this.#kept.splice(0)) {
      if (!hasJob(next)) continue
      this.#held -= 1
      const { id, lockToken } = next[0] as FetchedJson
      this.#options.putBack(id, lockToken)
    }
  }
}

function hasJob([json]: NextJob): boolean {
  return Boolean(json)
}
