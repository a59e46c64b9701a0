import { monotonicMs } from '../model/monotonic.ts'
import { isCluster, type Redis, readInfo, whenAvailable } from '../redis/connection.ts'
import { loadScript } from '../redis/load-script.ts'

const nodeMemory = loadScript('admission/node-memory')

/**
 * Shares of `maxmemory`. Above `full` nothing is added: Redis would soon refuse to renew leases, too, and running jobs would run twice.
 * Above `high` results give way, down to `evicted`.
 */
export const memoryShares = { evicted: 0.59, high: 0.6, full: 0.7 } as const
/** A reading is used for so long; with little room left for a shorter time. */
const readingMs = { far: 1000, near: 100 }
/** Below this share of `maxmemory` the room counts as little. */
const nearShare = 0.3
/** When this share of `maxmemory` was added since the last reading, that is old: the results of jobs are not counted, and may be as large. */
const addedShare = 0.1

/** What Redis counts against its limit, in bytes; a limit of 0: there is none. */
export interface NodeMemory {
  used: number
  limit: number
  /** Whether a part of `used` is being freed. */
  isFreeing: boolean
}

/**
 * The memory of Redis: of the node of a cluster that has the least room below {@link memoryShares}. What this process adds between two
 * readings is counted; several processes together may exceed the limit by what they add in that time.
 */
export class RedisMemory {
  readonly #redis: Redis
  #readAt = Number.NEGATIVE_INFINITY
  #fullest: NodeMemory = none
  #added = 0
  #reading: Promise<void> | undefined

  constructor(redis: Redis) {
    this.#redis = redis
  }

  /** Takes room for so many bytes that are about to be stored. @returns false when there is not enough */
  take(bytes: number): boolean {
    if (this.#added + bytes > roomIn(this.#fullest)) return false
    this.#added += bytes
    return true
  }

  /** Gives back room that was taken and is not used. */
  giveBack(bytes: number): void {
    this.#added = Math.max(0, this.#added - bytes)
  }

  /** How many bytes were taken since the last reading. */
  get taken(): number {
    return this.#added
  }

  /** Of the node that is fullest, by the last reading. */
  get fullest(): NodeMemory {
    return this.#fullest
  }

  /** Reads the memory of Redis when the last reading is older than this, by default when it is too old to admit jobs by it. @throws when Redis does not answer */
  async refresh(maxAgeMs?: number): Promise<void> {
    const { limit } = this.#fullest
    const isNear = roomIn(this.#fullest) < limit * nearShare || (limit > 0 && this.#added > limit * addedShare)
    if (monotonicMs() - this.#readAt < (maxAgeMs ?? (isNear ? readingMs.near : readingMs.far))) return
    // One at a time: two would subtract the same bytes.
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #read(): Promise<void> {
    const before = this.#added
    const nodes = (await readInfo(this.#redis, 'memory')).map(memoryOf)
    this.#fullest = nodes.reduce((least, node) => (roomIn(node) < roomIn(least) ? node : least), none)
    // Without a limit the first node stands for all.
    if (this.#fullest.limit === 0) this.#fullest = nodes[0] ?? this.#fullest
    this.#readAt = monotonicMs()
    // What was added while Redis answered may be in its reply or not: it stays counted.
    this.#added = Math.max(0, this.#added - before)
  }

  /** Reads the memory of the node that holds a key. @throws QueueUnavailableError */
  async ofNode(key: string): Promise<NodeMemory> {
    if (!isCluster(this.#redis)) {
      await whenAvailable(this.refresh(0))
      return this.#fullest
    }
    return memoryOf(String(await whenAvailable(nodeMemory(this.#redis, [key], []))))
  }
}

const none: NodeMemory = { used: 0, limit: 0, isFreeing: false }

/** In bytes. */
const roomIn = ({ used, limit }: NodeMemory): number =>
  limit > 0 ? limit * memoryShares.full - used : Number.POSITIVE_INFINITY

/** By how many bytes a node is above a share of its limit; 0: it is not. */
export const bytesAbove = ({ used, limit }: NodeMemory, share: number): number =>
  limit > 0 ? Math.max(0, used - limit * share) : 0

/** https://redis.io/docs/latest/commands/info/ */
function memoryOf(info: string): NodeMemory {
  const value = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0)
  // As Redis compares it with its limit: buffers of its append-only file and of replicas are not counted.
  return {
    used: value('used_memory') - value('mem_not_counted_for_evict'),
    limit: value('maxmemory'),
    isFreeing: value('lazyfree_pending_objects') > 0,
  }
}
