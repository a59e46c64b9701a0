import { randomUUID } from 'node:crypto'
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

/** Ends and fetches of a worker, those of one callback of the event loop in few calls. Each fetch has a fencing token of its own. */
export class Exchanges {
  readonly #calls: GatheredCalls<Exchange, Exchanged>
  readonly #id = randomUUID()
  #tokens = 0

  constructor(queue: WorkerQueue) {
    this.#calls = new GatheredCalls({
      send: (exchanges) => completeAndFetch(queue, exchanges),
      // When all is said of what this callback of the event loop has led to, and no later: a handler may block the next.
      schedule: (flush) => process.nextTick(flush),
      isBounded: true,
    })
  }

  /** Ends a job, and fetches another in its place. */
  end(job: MinimalJob, end: End, fetchNext: boolean): Promise<Exchanged> {
    const exchange = ending(job, { ...end, token: this.#newToken(), fetchNext })
    return this.#calls.push(exchange, exchange.size)
  }

  /** Fetches a job; `token` is what it is locked with. */
  async fetch(): Promise<{ token: string; exchanged: Exchanged }> {
    const token = this.#newToken()
    return { token, exchanged: await this.#calls.push(fetching(token), 0) }
  }

  /** Sends what was asked for at once. */
  flush(): void {
    this.#calls.flush()
  }

  /** … and resolves when all is answered. */
  settle(): Promise<void> {
    return this.#calls.settle()
  }

  #newToken(): string {
    return `${this.#id}:${++this.#tokens}`
  }
}
