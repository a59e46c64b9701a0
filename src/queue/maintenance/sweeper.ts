import type { Logger } from 'pino'
import { TenantQuotas } from '../admission/tenant-quotas.ts'
import { type JobRef, parseJobId } from '../model/job-id.ts'
import { anonymousTenant } from '../model/job-record.ts'
import type { JobEnd } from '../model/job-states.ts'
import { monotonicMs } from '../model/monotonic.ts'
import { redisNow } from '../model/redis-time.ts'
import { endWithoutSuccess } from '../model/stored-job.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { Lease } from '../redis/lease.ts'
import { whichExist } from '../redis/which-exist.ts'
import { expireClaim, releaseClaim } from '../store/idempotency-keys.ts'
import { PlainJobs } from './plain-jobs.ts'
import { maxJobs, type Ranks, sweepQueue } from './sweep-queue.ts'

const everyMs = 1000
/** A queue in which nothing is due by a time of its own is swept when this part of the retention is over, within these bounds. */
const calm = { share: 1 / 20, minMs: 1000, maxMs: 15_000 }
/** Long enough to outlast a missed sweep, short enough that another process soon takes over. */
const leaseMs = 5000
/** Calls of one sweep that only count the running jobs of limits anew: some hundred jobs each. */
const maxRecounts = 8
/** Webhooks in parallel: each job is read with its output. */
const maxWebhooksAtOnce = 20

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

/** A queue, where the walks of its sweep go on, and until when it is not swept, in monotonic ms. */
interface SweptQueue extends Ranks {
  name: string
  recounts: number
  calmUntil: number
}

/** Sorted sets of what has a time of its own, by that; and of the jobs that limits hold, of which a sweep lets in what nothing else does. */
const timedKeys = (keys: Keys, queue: string): string[] => [
  keys.bull(queue, 'held'),
  keys.timeLimits(queue),
  keys.webhookDebts(queue),
  keys.retention(queue),
  keys.parked(queue),
]

/** What else a sweep looks at. */
const untimedKeys = (keys: Keys, queue: string): string[] => [
  ...['completed', 'failed', 'active', 'wait'].map((list) => keys.bull(queue, list)),
  keys.index(queue),
  keys.labels(queue),
  keys.claims(queue),
  keys.rates(queue),
]

/**
 * Does what no worker does: ends waiting jobs whose time limit has passed and canceled jobs whose worker has vanished, brings back parked jobs whose wait is over, has the webhooks
 * stored that ended jobs owe, and removes ended jobs after `resultTtlMs` with everything that belongs to them. Every process may run a
 * sweeper; of those that know the same queues the holder of a lease does the work. A queue without jobs costs its part of one command a second.
 */
export class Sweeper {
  readonly #options: SweeperOptions
  readonly #quotas: TenantQuotas
  readonly #plainJobs: PlainJobs | undefined
  readonly #queues: SweptQueue[]
  readonly #lease: Lease
  readonly #calmMs: number
  #timer: NodeJS.Timeout | undefined
  #sweeping: Promise<void> | undefined

