import { QueueUnavailableError, type Redis, readInfo } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'

/** Why a queue takes no more jobs: as many wait as may, or Redis has little memory left. */
export type Fullness = 'depth' | 'memory'

/** A queue is looked at again after so long; until then what was added since is counted here. */
const depthAgeMs = 100
const memoryAgeMs = 1000
/** An older look is no answer: whoever asks waits for the next. */
const staleMs = 1000
/** Beyond this share of `maxmemory` jobs are refused: Redis would soon refuse the renewal of locks, too, and running jobs would run twice. */
const memoryShare = 0.7

interface Look {
  at: number
  depth: number
  added: number
  /** Resolves to what went wrong. */
  looking: Promise<QueueUnavailableError | undefined> | undefined
}

/**
 * Says whether queues can take more. The answer comes from a look at most a tenth of a second old and costs no call of its own:
 * several API processes together may go over the limit by what they add in that time.
 */
export class QueuePressure {
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #limit: number
  readonly #looks = new Map<string, Look>()
  #memory = { at: 0, isShort: false }

  constructor(deps: { redis: Redis; keys: Keys; depthLimit: number }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
    this.#limit = deps.depthLimit
  }

  /** Makes room for `count` jobs that are about to be added, or says why there is none. @throws QueueUnavailableError */
  async enter(queue: string, count: number): Promise<Fullness | undefined> {
    const look = this.#looks.get(queue) ?? { at: 0, depth: 0, added: 0, looking: undefined }
    this.#looks.set(queue, look)
    const age = Date.now() - look.at
    if (age > depthAgeMs) look.looking ??= this.#look(queue, look)
    if (age > staleMs) {
      // With a Redis that does not answer this was the wait for it: an add would wait as long again.
      const failure = await look.looking
      if (failure) throw failure
    }
    if (this.#memory.isShort) return 'memory'
    if (look.depth + look.added + count > this.#limit) return 'depth'
    look.added += count
    return undefined
  }

  async #look(queue: string, look: Look): Promise<QueueUnavailableError | undefined> {
    const before = look.added
    try {
      const isMemoryDue = Date.now() - this.#memory.at > memoryAgeMs
      const [wait, prioritized, delayed, memory] = await Promise.all([
        this.#redis.llen(this.#keys.bull(queue, 'wait')),
        this.#redis.zcard(this.#keys.bull(queue, 'prioritized')),
        this.#redis.zcard(this.#keys.bull(queue, 'delayed')),
        isMemoryDue ? readInfo(this.#redis, 'memory') : undefined,
      ])
      look.depth = wait + prioritized + delayed
      look.at = Date.now()
      if (memory !== undefined) this.#memory = { at: Date.now(), isShort: memory.some(isShort) }
      return undefined
    } catch (error) {
      return new QueueUnavailableError(error)
    } finally {
      // What was added while Redis answered may be in its answer or not.
      look.added -= before
      look.looking = undefined
    }
  }
}

/** https://redis.io/docs/latest/commands/info/ : without a `maxmemory` there is nothing to be short of. */
function isShort(info: string): boolean {
  const value = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0)
  const most = value('maxmemory')
  return most > 0 && value('used_memory') > most * memoryShare
}
