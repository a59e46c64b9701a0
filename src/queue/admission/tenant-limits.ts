import { anonymousTenant } from '../model/job-record.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import { incarnationOf } from '../redis/incarnation.ts'
import type { Keys } from '../redis/keys.ts'

/** What a tenant may have: waiting jobs, and stored bytes. Undefined: as many as it likes. */
export interface TenantLimit {
  jobs: number | undefined
  bytes: number | undefined
}

/** Limits of tenants, by tenant. */
export interface WrittenLimits {
  jobs: ReadonlyMap<string, number>
  bytes: ReadonlyMap<string, number>
}

/** The limits of tenants. The API, which has the keys file, writes them; all processes read them. */
export class TenantLimits {
  readonly #redis: Redis
  readonly #keys: Keys

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
  }

  /** Another one: the limits may have to be written again. */
  get incarnation(): number {
    return incarnationOf(this.#redis)
  }

  /** Replaces all limits. @throws QueueUnavailableError */
  async write({ jobs, bytes }: WrittenLimits): Promise<void> {
    await this.#write(this.#keys.tenantLimits, jobs)
    await this.#write(this.#keys.tenantByteLimits, bytes)
  }

  async #write(key: string, limits: ReadonlyMap<string, number>): Promise<void> {
    const written = await whenAvailable(this.#redis.hgetall(key))
    const gone = Object.keys(written).filter((tenant) => !limits.has(tenant))
    const changed = [...limits].filter(([tenant, limit]) => written[tenant] !== String(limit))
    if (changed.length > 0) await whenAvailable(this.#redis.hset(key, Object.fromEntries(changed)))
    if (gone.length > 0) await whenAvailable(this.#redis.hdel(key, ...gone))
  }

  /** @throws QueueUnavailableError */
  async of(tenant: string): Promise<TenantLimit> {
    if (tenant === anonymousTenant) return { jobs: undefined, bytes: undefined }
    const keys = [this.#keys.tenantLimits, this.#keys.tenantByteLimits]
    const read = await whenAvailable(Promise.all(keys.map((key) => this.#redis.hget(key, tenant))))
    const [jobs, bytes] = read.map((limit) => (limit === null || limit === undefined ? undefined : Number(limit)))
    return { jobs, bytes }
  }

  /** All limits of waiting jobs, by tenant. @throws QueueUnavailableError */
  async all(): Promise<Map<string, number>> {
    const written = await whenAvailable(this.#redis.hgetall(this.#keys.tenantLimits))
    return new Map(Object.entries(written).map(([tenant, limit]) => [tenant, Number(limit)]))
  }
}
