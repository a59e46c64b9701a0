import { type JobRef, parseJobId } from '../model/job-id.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const countRequest = loadScript('admission/count-request')
const reservePlaces = loadScript('admission/reserve-places')

const windowMs = 60_000
/** The waiting jobs of a tenant expire when it submits nothing for so long. */
const expiryMs = 86_400_000
/** How many jobs of a tenant at its limit are checked whether they still wait, and how often at most. */
const checked = { min: 100, max: 1000 }
const checkEveryMs = 1000
/** A job whose place is younger may not be stored yet; one that had ended may not be open again yet. */
const unstoredMs = 60_000
const endedMs = 5000
/** Among more waiting jobs some are taken to be free to start. */
const maxExamined = 20_000

/** How much of a quota is used, in how many ms all of it is available again, and whether the request was within it. */
export interface Usage {
  used: number
  resetMs: number
  isWithin: boolean
}

/** A job with a place, and when that was last checked, in epoch ms. */
interface Place {
  id: string
  checkedAt: number
}

/**
 * How much tenants use of their quotas, counted in Redis for all processes. A job takes a place in its tenant's quota of waiting jobs
 * before it is stored; it gives the place back when a worker starts it, or when it ends unstarted. A place that outlives its job (after
 * a crash) is found and freed when the tenant reaches its limit, and by quota-recount.ts.
 */
