import { type Redis, readInfo } from '../redis/connection.ts'

/** Above this share of `maxmemory` nothing is added: Redis would soon refuse to renew leases, too, and running jobs would run twice. */
const memoryShare = 0.7
/** A reading is used for so long; with little room left for a shorter time. */
const readingMs = { far: 1000, near: 100 }
/** Below this share of `maxmemory` the room counts as little. */
const nearShare = 0.3

/**
 * The room below 70 % of Redis's memory limit: of the node of a cluster that has the least. What this process adds between two readings
 * is counted; several processes together may exceed the limit by what they add in that time.
 */
export class RedisMemory {
  readonly #redis: Redis
  #readAt = -Infinity
  /** In bytes; without `maxmemory` there is no limit. */
  #room = Number.POSITIVE_INFINITY
  #added = 0
  #isNear = false

  constructor(redis: Redis) {
    this.#redis = redis
  }

  /** Takes room for so many bytes that are about to be stored. @returns false when there is not enough */
  take(bytes: number): boolean {
    if (this.#added + bytes > this.#room) return false
    this.#added += bytes
    return true
  }

  /** Gives back room that was taken and is not used. */
  giveBack(bytes: number): void {
    this.#added = Math.max(0, this.#added - bytes)
  }

  /** Reads the memory of Redis when the last reading is too old. @throws when Redis does not answer */
  async refresh(): Promise<void> {
    if (performance.now() - this.#readAt < (this.#isNear ? readingMs.near : readingMs.far)) return
    const before = this.#added
    const infos = await readInfo(this.#redis, 'memory')
    const rooms = infos.map(roomOf)
    this.#room = Math.min(Number.POSITIVE_INFINITY, ...rooms.map(({ room }) => room))
    this.#isNear = rooms.some(({ room, limit }) => room < limit * nearShare)
    this.#readAt = performance.now()
    // What was added while Redis answered may be in its reply or not: it stays counted.
    this.#added -= before
  }
}

/** https://redis.io/docs/latest/commands/info/ */
function roomOf(info: string): { room: number; limit: number } {
  const value = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0)
  const limit = value('maxmemory')
  return { room: limit > 0 ? limit * memoryShare - value('used_memory') : Number.POSITIVE_INFINITY, limit }
}
