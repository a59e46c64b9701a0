import {
  type BackendFactory,
  createRedisBackend,
  type JobJson,
  type KeepJobs,
  type MinimalJob,
  type ParentKeyOpts,
  QueueKeys,
  type RedisConnection,
  RedisQueueBackend,
  type WorkerOptions,
} from 'bullmq'
import { redisNow } from '../model/redis-time.ts'
import type { Redis } from '../redis/connection.ts'
import { whenGathered } from '../redis/end-of-turn.ts'
import { type Add, addJobs, dataLength, isPlainAdd } from './add-jobs.ts'
import type { End, NextJob } from './complete-and-fetch.ts'
import { Exchanges } from './exchanges.ts'
import { GatheredCalls } from './gather-calls.ts'

/** About how many events the stream of a queue keeps, as with BullMQ. */
const maxEvents = 10_000
/** How many jobs one call adds at most: workers begin with the first of them when all are stored. */
const maxAdds = 16
/** A field of the queue's meta: scripts write BullMQ's events where it is set. */
const eventsSwitch = 'drover.events'

export interface BackendOptions {
  /** BullMQ's view of a connection. */
  connection: RedisConnection
  /** The connection itself, if it is open already. */
  redis?: Redis
  /** A worker's: its own connection, on which it waits for jobs. */
  blocking?: RedisConnection | undefined
  /** Whether the backend closes its connections; by default a worker's does. */
  ownsConnections?: boolean
  /** The channel on which flows hear of the ends of their jobs. */
  hints?: string
  /** Whether BullMQ's Queue and Worker are used without Drover: events are always written, and fetched jobs have all of their fields. */
  isPlain?: boolean
}

export type QueueOptions = ConstructorParameters<typeof RedisQueueBackend>[4] &
  Partial<Omit<WorkerOptions, 'connection'>>
export type Finished = Awaited<ReturnType<RedisQueueBackend['moveToCompleted']>>

/** In BullMQ: the job need not be locked. */
const anyToken = '0'

/**
 * BullMQ's Redis backend with one script call for many adds, and one for many ends and fetches, in place of one or two for each. With it comes
 * what Drover stores with a job. What is not plain goes through BullMQ's own scripts. It serves BullMQ's Queue and Worker as they are; Drover's
 * worker has WorkerBackend.
 */
export class BatchingBackend extends RedisQueueBackend {
  protected readonly opts: QueueOptions
  protected readonly exchanges: Exchanges
  readonly #adds: GatheredCalls<Add, string>

