import type { MinimalJob } from 'bullmq'
import {
  completeAndFetch,
  type End,
  type Exchange,
  type Exchanged,
  ending,
  fetching,
  type WorkerQueue,
} from './complete-and-fetch.ts'
import { GatheredCalls } from './gather-calls.ts'

/** Ends and fetches of a worker, those of one callback of the event loop in few calls. */
export class Exchanges {
  readonly #calls: GatheredCalls<Exchange, Exchanged>

  constructor(queue: WorkerQueue) {
    this.#calls = new GatheredCalls({
      send: (exchanges) => completeAndFetch(queue, exchanges),
      // After all ends and fetches of this callback of the event loop, and no later: a handler may block the next callback.
      schedule: (flush) => process.nextTick(flush),
      isBounded: true,
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

  /** Sends what was asked for at once. */
  flush(): void {
    this.#calls.flush()
  }

  /** … and resolves when all is answered. */
  settle(): Promise<void> {
    return this.#calls.settle()
  }
}
