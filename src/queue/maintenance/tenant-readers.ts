import type { EvictionSource } from '../model/eviction.ts'
import { redisNow } from '../model/redis-time.ts'
import { OldestFirst } from './oldest-first.ts'

const maxReaders = 1000

/** What is known of where the ended jobs of tenants are, also that there are none: it outlives a round of evictions. */
export class TenantReaders {
  readonly #resultMinMs: number
  readonly #readers = new Map<string, OldestFirst>()

  constructor(resultMinMs: number) {
    this.#resultMinMs = resultMinMs
  }

  of(tenant: string, sources: readonly EvictionSource[]): OldestFirst {
    const name = [tenant, ...sources.map(({ key }) => key)].join(' ')
    const known = this.#readers.get(name)
    if (known) return known
    if (this.#readers.size >= maxReaders) this.#readers.clear()
    const reader = new OldestFirst(sources, { tenant, endedBefore: () => redisNow() - this.#resultMinMs })
    this.#readers.set(name, reader)
    return reader
  }
}
