import type { MinimalJob } from 'bullmq'
import {
  completeAndFetch,
  type End,
  type Exchange,
  type Exchanged,
  ending,
  fetching,
  type NextJob,
  type WorkerQueue,
} from './complete-and-fetch.ts'
import { GatheredCalls } from './gather-calls.ts'

/** 16 take Redis a tenth more for each job. */
const maxItems = 32

/** Ends and fetches of a worker, those of one callback of the event loop in few calls. */
export class Exchanges {
  readonly #calls: GatheredCalls<Exchange, Exchanged>

  /** Called with each answer of Redis, before those who asked get it: `none` when there are no more jobs to fetch. */
  onAnswer: ((none: NextJob | undefined) => void) | undefined

  constructor(queue: WorkerQueue) {
    this.#calls = new GatheredCalls({
      send: async (exchanges) => {
        const { exchanged, none } = await completeAndFetch(queue, exchanges)
        this.onAnswer?.(none)
        return exchanged
      },
      // After all ends and fetches of this callback of the event loop, and no later: a handler may block the next callback.
      schedule: (flush) => process.nextTick(flush),
      isBounded: true,
      maxItems,
    })
  }

  /** Calls that carried more than one end or fetch. */
  get batchedCalls(): number {
    return this.#calls.batchedCalls
  }

  /** Ends a job, and may fetch another in its place, which is locked with `next.token`. */
  end(job: MinimalJob, end: End, next: Pick<Exchange, 'token' | 'fetchNext'>): Promise<Exchanged> {
    const exchange = ending(job, { ...end, ...next })
    return this.#calls.push(exchange, exchange.size)
  }

  /** Fetches a job and locks it with `token`. */
  fetch(token: string): Promise<Exchanged> {
    return this.#calls.push(fetching(token), 0)
  }

  /** Sends at once what was asked for. */
  flush(): Promise<void> {
    return this.#calls.flush()
  }

  /** Resolves when all is answered. */
  settle(): Promise<void> {
    return this.#calls.settle()
  }
}
