import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const unlistEnded = loadScript('flows/unlist-ended')

/** A run of a flow on the list. `since` is when it was listed, in epoch ms. */
export interface OpenEntry {
  entry: string
  id: string
  run: number
  since: number
}

/**
 * The flows that have not been closed: the coordinator works through this list. A run is listed before it is stored, and taken off when
 * everything that follows from its end is done, so that a crash never leaves a flow that no process looks at.
 * Its methods throw QueueUnavailableError.
 */
export class OpenFlowList {
  readonly #redis: Redis
  readonly #keys: Keys

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
  }

  /** Lists a run of a flow; `now` is kept when the run is listed already. */
  async add(id: string, run: number, now: number): Promise<void> {
    await whenAvailable(this.#redis.zadd(this.#keys.openFlows, 'NX', now, `${id} ${run}`))
  }

  /** `count` entries from rank `from` on, the oldest first. */
  async read(from: number, count: number): Promise<OpenEntry[]> {
    const reply = await whenAvailable(
      this.#redis.zrange(this.#keys.openFlows, from, `${from + count - 1}`, 'WITHSCORES'),
    )
    const entries: OpenEntry[] = []
    for (let i = 0; i + 1 < reply.length; i += 2) {
      const entry = reply[i] ?? ''
      const [id = '', run] = entry.split(' ')
      entries.push({ entry, id, run: Number(run), since: Number(reply[i + 1]) })
    }
    return entries
  }

  /** Takes a run off the list. */
  async remove(id: string, run: number): Promise<void> {
    await whenAvailable(this.#redis.zrem(this.#keys.openFlows, `${id} ${run}`))
  }

  /** Moves a run of a flow that ended at `endedAt` (epoch ms) to the list of ended flows, from which it is removed after its retention. */
  async close(id: string, run: number, endedAt: number): Promise<void> {
    await whenAvailable(this.#redis.zadd(this.#keys.endedFlows, endedAt, id))
    await this.remove(id, run)
  }

  /** Takes a flow off the list of ended flows, unless a run has ended since `before` (epoch ms): another process may have closed it by now. */
  async reopen(id: string, before: number): Promise<void> {
    await whenAvailable(unlistEnded(this.#redis, [this.#keys.endedFlows], [id, before]))
  }
}
