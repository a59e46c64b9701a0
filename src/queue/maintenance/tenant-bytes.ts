import type { EvictionSource } from '../model/eviction.ts'
import { monotonicMs } from '../model/monotonic.ts'
import { redisNow } from '../model/redis-time.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { measureBytes } from './measure-bytes.ts'
import { type EvictionStep, OldestFirst } from './oldest-first.ts'

/** A measurement is used for so long; where a tenant would be refused by it, for a shorter time. */
const measuredMs = { max: 5000, min: 500 }
const stepMax = { jobs: 25, bytes: 8 * 1024 * 1024 }

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
  #measured: Promise<Map<string, number>> | undefined
  #measuredAt = Number.NEGATIVE_INFINITY

  constructor(options: Options) {
    this.#options = options
  }

  /** Takes so many bytes of a tenant's quota. Results of the tenant itself give way first. @returns false when there is no room. @throws QueueUnavailableError */
  async take(tenant: string, max: number, bytes: number): Promise<boolean> {
    if (bytes > max) return false
    const stored = await this.#current(measuredMs.max)
    if (this.#takeFrom(stored, tenant, max, bytes)) return true
    const now = await this.#current(measuredMs.min)
    const excess = () => (now.get(tenant) ?? 0) + bytes - max
    const reader = new OldestFirst(this.#options.sources, {
      tenant,
      endedBefore: redisNow() - this.#options.resultMinMs,
    })
    while (excess() > 0) {
      const step = await reader.step({ ...stepMax, bytes: Math.min(stepMax.bytes, excess()) })
      if (!step) return false
      now.set(tenant, Math.max(0, (now.get(tenant) ?? 0) - step.bytes))
      this.#options.onEvicted(step)
    }
    return this.#takeFrom(now, tenant, max, bytes)
  }

  #takeFrom(stored: Map<string, number>, tenant: string, max: number, bytes: number): boolean {
    const used = stored.get(tenant) ?? 0
    if (used + bytes > max) return false
    stored.set(tenant, used + bytes)
    return true
  }

  #current(maxAgeMs: number): Promise<Map<string, number>> {
    if (this.#measured && monotonicMs() - this.#measuredAt < maxAgeMs) return this.#measured
    const measured = measureBytes(this.#options, this.#options.queues, redisNow()).then(({ byTenant }) => byTenant)
    this.#measured = measured
    this.#measuredAt = monotonicMs()
    measured.catch(() => {
      if (this.#measured === measured) this.#measured = undefined
    })
    return measured
  }
}
