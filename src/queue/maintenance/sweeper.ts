import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { type JobRef, ulidTime } from '../model/job-id.ts'
import type { JobEnd } from '../model/job-states.ts'
import { endWithoutSuccess } from '../model/stored-job.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import { releaseClaim } from '../store/idempotency-keys.ts'

const sweepQueue = loadScript('bullmq/sweep-queue')

const everyMs = 1000
/** Long enough to outlast a missed sweep, short enough that another process soon takes over. */
const leaseMs = 5000
/** An entry of the index is written just before its job: only after a while is a missing job one that was never stored. */
const unstoredMs = 60_000
/** Most jobs of a kind in one call, so that no call holds Redis up. */
const most = 200
const webhooksAtOnce = 20

export interface SweeperOptions {
  redis: Redis
  keys: Keys
  /** How long an ended job stays. */
  resultTtlMs: number
  log: Logger
  /** Makes the webhook that an ended job owes. Never rejects. @returns false when it could not: it is asked for again */
  releaseWebhook: (owing: JobRef) => Promise<boolean>
  /** A job was ended here. */
  onEnded?: (type: string, end: JobEnd) => void
}

/**
 * Does what no worker will: ends waiting jobs whose time is over, ends cancelled jobs whose worker has vanished, has
 * the webhooks made that ended jobs owe, and removes ended jobs with all that belongs to them after `resultTtlMs`. Every process may run one: for each queue one of them works.
 */
export class Sweeper {
  readonly #options: SweeperOptions & { queues: string[] }
  readonly #id = randomUUID()
  readonly #indexFrom = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #sweeping: Promise<void> | undefined

  constructor(options: SweeperOptions & { queues: Iterable<string> }) {
    this.#options = { ...options, queues: [...new Set(options.queues)] }
  }

  /** Sweeps every second from now on. May be called twice. */
  start(): void {
    this.#timer ??= setInterval(() => {
      this.#sweeping ??= this.#sweepAll().finally(() => {
        this.#sweeping = undefined
      })
    }, everyMs)
  }

  /** May be called twice. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    await this.#sweeping
  }

  async #sweepAll(): Promise<void> {
    for (const queue of this.#options.queues) {
      try {
        await this.#sweep(queue)
      } catch (error) {
        // The next sweep, or another process's, does it.
        this.#options.log.debug({ queue, err: error }, 'a sweep failed')
      }
    }
  }

  async #sweep(queue: string): Promise<void> {
    const { redis, keys, resultTtlMs, log, onEnded } = this.#options
    const sets = ['prioritized', 'delayed', 'wait', 'active', 'stalled', 'failed', 'completed']
    const names = [
      keys.sweepLease(queue),
      keys.timeLimits(queue),
      ...sets.map((set) => keys.bull(queue, set)),
      keys.index(queue),
      keys.webhookDebts(queue),
    ]
    let goOn: boolean
    do {
      const reply = await sweepQueue(redis, names, [
        this.#id,
        leaseMs,
        resultTtlMs,
        most,
        keys.bull(queue, ''),
        this.#indexFrom.get(queue) ?? 0,
        `${queue}_`,
        ulidTime(Date.now() - unstoredMs),
      ])
      if (!isSwept(reply)) return
      const [ended, removed, claims, indexFrom, owing, members] = reply
      this.#indexFrom.set(queue, indexFrom)
      for (const [type, failure] of ended) onEnded?.(type, endWithoutSuccess(failure))
      if (ended.length > 0) log.info({ queue, ended: ended.length }, 'jobs ended that no worker would end')
      await this.#releaseClaims(claims, keys.bull(queue, ''))
      const released = await this.#releaseWebhooks(owing.map((id) => ({ queue, id })))
      await this.#letGo(members)
      goOn = Math.max(ended.length, removed, released, members.length / 2) >= most || claims.length > 0
    } while (this.#timer && goOn)
  }

  /** Jobs of a flow that is gone, which should have gone with it, are jobs like any other. */
  async #letGo(members: string[]): Promise<void> {
    const { redis, keys } = this.#options
    for (let i = 0; i + 1 < members.length; i += 2) {
      const [job = '', flow = ''] = members.slice(i, i + 2)
      if ((await redis.exists(keys.flow(flow))) === 0) await redis.hdel(job, 'flow', 'flowHints')
    }
  }

  /** Few at a time: each is read with its output. @returns how many were made */
  async #releaseWebhooks(owing: JobRef[]): Promise<number> {
    let released = 0
    for (let i = 0; i < owing.length; i += webhooksAtOnce) {
      const made = await Promise.all(owing.slice(i, i + webhooksAtOnce).map(this.#options.releaseWebhook))
      released += made.filter(Boolean).length
    }
    return released
  }

  /** First the claim, then the job's word of it: dying between the two is repaired by the next sweep. */
  async #releaseClaims(claims: string[], jobPrefix: string): Promise<void> {
    const { redis } = this.#options
    for (let i = 0; i + 1 < claims.length; i += 2) {
      const [job = '', claim = ''] = claims.slice(i, i + 2)
      await releaseClaim(redis, [claim], [job.slice(jobPrefix.length)])
      await redis.hdel(job, 'claim')
    }
  }
}

function isSwept(
  reply: unknown,
): reply is [
  ended: [type: string, failure: string][],
  removed: number,
  claims: string[],
  indexFrom: number,
  owing: string[],
  members: string[],
] {
  return Array.isArray(reply) && reply.length === 6
}
