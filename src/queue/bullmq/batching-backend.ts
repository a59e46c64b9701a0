import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import {
  type JobJson,
  type KeepJobs,
  type MinimalJob,
  type ParentKeyOpts,
  QueueKeys,
  type RedisConnection,
  RedisQueueBackend,
  type WorkerOptions,
} from 'bullmq'
import type { Redis } from '../redis/connection.ts'
import { whenGathered } from '../redis/end-of-turn.ts'
import { type Add, addJobs, isPlainAdd } from './add-jobs.ts'
import { acknowledge, type End, type NextJob } from './complete-and-fetch.ts'
import { Exchanges } from './exchanges.ts'
import { FetchAhead } from './fetch-ahead.ts'
import { FetchedJob, Success } from './fetched-job.ts'
import { GatheredCalls } from './gather-calls.ts'
import { wakeWorker } from './put-back.ts'

/** After an error of Redis no job is asked for during this. */
const retryAfterMs = 250
/** About how many events the stream of a queue keeps, as with BullMQ. */
const maxEvents = 10_000

export interface BackendOptions {
  /** The connection of the process, and BullMQ's view of it. */
  redis: Redis
  connection: RedisConnection
  /** A worker's: its own connection, on which it waits for jobs. */
  blocking?: RedisConnection
  /** The channel on which flows hear of the ends of their jobs. */
  hints: string
  /** A worker's: BullMQ's own script has ended this job, so that nobody was told. */
  onUntold?: (job: FetchedJob) => void
  /** A worker's: this job was fetched, and then nobody asked for it. */
  putBack?: (id: string, token: string) => void
}

type QueueOptions = ConstructorParameters<typeof RedisQueueBackend>[4] & Partial<Omit<WorkerOptions, 'connection'>>
type Finished = { result: NextJob; finishedOn: number }

/**
 * BullMQ's Redis backend with one script call for many adds, and one for many ends and fetches, in place of one or two for each. With it comes
 * what Drover stores with a job, and the word of an end to who waits for it. Whatever is not plain goes through BullMQ's own scripts.
 */
export class BatchingBackend extends RedisQueueBackend {
  readonly #options: BackendOptions
  readonly #opts: QueueOptions
  readonly #adds: GatheredCalls<Add, string>
  readonly #exchanges: Exchanges
  readonly #ahead: FetchAhead
  /** True while no job is to come here: see {@link startAlone}. */
  #isQuiet = false
  #wasAsked = false

