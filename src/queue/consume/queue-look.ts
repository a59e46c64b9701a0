import { monotonicMs } from '../model/monotonic.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { whichExist } from '../redis/which-exist.ts'

/**
 * Whether queues have jobs in some of BullMQ's lists. One look serves all queues of a process: those that ask within `freshMs` of one get its
 * answer.
 */
export class QueueLook {
  readonly #redis: Redis
  readonly #groups: string[][]
  readonly #places: ReadonlyMap<string, number>
  readonly #freshMs: number
  #look: { at: number; found: Promise<boolean[]> } | undefined

  constructor(options: { redis: Redis; keys: Keys; queues: readonly string[]; lists: string[]; freshMs: number }) {
    const { redis, keys, queues, lists, freshMs } = options
    this.#redis = redis
    this.#groups = queues.map((queue) => lists.map((list) => keys.bull(queue, list)))
    this.#places = new Map(queues.map((queue, n) => [queue, n]))
    this.#freshMs = freshMs
  }

  /** @throws what Redis says */
  async hasJobs(queue: string): Promise<boolean> {
    const place = this.#places.get(queue)
    if (place === undefined) throw new RangeError(`not one of the queues that are looked at: ${queue}`)
    if (!this.#look || monotonicMs() - this.#look.at >= this.#freshMs) {
      const look = { at: monotonicMs(), found: whichExist(this.#redis, this.#groups) }
      this.#look = look
      look.found.catch(() => {
        if (this.#look === look) this.#look = undefined
      })
    }
    return (await this.#look.found)[place] ?? false
  }
}
