import type { Logger } from 'pino'
import { z } from 'zod'
import { TenantQuotas } from '../admission/tenant-quotas.ts'
import { type JobRef, ulidTime } from '../model/job-id.ts'
import { anonymousTenant } from '../model/job-record.ts'
import type { JobEnd } from '../model/job-states.ts'
import { redisNow } from '../model/redis-time.ts'
import { endWithoutSuccess } from '../model/stored-job.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { Lease } from '../redis/lease.ts'
import { loadScript } from '../redis/load-script.ts'
import { expireClaim, releaseClaim } from '../store/idempotency-keys.ts'
import { PlainJobs } from './plain-jobs.ts'

const sweepQueue = loadScript('maintenance/sweep-queue')

const everyMs = 1000
/** Long enough to outlast a missed sweep, short enough that another process soon takes over. */
const leaseMs = 5000
/** An entry of the index is written just before its job: only after a while is a missing job one that was never stored. */
const unstoredMs = 60_000
/** Jobs of each duty in one call, so that no call blocks Redis for long. */
const maxJobs = 200
/** Webhooks in parallel: each job is read with its output. */
const maxWebhooksAtOnce = 20

/** The reply of sweep-queue.lua. */
const sweptSchema = z.tuple([
  z.array(z.tuple([z.string(), z.string(), z.string(), z.string()])),
  z.int(),
  z.array(z.string()),
  z.int(),
  z.array(z.string()),
  z.array(z.string()),
  z.int(),
  z.int(),
  z.int(),
])

export interface SweeperOptions {
  redis: Redis
  keys: Keys
  /** Retention: how long an ended job is kept. */
  resultTtlMs: number
  /** … a failed one; absent: as long as others. */
  failedTtlMs?: number
  log: Logger
  /** Stores the delivery that an ended job owes. Never rejects. @returns false when it failed: a later sweep retries */
  releaseWebhook: (owing: JobRef) => Promise<boolean>
  /** Whether jobs of plain BullMQ producers are listed. */
  acceptsPlainJobs?: boolean
  /** Called for each job that a sweep ended. */
  onEnded?: (type: string, end: JobEnd) => void
}

/**
 * Does what no worker does: ends waiting jobs whose time limit has passed and canceled jobs whose worker has vanished, has the webhooks
 * stored that ended jobs owe, and removes ended jobs after `resultTtlMs` with everything that belongs to them. Every process may run a
 * sweeper; for each queue the holder of a lease does the work.
 */
export class Sweeper {
  readonly #options: SweeperOptions
  readonly #quotas: TenantQuotas
  readonly #plainJobs: PlainJobs | undefined
  readonly #queues: { name: string; lease: Lease; indexFrom: number; labelsFrom: number; claimsFrom: number }[]
  #timer: NodeJS.Timeout | undefined
  #sweeping: Promise<void> | undefined

