import { anonymousTenant } from '../model/job-record.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import { incarnationOf } from '../redis/incarnation.ts'
import type { Keys } from '../redis/keys.ts'

/** How many waiting jobs each tenant with a limit may have. The API, which has the keys file, writes it; all processes read it. */
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
  async write(limits: ReadonlyMap<string, number>): Promise<void> {
    const key = this.#keys.tenantLimits
    const written = await whenAvailable(this.#redis.hgetall(key))
    const gone = Object.keys(written).filter((tenant) => !limits.has(tenant))
    const changed = [...limits].filter(([tenant, limit]) => written[tenant] !== String(limit))
    if (changed.length > 0) await whenAvailable(this.#redis.hset(key, Object.fromEntries(changed)))
    if (gone.length > 0) await whenAvailable(this.#redis.hdel(key, ...gone))
  }

  /** Undefined: the tenant has no limit. @throws QueueUnavailableError */
  async of(tenant: string): Promise<number | undefined> {
    if (tenant === anonymousTenant) return undefined
    const limit = await whenAvailable(this.#redis.hget(this.#keys.tenantLimits, tenant))
    return limit === null || limit === undefined ? undefined : Number(limit)
  }

  /** All limits, by tenant. @throws QueueUnavailableError */
  async all(): Promise<Map<string, number>> {
    const written = await whenAvailable(this.#redis.hgetall(this.#keys.tenantLimits))
    return new Map(Object.entries(written).map(([tenant, limit]) => [tenant, Number(limit)]))
  }
}
