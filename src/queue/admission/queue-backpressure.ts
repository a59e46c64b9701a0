import { QueueUnavailableError, type Redis, readInfo } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'

/** Why a queue accepts no more jobs: its depth limit is reached, or Redis has little memory left. */
export type Fullness = 'depth' | 'memory'

/** A measured depth is used for so long; jobs that are added meanwhile are counted in this process. */
const depthAgeMs = 100
const memoryAgeMs = 1000
/** When the last measurement is older, callers wait for the next. */
const staleMs = 1000
/** Above this share of `maxmemory` jobs are refused: Redis would soon refuse to renew leases, too, and running jobs would run twice. */
const memoryShare = 0.7

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
  #memory = { at: 0, isShort: false }

  constructor(deps: { redis: Redis; keys: Keys; depthLimit: number }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
    this.#limit = deps.depthLimit
  }

  /** Admits `count` jobs that are about to be added, or returns why not. @throws QueueUnavailableError */
  async enter(queue: string, count: number): Promise<Fullness | undefined> {
    const measured = this.#measured.get(queue) ?? { at: 0, depth: 0, added: 0, pending: undefined }
    this.#measured.set(queue, measured)
    const age = Date.now() - measured.at
    if (age > depthAgeMs) measured.pending ??= this.#measure(queue, measured)
    if (age > staleMs) {
      // When Redis does not answer, this is the wait for it: adding the job would only wait as long again.
      const failure = await measured.pending
      if (failure) throw failure
    }
    if (this.#memory.isShort) return 'memory'
    if (measured.depth + measured.added + count > this.#limit) return 'depth'
    measured.added += count
    return undefined
  }

  async #measure(queue: string, measured: Measurement): Promise<QueueUnavailableError | undefined> {
    const before = measured.added
    try {
      const isMemoryDue = Date.now() - this.#memory.at > memoryAgeMs
      const [wait, prioritized, delayed, memory] = await Promise.all([
        this.#redis.llen(this.#keys.bull(queue, 'wait')),
        this.#redis.zcard(this.#keys.bull(queue, 'prioritized')),
        this.#redis.zcard(this.#keys.bull(queue, 'delayed')),
        isMemoryDue ? readInfo(this.#redis, 'memory') : undefined,
      ])
      measured.depth = wait + prioritized + delayed
      measured.at = Date.now()
      if (memory !== undefined) this.#memory = { at: Date.now(), isShort: memory.some(isShort) }
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

/** https://redis.io/docs/latest/commands/info/ : without `maxmemory` there is no limit. */
function isShort(info: string): boolean {
  const value = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0)
  const limit = value('maxmemory')
  return limit > 0 && value('used_memory') > limit * memoryShare
}