  constructor(name: string, opts: QueueOptions, options: BackendOptions) {
    const names = new QueueKeys(opts.prefix)
    const { connection, blocking, ownsConnections = blocking !== undefined, hints = '', isPlain = false } = options
    const keys = names.getKeys(name)
    super(connection, name, keys, (type) => names.toKey(name, type), opts, blocking, ownsConnections)
    this.opts = opts
    // What BullMQ hands out is a view of an ioredis client, which passes commands on.
    const redis = async () => options.redis ?? ((await this.client) as unknown as Redis)
    const queue = { redis, keys, isPlain }
    const adds = { ...queue, beside: this.redisPrefix }
    this.#adds = new GatheredCalls({
      send: (some) => addJobs(adds, some),
      schedule: whenGathered,
      isBounded: false,
      maxItems: maxAdds,
    })
    this.exchanges = new Exchanges({ ...queue, hints, lockMs: opts.lockDuration ?? 0, name: opts.name })
  }

  /** How many calls carried more than one add, end or fetch. */
  get batchedCalls(): number {
    return this.#adds.batchedCalls + this.exchanges.batchedCalls
  }

  /** Writes of the queue what BullMQ's own Queue writes, for its tools; with `writesEvents` all processes write to its event stream. */
  async writeMeta({ writesEvents }: { writesEvents: boolean }): Promise<void> {
    const switched = writesEvents ? { [eventsSwitch]: 1 } : undefined
    if (!switched) await this.removeQueueMetaFields([eventsSwitch])
    await this.setQueueMeta({ 'opts.maxLenEvents': maxEvents, version: `bullmq:${this.version}`, ...switched })
  }

  override async addJob(job: JobJson, id: string, parent?: ParentKeyOpts): Promise<string> {
    if (isPlainAdd(job, parent)) return this.#adds.push({ job, id }, dataLength(job))
    // It must not overtake those that were asked for before. Their call may still wait for the connection.
    await this.#adds.flush()
    return super.addJob(job, id, parent)
  }

  override async addJobs(entries: { job: JobJson; jobId: string; parentKeyOpts?: ParentKeyOpts }[]): Promise<string[]> {
    if (entries.every(({ job, parentKeyOpts }) => isPlainAdd(job, parentKeyOpts)))
      return Promise.all(entries.map(({ job, jobId }) => this.#adds.push({ job, id: jobId }, dataLength(job))))
    await this.#adds.flush()
    return super.addJobs(entries)
  }

  override async moveToCompleted<T, R, N extends string>(
    job: MinimalJob<T, R, N>,
    value: R,
    remove: boolean | number | KeepJobs,
    token: string,
    fetchNext: boolean,
  ): Promise<Finished> {
    const byStock = () => this.completeAsStock(job, value, remove, token, fetchNext)
    if (!this.isPlainEnd(job, token, this.getKeepJobs(remove, this.opts.removeOnComplete))) return byStock()
    const json = JSON.stringify(value) ?? 'null'
    return this.#end(job, { kind: 'completed', value: json, heldToken: token }, fetchNext, byStock)
  }

  override async moveToFailed<T, R, N extends string>(
    job: MinimalJob<T, R, N>,
    failure: string,
    remove: boolean | number | KeepJobs,
    token: string,
    fetchNext: boolean,
    fields?: Record<string, unknown>,
  ): Promise<Finished> {
    const byStock = () => this.failAsStock(job, failure, remove, token, fetchNext, fields)
    if (!this.isPlainEnd(job, token, this.getKeepJobs(remove, this.opts.removeOnFail))) return byStock()
    return this.#end(job, { kind: 'failed', value: failure ?? 'null', heldToken: token, fields }, fetchNext, byStock)
  }

  override async moveToActive(token: string, name?: string): Promise<NextJob> {
    if (this.opts.limiter || name !== this.opts.name) return super.moveToActive(token, name)
    const exchanged = await this.exchanges.fetch(token)
    if (exchanged.status === 'failed') throw exchanged.error
    if (exchanged.status !== 'done') throw new TypeError(`no answer to a fetch: ${exchanged.status}`)
    return exchanged.next
  }

  async #end(job: MinimalJob, how: End, fetchNext: boolean, byStock: () => Promise<Finished>): Promise<Finished> {
    const finishedOn = redisNow()
    const next = { token: how.heldToken, fetchNext: fetchNext && !this.closing }
    const exchanged = await this.exchanges.end(job, how, next)
    switch (exchanged.status) {
      case 'done':
        return { result: exchanged.next, finishedOn }
      case 'stock':
        return byStock()
      case 'refused':
        throw this.refusal(job, exchanged.code)
      case 'failed':
        throw exchanged.error
      default:
        throw new TypeError(`there is no such answer: ${JSON.stringify(exchanged satisfies never)}`)
    }
  }

  /** Our script keeps ended jobs and checks their lock; it knows no parents, no metrics, and no limit of a worker. */
  protected isPlainEnd(job: MinimalJob, token: string, keep: KeepJobs): boolean {
    const isKept = keep.count === -1 && !('age' in keep)
    return isKept && !job.parentKey && token !== anyToken && !this.opts.limiter && !this.opts.metrics
  }

  /** BullMQ's error for a job that is not its worker's any more. */
  protected refusal(job: MinimalJob, code: number): Error {
    return this.finishedErrors({ code, jobId: job.id ?? '', command: 'moveToFinished', state: 'active' })
  }

  /** A delay counts by Redis's clock, not by the wall clock that BullMQ's Job reads. */
  override moveToDelayed(
    ...args: Parameters<RedisQueueBackend['moveToDelayed']>
  ): ReturnType<RedisQueueBackend['moveToDelayed']> {
    const [id, , ...rest] = args
    return super.moveToDelayed(id, redisNow(), ...rest)
  }

  // What BullMQ's own scripts do.

  protected completeAsStock(...end: Parameters<RedisQueueBackend['moveToCompleted']>): Promise<Finished> {
    return super.moveToCompleted(...end)
  }

  protected failAsStock(...end: Parameters<RedisQueueBackend['moveToFailed']>): Promise<Finished> {
    return super.moveToFailed(...end)
  }

  override async close(force = false): Promise<void> {
    // What was asked for before is still sent, as BullMQ's backend sends it at once.
    if (force) {
      void this.#adds.flush()
      void this.exchanges.flush()
    } else await Promise.all([this.#adds.settle(), this.exchanges.settle()])
    return super.close(force)
  }
}

/** For BullMQ's Queue and Worker as they are. They leave in Redis what they leave over BullMQ's own backend. */
export const createBatchingBackend: BackendFactory<BatchingBackend> = (name, opts, more) => {
  // BullMQ opens the connections as its own backend needs them. Their errors go to ours.
  const stock = createRedisBackend(name, opts, more).on('error', () => undefined)
  const { connection, blockingConnection: blocking } = stock
  return new BatchingBackend(name, opts, { connection, blocking, ownsConnections: true, isPlain: true })
}
