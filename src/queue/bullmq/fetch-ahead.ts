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
  /** The worker did not ask for this job after all. Must not reject. */
  putBack: (job: FetchedJson) => Promise<void>
}

/**
 * BullMQ's Worker asks for one job after the other and starts them when there are no more: a burst costs it a round trip per job, while the
 * jobs that it has wait. Here one call brings as many jobs as arrived last, or twice as many if there were more, and never more than the worker
 * has free slots. They are handed out as the worker asks, in the same tick of the event loop. Then the answer is that there are no more, so that
 * it starts them; if there may be more it asks again immediately. An answer of Redis also says whether there are more: the question that the
 * worker asks in the same tick, before it waits, needs no call.
 */
export class FetchAhead {
  readonly #options: FetchAheadOptions
  /** How many jobs the worker has, or is about to get. */
  #held = 0
  #asked = 0
  #width = firstAsked
  #kept: FetchedJson[] = []
  /** The answer after the jobs that are kept. */
  #afterKept: NextJob | undefined
  /** That there are no more jobs, by an answer of this tick. A job that was added since wakes the worker by BullMQ's marker: see {@link onMarker}. */
  #none: NextJob | undefined
  #mayBeMore = false
  #willForget = false
  readonly #puttingBack = new Set<Promise<void>>()

  constructor(options: FetchAheadOptions) {
    this.#options = options
  }

  /** Redis has answered: `none` when there are no more jobs to fetch. */
  onAnswer(none: NextJob | undefined): void {
    this.#none = none
    this.#forgetAfterTurn()
  }

  /**
   * A marker has come: jobs were added. An answer of the same turn may be older, since each comes on its own connection: that there are no jobs does
   * not hold any more. Else the worker would wait on with its marker gone, until jobs are added again.
   */
  onMarker(): void {
    this.#none = undefined
    this.#afterKept = undefined
  }

  /** The next job for a free slot of the worker. `mayFetchAhead`: the worker asks again after a job. */
  async next(mayFetchAhead: boolean): Promise<NextJob> {
    const known = this.#takeKnown()
    if (known) return known
    const room = this.#options.concurrency - this.#held - this.#asked
    const count = mayFetchAhead ? Math.max(1, Math.min(this.#width, room)) : 1
    this.#asked += count
    try {
      const answers = await Promise.allSettled(Array.from({ length: count }, this.#options.fetch))
      const fetched = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
      // Any of the calls may bring a job: the first may have found the queue empty, or have failed, and the second not.
      const jobs = fetched.filter(hasJob)
      const failure = answers.find((answer) => answer.status === 'rejected')
      if (failure && jobs.length === 0) throw failure.reason
      if (failure) this.#options.onError(failure.reason)
      return this.#handOut(jobs, count, mayFetchAhead)
    } finally {
      this.#asked -= count
    }
  }

  #handOut(jobs: [FetchedJson, ...unknown[]][], asked: number, mayFetchAhead: boolean): NextJob {
    const none = this.#none ?? []
    const [first, ...more] = jobs
    this.#held += jobs.length
    if (mayFetchAhead) {
      this.#mayBeMore = jobs.length > 0 && this.#none === undefined
      const isFull = jobs.length === asked && this.#mayBeMore
      this.#width = Math.max(firstAsked, Math.min(isFull ? 2 * asked : jobs.length, maxAsked))
    }
    if (!first) return none
    this.#kept.push(...more.map(([job]) => job))
    if (mayFetchAhead) this.#afterKept = none
    this.#forgetAfterTurn()
    return first
  }

  #takeKnown(): NextJob | undefined {
    const kept = this.#kept.shift()
    if (kept) return [kept, kept.id, 0, 0]
    const after = this.#afterKept ?? this.#none
    this.#afterKept = undefined
    // BullMQ's loop does not wait for a job that has become due since: with this answer it would ask again and again in one turn.
    return after && isDue(after) ? undefined : after
  }

  /** A slot of the worker has got a job, if that is one. */
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

  /** Puts back what is kept. Resolves when Redis has answered for all that was ever put back. */
  async settle(): Promise<void> {
    this.#dropKept()
    while (this.#puttingBack.size > 0) await Promise.all(this.#puttingBack)
  }

  /** The worker asks on at once, unless it closes. */
  #forgetAfterTurn(): void {
    if (this.#willForget) return
    this.#willForget = true
    setImmediate(() => {
      this.#willForget = false
      this.#none = undefined
      this.#afterKept = undefined
      this.#mayBeMore = false
      this.#dropKept()
    })
  }

  #dropKept(): void {
    for (const job of this.#kept.splice(0)) {
      this.#held -= 1
      const done: Promise<void> = this.#options.putBack(job).finally(() => this.#puttingBack.delete(done))
      this.#puttingBack.add(done)
    }
  }
}

/** Whether the next job, which this answer names the time of, is due by now: by the wall clock, as BullMQ's loop reads it. */
function isDue([, , , dueAt]: NextJob): boolean {
  return typeof dueAt === 'number' && dueAt > 0 && dueAt <= Date.now()
}

function hasJob(next: NextJob): next is [FetchedJson, ...unknown[]] {
  return Boolean(next[0])
}
