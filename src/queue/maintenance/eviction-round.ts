import type { EvictionSource } from '../model/eviction.ts'
import { monotonicMs } from '../model/monotonic.ts'
import { redisNow } from '../model/redis-time.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { measureBytes, type StoredBytes } from './measure-bytes.ts'
import { type EvictionStep, freshMs } from './oldest-first.ts'
import type { TenantReaders } from './tenant-readers.ts'

/** For so long the jobs of one tenant are looked for in one step: those of another one are found meanwhile. */
const tenantMs = 100
/** A measurement is used for so long, and as long as its tenant has most by it, but for a tenth: so two that have about as much do not alternate. */
const measuredMs = 10_000
const switchShare = 0.9

interface RoundOptions {
  redis: Redis
  keys: Keys
  queues: readonly string[]
  resultMinMs: number
  readers: TenantReaders
}

/** A measurement, and how far the jobs of each tenant have been evicted since it was taken. */
export class EvictionRound {
  readonly stored: StoredBytes
  /** About the bytes that each tenant has left. */
  readonly #left: Map<string, number>
  /** Tenants of which no job was found that can be evicted now. */
  readonly #exhausted = new Set<string>()
  readonly #withoutEnded: ReadonlySet<string>
  readonly #readers: TenantReaders
  readonly #begunAt = monotonicMs()
  #tenant: string | undefined
  #evictedBytes = 0
  #lookedAt = monotonicMs()

  private constructor(stored: StoredBytes, readers: TenantReaders) {
    this.stored = stored
    this.#left = new Map(stored.byTenant)
    this.#withoutEnded = new Set(stored.byTenant.keys()).difference(stored.withEnded)
    this.#readers = readers
  }

  /** @throws QueueUnavailableError */
  static async begin(options: RoundOptions): Promise<EvictionRound> {
    const { resultMinMs, queues, readers } = options
    return new EvictionRound(await measureBytes(options, queues, redisNow() - resultMinMs), readers)
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
    const most = this.#left.get(largest(this.#left, this.#exhausted.union(this.#withoutEnded)) ?? '') ?? 0
    return (this.#left.get(tenant) ?? 0) >= most * switchShare
  }

  /**
   * Evicts some jobs of the tenant that has most bytes.
   *
   * @param until monotonic ms
   * @returns undefined when no tenant has any; a step of no jobs when none was found yet
   * @throws QueueUnavailableError
   */
  async step(
    sources: EvictionSource[],
    max: { jobs: number; bytes: number },
    until: number,
  ): Promise<EvictionStep | undefined> {
    if (monotonicMs() - this.#lookedAt >= freshMs) this.#exhausted.clear()
    let unfinished: EvictionStep | undefined
    for (;;) {
      const tenant = this.#current()
      if (tenant === undefined) return unfinished
      const step = await this.#readers.of(tenant, sources).step(max, Math.min(until, monotonicMs() + tenantMs))
      if (step && step.tried > 0) {
        this.#tenant = tenant
        this.#evictedBytes += step.bytes
        this.#left.set(tenant, Math.max(0, (this.#left.get(tenant) ?? 0) - step.bytes))
        return step
      }
      this.#exhausted.add(tenant)
      this.#lookedAt = monotonicMs()
      unfinished ??= step
      if (monotonicMs() >= until) return { kind: 'succeeded', tried: 0, removed: 0, bytes: 0 }
    }
  }

  /** Tenants without ended jobs come last: to look for some takes {@link tenantMs} for each. */
  #current(): string | undefined {
    const tenant = this.#tenant
    if (tenant !== undefined && !this.#exhausted.has(tenant) && this.#hasMost(tenant)) return tenant
    return largest(this.#left, this.#exhausted.union(this.#withoutEnded)) ?? largest(this.#left, this.#exhausted)
  }
}

/** The tenant that has most, but for some. */
function largest(bytes: ReadonlyMap<string, number>, except: ReadonlySet<string> = new Set()): string | undefined {
  let found: { tenant: string; bytes: number } | undefined
  for (const [tenant, its] of bytes)
    if (!except.has(tenant) && (!found || its > found.bytes)) found = { tenant, bytes: its }
  return found?.tenant
}
