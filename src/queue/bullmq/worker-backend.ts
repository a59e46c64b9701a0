import { randomUUID } from 'node:crypto'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { KeepJobs, MinimalJob } from 'bullmq'
import type { Redis } from '../redis/connection.ts'
import { type BackendOptions, BatchingBackend, type Finished, type QueueOptions } from './batching-backend.ts'
import { acknowledge, type End, type NextJob } from './complete-and-fetch.ts'
import { FetchAhead } from './fetch-ahead.ts'
import { FetchedJob, type FetchedJson, Success } from './fetched-job.ts'
import { wakeWorker } from './put-back.ts'

/** After an error of Redis no job is asked for during this. */
const retryAfterMs = 250

export interface WorkerBackendOptions extends BackendOptions {
  redis: Redis
  /** BullMQ's own script has ended this job, without a message to its subscribers. */
  onUntold: (job: FetchedJob) => void
  /** This job was fetched, and then the worker did not ask for it. Must not reject. */
  putBack: (job: FetchedJson) => Promise<void>
}

/**
 * The backend of Drover's worker. It fetches several jobs by one call, each under a fencing token of its own (BullMQ's token belongs to a slot of
 * the worker). It reports to a success what became of it, and publishes the end of a job.
 */
export class WorkerBackend extends BatchingBackend {
  readonly #options: WorkerBackendOptions
  readonly #ahead: FetchAhead
  readonly #id = randomUUID()
  #tokens = 0
  /** True while no job is to come here: see {@link startAlone}. */
  #isQuiet = false
  #wasAsked = false
  /** BullMQ's loop waits for a job: a fetch meanwhile is for one of its slots alone. */
  #isWaiting = false
  #stopped = Promise.withResolvers<null>()
  #isStopped = false

  constructor(name: string, opts: QueueOptions, options: WorkerBackendOptions) {
    super(name, opts, options)
    this.#options = options
    this.#ahead = new FetchAhead({
      concurrency: opts.concurrency ?? 1,
      fetch: () => this.#fetch(),
      onError: (error) => void this.emit('error', error),
      putBack: options.putBack,
    })
    this.exchanges.onAnswer = (none) => this.#ahead.onAnswer(none)
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
    return this.#endAndFetch(job, { kind: 'completed', value: json, heldToken }, fetchNext, {
      isPlain: this.isPlainEnd(job, heldToken, this.getKeepJobs(remove, this.opts.removeOnComplete)),
      stock: () => this.completeAsStock(job, JSON.parse(json), remove, heldToken, false),
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
    return this.#endAndFetch(job, { kind: 'failed', value: failure ?? 'null', heldToken, fields }, fetchNext, {
      isPlain: this.isPlainEnd(job, heldToken, this.getKeepJobs(remove, this.opts.removeOnFail)),
      stock: () => this.failAsStock(job, failure, remove, heldToken, false, fields),
    })
  }

  async #endAndFetch(
    job: MinimalJob,
    how: End,
    fetchNext: boolean,
    { isPlain, stock, success }: { isPlain: boolean; stock: () => Promise<unknown>; success?: Success | undefined },
  ): Promise<Finished> {
    const finishedOn = Date.now()
    const mayFetch = this.#mayFetch(fetchNext)
    let next: NextJob | undefined
    try {
      const fetching = { token: this.#newToken(), fetchNext: mayFetch }
      const exchanged = isPlain ? await this.exchanges.end(job, how, fetching) : undefined
      next =
        exchanged === undefined || exchanged.status === 'stock'
          ? await this.#endAsStock(job, stock, success)
          : acknowledge(exchanged, success, (code) => this.refusal(job, code))
    } catch (error) {
      // BullMQ's Worker would record a failure of the job.
      if (!success) throw error
      success.acknowledge('unknown', error)
    }
    if (job instanceof FetchedJob) this.#ahead.leave(job)
    if (next) this.#ahead.enter(next)
    return { result: next ?? (mayFetch ? await this.#nextOrNone() : []), finishedOn }
  }

  /** A fetch that fails says nothing of the job that has just ended. */
  async #nextOrNone(): Promise<NextJob> {
    try {
      return await this.moveToActive()
    } catch (error) {
      this.emit('error', error)
      return []
    }
  }

  /** BullMQ's own script ends a job: its place asks for the next anew. */
  async #endAsStock(job: MinimalJob, stock: () => Promise<unknown>, success: Success | undefined): Promise<undefined> {
    await stock()
    success?.acknowledge('ended')
    if (job instanceof FetchedJob) this.#options.onUntold(job)
  }

  #mayFetch(fetchNext: boolean): boolean {
    this.#wasAsked ||= fetchNext && this.#isQuiet
    return fetchNext && !this.#isQuiet && !this.#isStopped
  }

  /** What is fetched is locked with a token of its own, not with the one that BullMQ's Worker names. */
  override async moveToActive(): Promise<NextJob> {
    if (this.#isStopped) return []
    if (this.#isQuiet) {
      this.#wasAsked = true
      return []
    }
    try {
      return await this.#ahead.next(!this.#isWaiting)
    } catch (error) {
      await sleep(retryAfterMs)
      throw error
    }
  }

  override async waitForJob(blockTimeout: number): Promise<{ member: string; score: number } | null> {
    if (this.#ahead.takeMayBeMore()) return { member: '0', score: 0 }
    this.#isWaiting = true
    try {
      return await Promise.race([super.waitForJob(blockTimeout), this.#stopped.promise])
    } finally {
      this.#isWaiting = false
    }
  }

  /**
   * BullMQ's Worker calls this when it closes, before it waits for running jobs. It waits for the connection's end, which does not come while
   * Redis is away, or gets its error: then it stops waiting for the jobs, and their ends are not recorded.
   */
  override async disconnectBlocking(): Promise<void> {
    this.#isStopped = true
    this.#stopped.resolve(null)
    const client = await this.blockingClient
    client?.disconnect()
  }

  /** … and this when it goes on. */
  override async reconnectBlocking(): Promise<void> {
    this.#isStopped = false
    this.#stopped = Promise.withResolvers()
    return super.reconnectBlocking()
  }

  override async close(force = false): Promise<void> {
    this.#isStopped = true
    if (!force) await this.#ahead.settle()
    // Not by a command, which would wait for Redis.
    await this.blockingConnection?.close(true)
    return super.close(force)
  }

  async #fetch(): Promise<NextJob> {
    const token = this.#newToken()
    const exchanged = await this.exchanges.fetch(token)
    if (exchanged.status === 'failed') throw exchanged.error
    if (exchanged.status !== 'done') throw new TypeError(`no answer to a fetch: ${exchanged.status}`)
    return exchanged.next
  }

  #newToken(): string {
    return `${this.#id}:${++this.#tokens}`
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
    await this.exchanges.settle()
    await nextTurn()
    setImmediate(() => {
      this.#isQuiet = false
      // A worker that got the answer that there is no job waits for the marker.
      if (this.#wasAsked) wakeWorker(this.#options.redis, this).catch((error: unknown) => this.emit('error', error))
      this.#wasAsked = false
    })
    return start()
  }
}