  constructor(options: SweeperOptions & { queues: Iterable<string> }) {
    const { redis, keys, queues } = options
    this.#options = options
    this.#quotas = new TenantQuotas({ redis, keys })
    this.#plainJobs = options.acceptsPlainJobs ? new PlainJobs({ redis, keys }) : undefined
    this.#queues = Array.from(new Set(queues), (name) => {
      const lease = new Lease({ redis, key: keys.sweepLease(name), ms: leaseMs })
      return { name, lease, indexFrom: 0, labelsFrom: 0, claimsFrom: 0 }
    })
  }

  /** Sweeps every second. May be called twice. */
  start(): void {
    this.#timer ??= setInterval(() => {
      this.#sweeping ??= this.#sweepAll().finally(() => {
        this.#sweeping = undefined
      })
    }, everyMs)
  }

  /** Resolves when the sweep under way has ended. May be called twice. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    await this.#sweeping
  }

  async #sweepAll(): Promise<void> {
    for (const queue of this.#queues) {
      try {
        let isMoreLeft = true
        while (isMoreLeft && this.#timer && (await queue.lease.hold())) {
          isMoreLeft = await this.#sweep(queue)
          if (!isMoreLeft) await this.#plainJobs?.list(queue.name)
        }
      } catch (error) {
        this.#options.log.debug({ queue: queue.name, err: error }, 'a sweep failed; the next sweep retries')
      }
    }
  }

  /** @returns whether more is left than one call does */
  async #sweep(queue: { name: string; indexFrom: number; labelsFrom: number; claimsFrom: number }): Promise<boolean> {
    const { redis, keys, resultTtlMs, failedTtlMs = resultTtlMs, log, onEnded } = this.#options
    const { name } = queue
    const sets = ['prioritized', 'delayed', 'wait', 'active', 'stalled', 'failed', 'completed']
    const names = [
      keys.timeLimits(name),
      ...sets.map((set) => keys.bull(name, set)),
      keys.index(name),
      keys.webhookDebts(name),
      keys.labels(name),
      keys.evicted(name),
    ]
    const before = ulidTime(redisNow() - unstoredMs)
    const args = [
      resultTtlMs,
      failedTtlMs,
      maxJobs,
      keys.bull(name, ''),
      queue.indexFrom,
      `${name}_`,
      before,
      queue.labelsFrom,
      queue.claimsFrom,
    ]
    const swept = sweptSchema.parse(await sweepQueue(redis, names, args))
    const [ended, removed, claims, indexFrom, owing, ofFlows, labelsFrom, claimsFrom, unclaimed] = swept
    Object.assign(queue, { indexFrom, labelsFrom, claimsFrom })
    for (const [type, failure] of ended) onEnded?.(type, endWithoutSuccess(failure))
    for (const [tenant, theirs] of Map.groupBy(ended, ([, , , tenant]) => tenant)) {
      if (tenant === anonymousTenant) continue
      await this.#quotas.leave(
        tenant,
        theirs.map(([, , id]) => id),
      )
    }
    if (ended.length > 0) log.info({ queue: name, ended: ended.length }, 'ended jobs that no worker would end')
    await this.#releaseClaims(claims, keys.bull(name, ''))
    const released = await this.#releaseWebhooks(owing.map((id) => ({ queue: name, id })))
    await this.#detachFromMissingFlows(ofFlows)
    // A full round of claims may have some that are held.
    const isMoreUnclaimed = unclaimed >= maxJobs / 2
    return (
      Math.max(ended.length, removed, released, ofFlows.length / 2) >= maxJobs || claims.length > 0 || isMoreUnclaimed
    )
  }

  /** A job whose flow is gone, though it should have been removed with it, becomes a job without a flow. */
  async #detachFromMissingFlows(jobsAndFlows: string[]): Promise<void> {
    const { redis, keys } = this.#options
    for (let i = 0; i + 1 < jobsAndFlows.length; i += 2) {
      const [job = '', flow = ''] = jobsAndFlows.slice(i, i + 2)
      if ((await redis.exists(keys.flow(flow))) === 0) await redis.hdel(job, 'flow', 'flowHints')
    }
  }

  /** @returns how many deliveries were stored */
  async #releaseWebhooks(owing: JobRef[]): Promise<number> {
    let released = 0
    for (let i = 0; i < owing.length; i += maxWebhooksAtOnce) {
      const stored = await Promise.all(owing.slice(i, i + maxWebhooksAtOnce).map(this.#options.releaseWebhook))
      released += stored.filter(Boolean).length
    }
    return released
  }

  /** First the claim, then the field of the job: the next sweep repairs a crash between the two. */
  async #releaseClaims(jobsAndClaims: string[], jobPrefix: string): Promise<void> {
    const { redis } = this.#options
    for (let i = 0; i + 2 < jobsAndClaims.length; i += 3) {
      const [job = '', claim = '', evictedUntil = ''] = jobsAndClaims.slice(i, i + 3)
      const id = job.slice(jobPrefix.length)
      if (evictedUntil === '') await releaseClaim(redis, [claim], [id])
      else await expireClaim(redis, [claim], [id, evictedUntil])
      await redis.hdel(job, 'claim')
    }
  }
}