export class TenantQuotas {
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #checkedAt = new Map<string, number>()

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
  }

  /**
   * Counts a request against a limit per minute, also when the limit is exceeded; but not one that counts as several and would exceed it.
   *
   * @throws QueueUnavailableError
   */
  async countRequest(tenant: string, limit: number, cost = 1): Promise<Usage> {
    const args = [windowMs, limit, cost]
    const reply = await whenAvailable(countRequest(this.#redis, [this.#keys.requests(tenant)], args))
    const [used = 0, resetMs = windowMs, counted = 1] = Array.isArray(reply) ? reply.map(Number) : []
    return { used, resetMs, isWithin: counted === 1 && used <= limit }
  }

  /**
   * Reserves places for jobs that are about to be stored, all or none, at one moment. A job that has a place needs no other.
   *
   * @returns false when the tenant would have more than `max` waiting jobs. @throws QueueUnavailableError
   */
  async reserve(tenant: string, ids: string[], max: number): Promise<boolean> {
    const toCheck = Math.min(Math.max(ids.length, checked.min), checked.max)
    const attempt = async (): Promise<Full | undefined> => {
      const args = [max, expiryMs, toCheck, ...ids]
      return readFull(await whenAvailable(reservePlaces(this.#redis, [this.#keys.waiting(tenant)], args)))
    }
    const full = await attempt()
    if (!full) return true
    if (performance.now() - (this.#checkedAt.get(tenant) ?? -Infinity) < checkEveryMs) return false
    this.#checkedAt.set(tenant, performance.now())
    return (await this.#freePlaces(tenant, full)) > 0 && (await attempt()) === undefined
  }

  /** How many waiting jobs a tenant has. @throws QueueUnavailableError */
  async taken(tenant: string): Promise<number> {
    return whenAvailable(this.#redis.zcard(this.#keys.waiting(tenant)))
  }

  /** Whether all waiting jobs of a tenant wait for other jobs of their flows: then none of them starts by itself. @throws QueueUnavailableError */
  async areAllBlocked(tenant: string): Promise<boolean> {
    const ids = await whenAvailable(this.#redis.zrange(this.#keys.waiting(tenant), 0, `${maxExamined - 1}`))
    if (ids.length === 0 || ids.length === maxExamined) return false
    const refs = ids.map(parseJobId)
    const blocked = await whenAvailable(
      Promise.all(refs.map(async (ref) => (ref ? this.#redis.hexists(this.#keys.job(ref), 'blocked') : 0))),
    )
    return blocked.every((is) => is === 1)
  }

  /** Frees the places of jobs that have left the queue, or were not stored; idempotent. */
  async leave(tenant: string, ids: string[]): Promise<void> {
    if (ids.length > 0) await whenAvailable(this.#redis.zrem(this.#keys.waiting(tenant), ...ids))
  }

  /** A job of this record has started. @returns undefined when it has no place. A place that is lost with the process is found later */
  leaveStarted(ref: JobRef, record: unknown): Promise<void> | undefined {
    const { limited, tenant } = Object(record) as { limited?: unknown; tenant?: unknown }
    return limited === true && typeof tenant === 'string' ? this.leave(tenant, [ref.id]) : undefined
  }

  /** Frees the places of those jobs that do not wait: whatever else happens to them, a waiting job keeps its place. */
  async leaveUnlessWaiting(tenant: string, ids: string[]): Promise<void> {
    const states = await whenAvailable(Promise.all(ids.map((id) => this.#stateOf(id))))
    await this.leave(
      tenant,
      ids.filter((_, n) => states[n] !== 'waits'),
    )
  }

  /** Frees the places of jobs that do not wait any more, of those that were checked longest ago. @throws QueueUnavailableError */
  async recheck(tenant: string): Promise<void> {
    const key = this.#keys.waiting(tenant)
    const [[seconds], oldest] = await whenAvailable(
      Promise.all([this.#redis.time(), this.#redis.zrange(key, 0, `${checked.min - 1}`, 'WITHSCORES')]),
    )
    if (oldest.length === 0) return
    await this.#freePlaces(tenant, { now: Number(seconds) * 1000, places: toPlaces(oldest) })
    await whenAvailable(this.#redis.pexpire(key, expiryMs))
  }

  /** Gives places to waiting jobs that may have none, whatever the limit is: they wait already. @throws QueueUnavailableError */
  async restore(tenant: string, ids: string[]): Promise<void> {
    if (ids.length === 0) return
    const [seconds] = await whenAvailable(this.#redis.time())
    const entries = ids.flatMap((id) => [Number(seconds) * 1000, id])
    await whenAvailable(this.#redis.zadd(this.#keys.waiting(tenant), 'NX', ...entries))
  }

  /** Frees the places of jobs that do not wait any more; the others are checked last the next time. @returns how many were freed */
  async #freePlaces(tenant: string, { now, places }: Full): Promise<number> {
    const key = this.#keys.waiting(tenant)
    const states = await whenAvailable(Promise.all(places.map(({ id }) => this.#stateOf(id))))
    const left: string[] = []
    const kept: (number | string)[] = []
    for (const [n, { id, checkedAt }] of places.entries()) {
      if (states[n] === 'waits') kept.push(now, id)
      // A place is reserved just before its job is stored, or is retried.
      else if (now - checkedAt > (states[n] === 'left' ? endedMs : unstoredMs)) left.push(id)
    }
    if (kept.length > 0) await whenAvailable(this.#redis.zadd(key, 'XX', ...kept))
    return left.length > 0 ? whenAvailable(this.#redis.zrem(key, ...left)) : 0
  }

  /** Whether a job waits: it has neither started in its present run nor ended. */
  async #stateOf(id: string): Promise<'waits' | 'left' | 'missing'> {
    const ref = parseJobId(id)
    if (!ref) return 'left'
    const fields = ['timestamp', 'processedOn', 'finishedOn']
    const [stored, started, finished] = await this.#redis.hmget(this.#keys.job(ref), ...fields)
    if (stored == null) return 'missing'
    return started == null && finished == null ? 'waits' : 'left'
  }
}

/** The reply when there is no room: Redis's clock, and the places that were checked longest ago. */
interface Full {
  now: number
  places: Place[]
}

function readFull(reply: unknown): Full | undefined {
  if (!Array.isArray(reply)) return undefined
  const [now, ...rest] = reply.map(String)
  return { now: Number(now), places: toPlaces(rest) }
}

/** Reads `id, score, …`. */
function toPlaces(entries: string[]): Place[] {
  const places: Place[] = []
  for (let n = 0; n + 1 < entries.length; n += 2)
    places.push({ id: entries[n] ?? '', checkedAt: Number(entries[n + 1]) })
  return places
}
