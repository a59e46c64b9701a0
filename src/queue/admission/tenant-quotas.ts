import { type JobRef, parseJobId, ulidOf, ulidTime } from '../model/job-id.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const countRequest = loadScript('admission/count-request')
const reservePlace = loadScript('admission/reserve-place')

const windowMs = 60_000
/** A tenant that submits nothing for so long has no count any more. */
const forgottenMs = 86_400_000
/** How many jobs of a full tenant are looked at, at most once a second, whether they still wait. */
const lookedAt = 100
const lookEveryMs = 1000
const unstoredMs = 60_000
const placesAtOnce = 1000
const mostLookedAt = 1000

/** How much of a quota is used: `resetMs` until all of it is there again. */
export interface Usage {
  limit: number
  used: number
  resetMs: number
}

/**
 * What tenants use of their quotas, counted in Redis for all API processes together. A job has its place from its submission
 * until a worker starts it or a client cancels it. A place that outlives its job (a crash, a deadline) is found and given
 * up as soon as the tenant has no place left.
 */
export class TenantQuotas {
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #lastLook = new Map<string, number>()

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
  }

  /** Counts one request against `limit` a minute, also one beyond it. @throws QueueUnavailableError */
  async countRequest(tenant: string, limit: number): Promise<Usage> {
    const reply = await whenAvailable(countRequest(this.#redis, [this.#keys.requests(tenant)], [windowMs]))
    const [used, resetMs] = Array.isArray(reply) ? reply.map(Number) : []
    return { limit, used: used ?? 0, resetMs: resetMs ?? windowMs }
  }

  /** Gives a job that is about to be stored its place among `most`. @returns false when there is none. @throws QueueUnavailableError */
  async reserve(tenant: string, ref: JobRef, most: number, now: number): Promise<boolean> {
    const attempt = async () => {
      const args = [ref.id, now, most, forgottenMs, lookedAt]
      return whenAvailable(reservePlace(this.#redis, [this.#keys.waiting(tenant)], args))
    }
    const reply = await attempt()
    if (!Array.isArray(reply)) return true
    if (now - (this.#lastLook.get(tenant) ?? 0) < lookEveryMs) return false
    this.#lastLook.set(tenant, now)
    const hasRoom = await this.#giveUp(tenant, reply.map(String), now)
    return hasRoom && !Array.isArray(await attempt())
  }

  /** Gives many jobs their places, all or none. @throws QueueUnavailableError */
  async reserveAll(tenant: string, refs: JobRef[], most: number, now: number): Promise<boolean> {
    const key = this.#keys.waiting(tenant)
    // No more than a look before: tenants are held to their places by each job, and here several requests may cross.
    if ((await whenAvailable(this.#redis.zcard(key))) + refs.length > most) {
      const oldest = await whenAvailable(this.#redis.zrange(key, 0, `${Math.min(refs.length, mostLookedAt) - 1}`))
      await this.#giveUp(tenant, oldest, now)
      if ((await whenAvailable(this.#redis.zcard(key))) + refs.length > most) return false
    }
    for (let i = 0; i < refs.length; i += placesAtOnce) {
      const entries = refs.slice(i, i + placesAtOnce).flatMap(({ id }) => [now, id])
      await whenAvailable(this.#redis.zadd(key, ...entries))
    }
    await whenAvailable(this.#redis.pexpire(key, forgottenMs))
    return true
  }

  /** A job has left the queue, or never came to be there. Harmless when repeated. */
  async leave(tenant: string, ref: JobRef): Promise<void> {
    await this.#redis.zrem(this.#keys.waiting(tenant), ref.id)
  }

  /** Gives up the places of those that do not wait any more; the others are looked at last the next time. */
  async #giveUp(tenant: string, ids: string[], now: number): Promise<boolean> {
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
    // A place is taken just before its job is stored.
    if (stored == null) return ulidOf(id) > ulidTime(now - unstoredMs)
    return started == null && finished == null
  }
}
