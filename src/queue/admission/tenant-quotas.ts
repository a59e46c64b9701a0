import { type JobRef, parseJobId, ulidOf, ulidTime } from '../model/job-id.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const countRequest = loadScript('admission/count-request')
const reservePlace = loadScript('admission/reserve-place')

const windowMs = 60_000
/** The waiting jobs of a tenant expire when it submits nothing for so long. */
const expiryMs = 86_400_000
/** How many jobs of a tenant at its limit are checked whether they still wait, and how often at most. */
const maxChecked = 100
const checkEveryMs = 1000
/** The same for a flow, which needs many places at once. */
const maxCheckedForFlow = 1000
/** A job whose place is younger may not be stored yet. */
const unstoredMs = 60_000
const maxPlacesPerCall = 1000

/** How much of a quota is used, and in how many ms all of it is available again. */
export interface Usage {
  limit: number
  used: number
  resetMs: number
}

/**
 * How much tenants use of their quotas, counted in Redis for all API processes. A job takes a place in its tenant's quota of waiting jobs
 * from its submission until a worker starts it or a client cancels it. A place that outlives its job (after a crash or a deadline) is
 * found and freed when the tenant reaches its limit.
 */
export class TenantQuotas {
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #checkedAt = new Map<string, number>()

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
  }

  /** Counts a request against a limit per minute, also when the limit is exceeded. @throws QueueUnavailableError */
  async countRequest(tenant: string, limit: number): Promise<Usage> {
    const reply = await whenAvailable(countRequest(this.#redis, [this.#keys.requests(tenant)], [windowMs]))
    const [used, resetMs] = Array.isArray(reply) ? reply.map(Number) : []
    return { limit, used: used ?? 0, resetMs: resetMs ?? windowMs }
  }

  /** Reserves a place for a job that is about to be stored. @returns false when the tenant has `max` waiting jobs. @throws QueueUnavailableError */
  async reserve(tenant: string, ref: JobRef, max: number, now: number): Promise<boolean> {
    const attempt = async () => {
      const args = [ref.id, now, max, expiryMs, maxChecked]
      return whenAvailable(reservePlace(this.#redis, [this.#keys.waiting(tenant)], args))
    }
    const reply = await attempt()
    if (!Array.isArray(reply)) return true
    if (now - (this.#checkedAt.get(tenant) ?? 0) < checkEveryMs) return false
    this.#checkedAt.set(tenant, now)
    const hasRoom = await this.#freePlaces(tenant, reply.map(String), now)
    return hasRoom && !Array.isArray(await attempt())
  }

  /** Reserves places for many jobs, all or none. @returns false when there is no room. @throws QueueUnavailableError */
  async reserveAll(tenant: string, refs: JobRef[], max: number, now: number): Promise<boolean> {
    const key = this.#keys.waiting(tenant)
    // Not atomic: concurrent requests of a tenant may exceed the limit. The check for single jobs is exact.
    if ((await whenAvailable(this.#redis.zcard(key))) + refs.length > max) {
      const oldest = await whenAvailable(this.#redis.zrange(key, 0, `${Math.min(refs.length, maxCheckedForFlow) - 1}`))
      await this.#freePlaces(tenant, oldest, now)
      if ((await whenAvailable(this.#redis.zcard(key))) + refs.length > max) return false
    }
    for (let i = 0; i < refs.length; i += maxPlacesPerCall) {
      const entries = refs.slice(i, i + maxPlacesPerCall).flatMap(({ id }) => [now, id])
      await whenAvailable(this.#redis.zadd(key, ...entries))
    }
    await whenAvailable(this.#redis.pexpire(key, expiryMs))
    return true
  }

  /** Frees the place of a job that has left the queue, or was not stored; idempotent. */
  async leave(tenant: string, ref: JobRef): Promise<void> {
    await this.#redis.zrem(this.#keys.waiting(tenant), ref.id)
  }

  /** A job of this record has started. @returns undefined when it has no place. A place that is lost with the process is found when its tenant has none left */
  leaveStarted(ref: JobRef, record: unknown): Promise<void> | undefined {
    const { limited, tenant } = Object(record) as { limited?: unknown; tenant?: unknown }
    return limited === true && typeof tenant === 'string' ? this.leave(tenant, ref) : undefined
  }

  /** Frees the places of jobs that do not wait any more; the others are checked last the next time. */
  async #freePlaces(tenant: string, ids: string[], now: number): Promise<boolean> {
    const key = this.#keys.waiting(tenant)
    const waits = await whenAvailable(Promise.all(ids.map((id) => this.#isWaiting(id, now))))
    const [left, kept] = [ids.filter((_, n) => !waits[n]), ids.filter((_, n) => waits[n])]
    if (kept.length > 0) await whenAvailable(this.#redis.zadd(key, 'XX', ...kept.flatMap((id) => [now, id])))
    return left.length > 0 && (await whenAvailable(this.#redis.zrem(key, ...left))) > 0
  }

  async #isWaiting(id: string, now: number): Promise<boolean> {
    const ref = parseJobId(id)
    if (!ref) return false
    const [stored, started, finished] = await this.#redis.hmget(
      this.#keys.job(ref),
      'timestamp',
      'processedOn',
      'finishedOn',
    )
    // A place is reserved just before its job is stored.
    if (stored == null) return ulidOf(id) > ulidTime(now - unstoredMs)
    return started == null && finished == null
  }
}
