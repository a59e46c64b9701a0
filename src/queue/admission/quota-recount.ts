import type { Logger } from 'pino'
import { z } from 'zod'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { Lease } from '../redis/lease.ts'
import { loadScript } from '../redis/load-script.ts'
import { TenantLimits } from './tenant-limits.ts'
import { TenantQuotas } from './tenant-quotas.ts'

const findWaiting = loadScript('admission/find-waiting')

const everyMs = 5000
/** Long enough to outlast a missed round, short enough that another process soon takes over. */
const leaseMs = 17_000
/** Bounds of a round: the tenants that are looked at, and the jobs of each in each queue. */
const max = { tenants: 20, jobs: 200 }

const foundSchema = z.tuple([z.string(), z.array(z.string())])

/**
 * Corrects the counts of waiting jobs of tenants that have a limit: frees places of jobs that have left without a word (a process died),
 * and gives places to waiting jobs that have none (Redis has lost its last moments, or the limit is new). Every process may run it; the
 * holder of a lease does the work.
 */
export class QuotaRecount {
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #queues: string[]
  readonly #log: Logger
  readonly #lease: Lease
  readonly #limits: TenantLimits
  readonly #quotas: TenantQuotas
  /** How far the look at a tenant's jobs in a queue has come. */
  readonly #cursors = new Map<string, string>()
  #nextTenant = 0
  #timer: NodeJS.Timeout | undefined
  #round: Promise<void> | undefined

  constructor(deps: { redis: Redis; keys: Keys; queues: Iterable<string>; log: Logger }) {
    const { redis, keys, queues, log } = deps
    this.#redis = redis
    this.#keys = keys
    this.#queues = [...new Set(queues)]
    this.#log = log
    this.#lease = new Lease({ redis, key: keys.recountLease, ms: leaseMs })
    this.#limits = new TenantLimits({ redis, keys })
    this.#quotas = new TenantQuotas({ redis, keys })
  }

  /** May be called twice. */
  start(): void {
    this.#timer ??= setInterval(() => {
      this.#round ??= this.#recountSome().finally(() => {
        this.#round = undefined
      })
    }, everyMs)
  }

  /** Resolves when the round under way has ended. May be called twice. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    await this.#round
  }

  /** Never rejects. */
  async #recountSome(): Promise<void> {
    try {
      const tenants = [...(await this.#limits.all()).keys()].sort()
      if (tenants.length === 0 || !(await this.#lease.hold())) return
      const from = this.#nextTenant >= tenants.length ? 0 : this.#nextTenant
      for (const tenant of tenants.slice(from, from + max.tenants)) {
        await this.#quotas.recheck(tenant)
        for (const queue of this.#queues) await this.#addMissing(tenant, queue)
      }
      this.#nextTenant = from + max.tenants
    } catch (error) {
      this.#log.debug({ err: error }, 'failed to recount waiting jobs of tenants; the next round retries')
    }
  }

  async #addMissing(tenant: string, queue: string): Promise<void> {
    const place = `${queue}:${tenant}`
    const args = [this.#keys.bull(queue, ''), `${queue}_`, tenant, this.#cursors.get(place) ?? '', max.jobs]
    const reply = await whenAvailable(findWaiting(this.#redis, [this.#keys.index(queue)], args))
    const [last, ids] = foundSchema.parse(reply)
    this.#cursors.set(place, last)
    await this.#quotas.restore(tenant, ids)
  }
}