  constructor(options: SweeperOptions & { queues: Iterable<string> }) {
    const { redis, keys, queues } = options
    this.#options = options
    this.#quotas = new TenantQuotas({ redis, keys })
    this.#plainJobs = options.acceptsPlainJobs ? new PlainJobs({ redis, keys }) : undefined
    this.#queues = Array.from(new Set(queues), (name) => ({
      name,
      recounts: 0,
      indexFrom: 0,
      labelsFrom: 0,
      claimsFrom: 0,
      calmUntil: 0,
    }))
    this.#lease = new Lease({ redis, key: keys.sweepLease(this.#queues.map(({ name }) => name)), ms: leaseMs })
    const { resultTtlMs, failedTtlMs = resultTtlMs } = options
    this.#calmMs = Math.min(Math.max(Math.min(resultTtlMs, failedTtlMs) * calm.share, calm.minMs), calm.maxMs)
  }

  /** Looks every second. May be called twice. */
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

  /** Never rejects. */
  async #sweepAll(): Promise<void> {
    const { log } = this.#options
    try {
      if (!(await this.#lease.hold())) return
      const now = monotonicMs()
      const timed = await this.#holding(this.#queues, timedKeys)
      const isDue = await Promise.all(timed.map((queue) => this.#isDue(queue)))
      const due = new Set(timed.filter((_, n) => isDue[n]))
      const others = this.#queues.filter((queue) => !due.has(queue) && queue.calmUntil <= now)
      for (const queue of others) queue.calmUntil = now + this.#calmMs
      for (const queue of [...due, ...(await this.#holding(others, untimedKeys))]) await this.#sweepQueue(queue)
      for (const { name } of this.#plainJobs ? this.#queues : []) await this.#plainJobs?.list(name)
    } catch (error) {
      log.debug({ err: error }, 'a sweep failed; the next sweep retries')
    }
  }

  /** Those queues of which one of these keys exists. */
  async #holding(queues: SweptQueue[], keysOf: (keys: Keys, queue: string) => string[]): Promise<SweptQueue[]> {
    const groups = queues.map(({ name }) => keysOf(this.#options.keys, name))
    const exists = await whichExist(this.#options.redis, groups)
    return queues.filter((_, n) => exists[n])
  }

  /** Whether something has come to its time, or is held by a limit. */
  async #isDue({ name }: SweptQueue): Promise<boolean> {
    const { redis, keys } = this.#options
    const firsts = await Promise.all(timedKeys(keys, name).map((key) => redis.zrange(key, 0, '0', 'WITHSCORES')))
    // The score of a held job is below any time.
    return firsts.some(([, score]) => score !== undefined && Number(score) <= redisNow())
  }

  /** Never rejects. */
  async #sweepQueue(queue: SweptQueue): Promise<void> {
    try {
      let isMoreLeft = true
      queue.recounts = 0
      while (isMoreLeft && this.#timer && (await this.#lease.hold())) isMoreLeft = await this.#sweep(queue)
    } catch (error) {
      this.#options.log.debug({ queue: queue.name, err: error }, 'a sweep failed; the next sweep retries')
    }
  }

  /** @returns whether more is left than one call does */
  async #sweep(queue: SweptQueue): Promise<boolean> {
    const { keys, resultTtlMs, failedTtlMs = resultTtlMs, log, onEnded } = this.#options
    const { name } = queue
    const swept = await sweepQueue(this.#options, queue, { resultTtlMs, failedTtlMs })
    const { ended, removed, claims, owing, ofFlows, ranks, isRecounting } = swept
    Object.assign(queue, ranks)
    // A walk over a long index, or over many limits, goes on at the next look.
    if (isRecounting || Object.values(ranks).some((rank) => rank > 0)) queue.calmUntil = 0
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
    await this.#detachFromMissingOwners(ofFlows)
    // A full round of claims may have some that are held, one of rates some that are in use.
    const isMoreUnused = Math.max(swept.unclaimed, swept.passedRates) >= maxJobs / 2
    const isRecountLeft = isRecounting && ++queue.recounts < maxRecounts
    return (
      Math.max(ended.length, removed, released, swept.woken, ofFlows.length / 2) >= maxJobs ||
      claims.length > 0 ||
      isMoreUnused ||
      isRecountLeft
    )
  }

  /** A job whose flow is gone, though it should have been removed with it, or whose parent is, becomes a job without one. */
  async #detachFromMissingOwners(jobsAndOwners: string[]): Promise<void> {
    const { redis } = this.#options
    for (let i = 0; i + 1 < jobsAndOwners.length; i += 2) {
      const [job = '', owner = ''] = jobsAndOwners.slice(i, i + 2)
      if (!(await this.#isKept(owner))) await redis.hdel(job, 'flow', 'flowHints', 'flowRun')
    }
  }

  /** Whether a flow is there, or a job that has not ended. */
  async #isKept(owner: string): Promise<boolean> {
    const { redis, keys } = this.#options
    const ref = parseJobId(owner)
    if (!ref || owner.startsWith('flow_')) return (await redis.exists(keys.flow(owner))) === 1
    const [name, finished] = await redis.hmget(keys.job(ref), 'name', 'finishedOn')
    return typeof name === 'string' && typeof finished !== 'string'
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
