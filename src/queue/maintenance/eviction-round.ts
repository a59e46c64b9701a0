import type { EvictionSource } from '../model/eviction.ts'
import { monotonicMs } from '../model/monotonic.ts'
import { redisNow } from '../model/redis-time.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { measureBytes, type StoredBytes } from './measure-bytes.ts'
import { type EvictionStep, OldestFirst } from './oldest-first.ts'

/** For so long no look from the beginning is needed: few jobs become old enough meanwhile. */
const freshMs = 100
/** A measurement is used for so long, and as long as its tenant has most by it, but for a tenth: so two that have about as much do not alternate. */
const measuredMs = 10_000
const switchShare = 0.9

interface RoundOptions {
  redis: Redis
  keys: Keys
  queues: readonly string[]
  resultMinMs: number
}

/** A measurement, and how far the jobs of each tenant have been evicted since it was taken. */
export class EvictionRound {
  readonly stored: StoredBytes
  readonly #resultMinMs: number
  /** About the bytes that each tenant has left. */
  readonly #left: Map<string, number>
  /** Tenants of which no job can be evicted now. */
  readonly #exhausted = new Set<string>()
  readonly #readers = new Map<string, OldestFirst>()
  readonly #begunAt = monotonicMs()
  #tenant: string | undefined
  #evictedBytes = 0
  #endedBefore = 0
  #lookedAt = 0

  private constructor(stored: StoredBytes, resultMinMs: number) {
    this.stored = stored
    this.#left = new Map(stored.byTenant)
    this.#resultMinMs = resultMinMs
    this.#lookAgain()
  }

  /** @throws QueueUnavailableError */
  static async begin(options: RoundOptions): Promise<EvictionRound> {
    const { resultMinMs, queues } = options
    return new EvictionRound(await measureBytes(options, queues, redisNow() - resultMinMs), resultMinMs)
  }

  /**
   * Whether a new measurement is needed. What tenants have submitted since this one is not in it: the tenant that has most is not left for another one
   * by what was evicted alone.
   */
  get isOver(): boolean {
    if (this.ageMs > measuredMs) return true
    return this.#tenant !== undefined && !this.#exhausted.has(this.#tenant) && !this.#hasMost(this.#tenant)
  }

  /** About how many bytes were evicted since it was measured. */
  get evictedBytes(): number {
    return this.#evictedBytes
  }

  get ageMs(): number {
    return monotonicMs() - this.#begunAt
  }

  #hasMost(tenant: string): boolean {
    const most = this.#left.get(largest(this.#left, this.#exhausted) ?? '') ?? 0
    return (this.#left.get(tenant) ?? 0) >= most * switchShare
  }

  /** Evicts some jobs of the tenant that has most bytes. @returns undefined when no tenant has any. @throws QueueUnavailableError */
  async step(sources: EvictionSource[], max: { jobs: number; bytes: number }): Promise<EvictionStep | undefined> {
    // A look from the beginning may take longer than it is fresh: once in a step is enough.
    let isLookedAgain = false
    const isFresh = () => isLookedAgain || monotonicMs() - this.#lookedAt < freshMs
    for (;;) {
      const tenant = this.#current()
      if (tenant === undefined && isFresh()) return undefined
      const step = tenant === undefined ? undefined : await this.#readerOf(tenant, sources).step(max, isFresh)
      if (tenant !== undefined && step) {
        this.#tenant = tenant
        this.#evictedBytes += step.bytes
        this.#left.set(tenant, Math.max(0, (this.#left.get(tenant) ?? 0) - step.bytes))
        return step
      }
      if (tenant !== undefined && isFresh()) this.#exhausted.add(tenant)
      else {
        this.#lookAgain()
        isLookedAgain = true
      }
    }
  }

  #current(): string | undefined {
    const tenant = this.#tenant
    if (tenant !== undefined && !this.#exhausted.has(tenant) && this.#hasMost(tenant)) return tenant
    return largest(this.#left, this.#exhausted)
  }

  #lookAgain(): void {
    this.#endedBefore = redisNow() - this.#resultMinMs
    this.#lookedAt = monotonicMs()
    this.#readers.clear()
    this.#exhausted.clear()
  }

  #readerOf(tenant: string, sources: EvictionSource[]): OldestFirst {
    const name = [tenant, ...sources.map(({ key }) => key)].join(' ')
    const known = this.#readers.get(name)
    if (known) return known
    const reader = new OldestFirst(sources, { tenant, endedBefore: this.#endedBefore })
    this.#readers.set(name, reader)
    return reader
  }
}

/** The tenant that has most, but for some. */
function largest(bytes: ReadonlyMap<string, number>, except: ReadonlySet<string> = new Set()): string | undefined {
  let found: { tenant: string; bytes: number } | undefined
  for (const [tenant, its] of bytes)
    if (!except.has(tenant) && (!found || its > found.bytes)) found = { tenant, bytes: its }
  return found?.tenant
}
