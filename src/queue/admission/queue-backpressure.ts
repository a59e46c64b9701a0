import { QueueUnavailableError, type Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import type { RedisMemory } from './redis-memory.ts'

/** Why a queue accepts no more jobs: its depth limit is reached, or Redis has little memory left. */
export type Fullness = 'depth' | 'memory'

/** A measured depth is used for so long; jobs that are added meanwhile are counted in this process. */
const depthAgeMs = 100
/** When the last measurement is older, callers wait for the next. */
const staleMs = 1000

/** Jobs that are about to be added to a queue, of about so many bytes together. */
export interface Entry {
  queue: string
  count: number
  bytes: number
}

interface Measurement {
  at: number
  depth: number
  added: number
  /** A measurement under way; resolves to its failure. */
  pending: Promise<QueueUnavailableError | undefined> | undefined
}

/**
 * Admission by the depth of queues and the memory of Redis. The depth is measured at most every tenth of a second, so that admitting a
 * job costs no call to Redis; several API processes together may exceed the limit by what they add in that time.
 */
export class QueueBackpressure {
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #limit: number
  readonly #measured = new Map<string, Measurement>()
  readonly #memory: RedisMemory

  constructor(deps: { redis: Redis; keys: Keys; depthLimit: number; memory: RedisMemory }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
    this.#limit = deps.depthLimit
    this.#memory = deps.memory
  }

  /** Admits jobs, or returns why not: at once, but for where their queue was not measured lately. @throws QueueUnavailableError */
  enter(entry: Entry): Fullness | undefined | Promise<Fullness | undefined> {
    const { queue } = entry
    const measured = this.#measured.get(queue) ?? { at: -Infinity, depth: 0, added: 0, pending: undefined }
    this.#measured.set(queue, measured)
    const age = performance.now() - measured.at
    if (age > depthAgeMs) measured.pending ??= this.#measure(queue, measured)
    return age > staleMs ? this.#enterMeasured(measured, entry) : this.#take(measured, entry)
  }

  /** Admits jobs at once, as {@link enter} does; false: it did nothing, because their queue was not measured just now or has no room. */
  enterAtOnce(entry: Entry): boolean {
    const measured = this.#measured.get(entry.queue)
    if (!measured || performance.now() - measured.at > depthAgeMs) return false
    return this.#take(measured, entry) === undefined
  }

  async #enterMeasured(measured: Measurement, entry: Entry): Promise<Fullness | undefined> {
    // When Redis does not answer, this is the wait for it: adding the job would only wait as long again.
    const failure = await measured.pending
    if (failure) throw failure
    return this.#take(measured, entry)
  }

  #take(measured: Measurement, { count, bytes }: Entry): Fullness | undefined {
    if (measured.depth + measured.added + count > this.#limit) return 'depth'
    if (!this.#memory.take(bytes)) return 'memory'
    measured.added += count
    return undefined
  }

  /** The jobs were admitted, and are not added. */
  undo({ queue, count, bytes }: Entry): void {
    const measured = this.#measured.get(queue)
    if (measured) measured.added = Math.max(0, measured.added - count)
    this.#memory.giveBack(bytes)
  }

  /** How many more jobs the queue has room for, by the last measurement. */
  roomIn(queue: string): number {
    const { depth, added } = this.#measured.get(queue) ?? { depth: 0, added: 0 }
    return Math.max(0, this.#limit - depth - added)
  }

  async #measure(queue: string, measured: Measurement): Promise<QueueUnavailableError | undefined> {
    const before = measured.added
    try {
      const [wait, prioritized, held, delayed] = await Promise.all([
        this.#redis.llen(this.#keys.bull(queue, 'wait')),
        this.#redis.zcard(this.#keys.bull(queue, 'prioritized')),
        this.#redis.zcard(this.#keys.bull(queue, 'held')),
        this.#redis.zcard(this.#keys.bull(queue, 'delayed')),
        this.#memory.refresh(),
      ])
      measured.depth = wait + prioritized + held + delayed
      measured.at = performance.now()
      return undefined
    } catch (error) {
      return new QueueUnavailableError(error)
    } finally {
      // Jobs that were added while Redis answered may be in its reply or not: they stay counted.
      measured.added -= before
      measured.pending = undefined
    }
  }
}
