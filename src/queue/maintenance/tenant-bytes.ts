import type { EvictionSource } from '../model/eviction.ts'
import { monotonicMs } from '../model/monotonic.ts'
import { redisNow } from '../model/redis-time.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { measureBytes } from './measure-bytes.ts'
import type { EvictionStep } from './oldest-first.ts'
import { TenantReaders } from './tenant-readers.ts'

/** A measurement older than `old` is renewed meanwhile, one older than `max` before it is used; where a tenant would be refused by it, one older than `min`. */
const measuredMs = { min: 500, old: 5000, max: 10_000 }
const stepMax = { jobs: 25, bytes: 8 * 1024 * 1024 }
/** Results give way down to this share of a quota, so that not each submission has to wait for it. */
const evictedShare = 0.95
/** For so long a submission waits, and for so long nothing is looked for where nothing could give way. */
const [withinMs, nothingMs] = [3000, 500]

function add(bytesOf: Map<string, number>, tenant: string, bytes: number): void {
  bytesOf.set(tenant, (bytesOf.get(tenant) ?? 0) + bytes)
}

interface Options {
  redis: Redis
  keys: Keys
  queues: readonly string[]
  sources: readonly EvictionSource[]
  resultMinMs: number
  onEvicted: (step: EvictionStep) => void
}

/** The bytes that tenants with a quota store: as they were measured last, and what this process has admitted since. */
export class TenantBytes {
  readonly #options: Options
  readonly #readers: TenantReaders
  #stored: Map<string, number> | undefined
  #withOpen: ReadonlySet<string> | undefined
  #measuredAt = Number.NEGATIVE_INFINITY
  #measuring: Promise<void> | undefined
  /** What was taken during a measurement, which may have it or not: it stays counted. */
  #during = new Map<string, number>()
  /** What was taken before the one under way began, and the last one may not have: as much can be given back. */
  #before = new Map<string, number>()
  readonly #evicting = new Map<string, Promise<void>>()
  readonly #nothingAt = new Map<string, number>()

  constructor(options: Options) {
    this.#options = options
    this.#readers = new TenantReaders(options.resultMinMs)
  }

  /** Takes so many bytes of a tenant's quota. Results of the tenant itself give way first. @returns false when there is no room. @throws QueueUnavailableError */
  async take(tenant: string, max: number, bytes: number): Promise<boolean> {
    if (bytes > max) return false
    await this.#measure(measuredMs.max)
    const until = monotonicMs() + withinMs
    // Others that wait for the same eviction may take what it freed.
    while (!this.#takeFrom(tenant, max, bytes)) {
      const isNothing = monotonicMs() - (this.#nothingAt.get(tenant) ?? Number.NEGATIVE_INFINITY) < nothingMs
      if (isNothing || monotonicMs() >= until) return false
      await this.#evictOnce(tenant, max, bytes, until)
    }
    return true
  }

  /** How many more bytes a tenant may take before results give way. @throws QueueUnavailableError */
  async room(tenant: string, max: number): Promise<number> {
    await this.#measure(measuredMs.min)
    return Math.max(0, max - this.#used(tenant))
  }

  /** Whether a tenant had jobs that wait in a queue or run when that was measured last. */
  hasOpen(tenant: string): boolean {
    return this.#withOpen?.has(tenant) ?? true
  }

  /**
   * Gives back what was taken and is not stored. A measurement since then does not have it: what that found stays. During a measurement it counts
   * as taken before that, as far as so much was: else the tenant would have room twice.
   */
  giveBack(tenant: string, bytes: number): void {
    const before = Math.min(bytes, this.#before.get(tenant) ?? 0)
    const during = Math.min(bytes - before, this.#during.get(tenant) ?? 0)
    add(this.#before, tenant, -before)
    add(this.#during, tenant, -during)
    this.#stored?.set(tenant, Math.max(0, this.#used(tenant) - before - during))
  }

  /** One eviction at a time for each tenant. */
  #evictOnce(tenant: string, max: number, bytes: number, until: number): Promise<void> {
    const known = this.#evicting.get(tenant)
    if (known) return known
    const evicting = this.#evict(tenant, max, bytes, until).finally(() => this.#evicting.delete(tenant))
    this.#evicting.set(tenant, evicting)
    return evicting
  }

  async #evict(tenant: string, max: number, bytes: number, until: number): Promise<void> {
    await this.#measure(measuredMs.min)
    if (this.#used(tenant) + bytes <= max) return
    const reader = this.#readers.of(tenant, this.#options.sources)
    const excess = () => this.#used(tenant) + bytes - Math.max(max * evictedShare, bytes)
    while (excess() > 0 && monotonicMs() < until) {
      const step = await reader.step({ ...stepMax, bytes: Math.min(stepMax.bytes, excess()) }, until)
      if (!step) break
      this.#stored?.set(tenant, Math.max(0, this.#used(tenant) - step.bytes))
      this.#options.onEvicted(step)
    }
    if (this.#used(tenant) + bytes > max) this.#nothingAt.set(tenant, monotonicMs())
    else this.#nothingAt.delete(tenant)
  }

  #used(tenant: string): number {
    return this.#stored?.get(tenant) ?? 0
  }

  #takeFrom(tenant: string, max: number, bytes: number): boolean {
    if (this.#used(tenant) + bytes > max) return false
    this.#stored?.set(tenant, this.#used(tenant) + bytes)
    add(this.#measuring ? this.#during : this.#before, tenant, bytes)
    return true
  }

  /** Measures where the last measurement is older. @throws QueueUnavailableError */
  async #measure(maxAgeMs: number): Promise<void> {
    const ageMs = monotonicMs() - this.#measuredAt
    if (ageMs < Math.min(maxAgeMs, measuredMs.old)) return
    this.#measuring ??= this.#readAll().finally(() => {
      this.#measuring = undefined
    })
    if (ageMs >= maxAgeMs) return this.#measuring
    // Another one is tried with the next submission, or waited for.
    this.#measuring.catch(() => {})
  }

  async #readAll(): Promise<void> {
    const begunAt = monotonicMs()
    // Of a measurement that failed.
    for (const [tenant, bytes] of this.#during) add(this.#before, tenant, bytes)
    this.#during = new Map()
    const { byTenant, withOpen } = await measureBytes(this.#options, this.#options.queues, redisNow())
    for (const [tenant, bytes] of this.#during) add(byTenant, tenant, bytes)
    this.#stored = byTenant
    this.#withOpen = withOpen
    this.#before = this.#during
    this.#during = new Map()
    this.#measuredAt = begunAt
  }
}