  constructor(name: string, opts: QueueOptions, options: BackendOptions) {
    const names = new QueueKeys(opts.prefix)
    const { connection, blocking, redis } = options
    const keys = names.getKeys(name)
    super(connection, name, keys, (type) => names.toKey(name, type), opts, blocking, blocking !== undefined)
    this.#options = options
    this.#opts = opts
    const queue = { redis, keys, beside: this.redisPrefix }
    this.#adds = new GatheredCalls({ send: (adds) => addJobs(queue, adds), schedule: whenGathered, isBounded: false })
    this.#exchanges = new Exchanges({
      redis,
      keys,
      hints: options.hints,
      lockMs: opts.lockDuration ?? 0,
      name: opts.name,
    })
    this.#ahead = new FetchAhead({
      concurrency: opts.concurrency ?? 1,
      fetch: () => this.#fetch(),
      putBack: (id, token) => options.putBack?.(id, token),
    })
  }

  /** Writes of the queue what BullMQ's own Queue writes, for its tools. */
  async writeMeta(): Promise<void> {
    await this.setQueueMeta({ 'opts.maxLenEvents': maxEvents, version: `bullmq:${this.version}` })
  }

  override async addJob(job: JobJson, id: string, parent?: ParentKeyOpts): Promise<string> {
    if (isPlainAdd(job, parent)) return this.#adds.push({ job, id }, job.data.length)
    // It must not overtake those that were asked for before.
    this.#adds.flush()
    return super.addJob(job, id, parent)
  }

  override async addJobs(entries: { job: JobJson; jobId: string; parentKeyOpts?: ParentKeyOpts }[]): Promise<string[]> {
    if (entries.every(({ job, parentKeyOpts }) => isPlainAdd(job, parentKeyOpts)))
      return Promise.all(entries.map(({ job, jobId }) => this.#adds.push({ job, id: jobId }, job.data.length)))
    this.#adds.flush()
    return super.addJobs(entries)
  }

  override async moveToCompleted<T, R, N extends string>(
    job: MinimalJob<T, R, N>,
    value: R,
    remove: boolean | number | KeepJobs,
    token: string,
    fetchNext: boolean,
  ): Promise<Finished> {
    const success = value instanceof Success ? value : undefined
    const json = success?.output ?? JSON.stringify(value) ?? 'null'
    const heldToken = job instanceof FetchedJob ? job.lockToken : token
    return this.#end(job, { kind: 'completed', value: json, heldToken }, fetchNext, {
      isPlain: this.#isPlainEnd(job, this.getKeepJobs(remove, this.#opts.removeOnComplete)),
      stock: () => super.moveToCompleted(job, JSON.parse(json), remove, heldToken, false),
      success,
    })
  }

  override async moveToFailed<T, R, N extends string>(
    job: MinimalJob<T, R, N>,
    failure: string,
    remove: boolean | number | KeepJobs,
    token: string,
    fetchNext: boolean,
    fields?: Record<string, unknown>,
  ): Promise<Finished> {
    const heldToken = job instanceof FetchedJob ? job.lockToken : token
    return this.#end(job, { kind: 'failed', value: failure ?? 'null', heldToken, fields }, fetchNext, {
      isPlain: this.#isPlainEnd(job, this.getKeepJobs(remove, this.#opts.removeOnFail)),
      stock: () => super.moveToFailed(job, failure, remove, heldToken, false, fields),
    })
  }

  async #end(
    job: MinimalJob,
    how: End,
    fetchNext: boolean,
    { isPlain, stock, success }: { isPlain: boolean; stock: () => Promise<unknown>; success?: Success | undefined },
  ): Promise<Finished> {
    const finishedOn = Date.now()
    const mayFetch = this.#mayFetch(fetchNext)
    let next: NextJob | undefined
    try {
      const exchanged = isPlain ? await this.#exchanges.end(job, how, mayFetch) : undefined
      const refusal = (code: number) =>
        this.finishedErrors({ code, jobId: job.id ?? '', command: 'moveToFinished', state: 'active' })
      next =
        exchanged === undefined || exchanged.status === 'stock'
          ? await this.#endAsStock(job, stock, success)
          : acknowledge(exchanged, success, refusal)
    } catch (error) {
      // BullMQ's Worker would record a failure of the job.
      if (!success) throw error
      success.acknowledge('unknown', error)
    }
    if (job instanceof FetchedJob) this.#ahead.leave(job)
    if (next) this.#ahead.enter(next)
    return { result: next ?? (mayFetch ? await this.moveToActive() : []), finishedOn }
  }

  /** BullMQ's own script ends a job: its place asks for the next anew. */
  async #endAsStock(job: MinimalJob, stock: () => Promise<unknown>, success: Success | undefined): Promise<undefined> {
    await stock()
    success?.acknowledge('ended')
    if (job instanceof FetchedJob) this.#options.onUntold?.(job)
  }

  /** Our script keeps ended jobs, and knows no parents. */
  #isPlainEnd(job: MinimalJob, keep: KeepJobs): boolean {
    return !job.parentKey && keep.count === -1 && !('age' in keep)
  }

  #mayFetch(fetchNext: boolean): boolean {
    this.#wasAsked ||= fetchNext && this.#isQuiet
    return fetchNext && !this.#isQuiet && !this.closing
  }

  /** What is fetched is locked with a token of its own, where BullMQ's names a place of the worker. */
  override async moveToActive(): Promise<NextJob> {
    if (this.#isQuiet) {
      this.#wasAsked = true
      return []
    }
    try {
      return await this.#ahead.next()
    } catch (error) {
      await sleep(retryAfterMs)
      throw error
    }
  }

  override async waitForJob(blockTimeout: number): Promise<{ member: string; score: number } | null> {
    return this.#ahead.takeMayBeMore() ? { member: '0', score: 0 } : super.waitForJob(blockTimeout)
  }

  async #fetch(): Promise<NextJob> {
    const { token, exchanged } = await this.#exchanges.fetch()
    if (exchanged.status === 'failed') throw exchanged.error
    return exchanged.status === 'done' ? exchanged.next : this.#fetchAsStock(token)
  }

  async #fetchAsStock(token: string): Promise<NextJob> {
    const next = await super.moveToActive(token, this.#opts.name)
    if (next[0]) next[0].lockToken = token
    return next
  }

  /** A place of the worker has settled its job otherwise than by an end. */
  leave(job: FetchedJob): void {
    this.#ahead.leave(job)
  }

  /**
   * Calls `start` when no job is on its way here, and those that came are started; asks for none until that turn of the event loop is over.
   * For what may take this process along, or keep it busy for longer than a lock lives.
   */
  async startAlone<T>(start: () => Promise<T>): Promise<T> {
    this.#isQuiet = true
    await this.#exchanges.settle()
    await nextTurn()
    setImmediate(() => {
      this.#isQuiet = false
      // Who was told that there is no job waits for the marker.
      if (this.#wasAsked) wakeWorker(this.#options.redis, this).catch((error: unknown) => this.emit('error', error))
      this.#wasAsked = false
    })
    return start()
  }

  override async close(force = false): Promise<void> {
    // What was asked for before is still sent, as BullMQ's backend sends it at once.
    if (force) {
      this.#adds.flush()
      this.#exchanges.flush()
    } else await Promise.all([this.#adds.settle(), this.#exchanges.settle()])
    return super.close(force)
  }
}
