import { randomBytes } from 'node:crypto'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { KeepJobs, MinimalJob } from 'bullmq'
import { byWallClock, redisNow } from '../model/redis-time.ts'
import type { Redis } from '../redis/connection.ts'
import { type BackendOptions, BatchingBackend, type Finished, type QueueOptions } from './batching-backend.ts'
import { acknowledge, type End, type NextJob } from './complete-and-fetch.ts'
import { FetchAhead } from './fetch-ahead.ts'
import { FetchedJob, type FetchedJson, Success } from './fetched-job.ts'
import type { Marker, MarkerWait } from './marker-wait.ts'
import { type Retry, retryJob, wakeWorker } from './put-back.ts'

/** After an error of Redis no job is asked for during this. */
const retryAfterMs = 250

export interface WorkerBackendOptions extends BackendOptions {
  redis: Redis
  /** BullMQ's own script has ended this job, without a message to its subscribers. */
  onUntold: (job: FetchedJob) => void
  /** This job was fetched, and then the worker did not ask for it. Must not reject. */
  putBack: (job: FetchedJson) => Promise<void>
  /** Waits for jobs of all queues of the process; absent: this worker has a connection of its own for that. */
  markers?: MarkerWait | undefined
  /** Whether jobs wait, by a look that may be a second old; absent: they may. */
  hasWaiting?: (() => Promise<boolean>) | undefined
}

/** Whether our script can end a job, what does so otherwise, and the success that it ends by. */
interface EndBy {
  isPlain: boolean
  stock: () => Promise<unknown>
  success?: Success
}

/**
 * The backend of Drover's worker. It fetches several jobs by one call, each under a fencing token of its own (BullMQ's token belongs to a slot of
 * the worker). It reports to a success what became of it, and publishes the end of a job.
 */
export class WorkerBackend extends BatchingBackend {
  readonly #options: WorkerBackendOptions
  readonly #ahead: FetchAhead
  /** Short, since it is in the lock of every job. */
  readonly #id = randomBytes(6).toString('base64url')
  #tokens = 0
  /** True while no job is to come here: see {@link startAlone}. */
  #isQuiet = false
  #wasAsked = false
  #slot: { next: NextJob | undefined } | undefined
  #isStopped = false
  #isClosed = false
  /** How often it was disconnected. */
  #stops = 0
  #endWait: (() => void) | undefined
  /** A marker came here, and no job was asked for since. */
  #hasMarker = false
  /** The next wait is for the time at which a job is due: the loop fetches after it, whatever a look says. */
  isDueKnown = false

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

  /**
   * Records a success and fetches the next job for its slot. Never rejects: the success receives what became of it.
   *
   * @returns undefined when its slot is to fetch a job by another call
   */
  async succeed(job: FetchedJob, success: Success, fetchNext: boolean): Promise<NextJob | undefined> {
    const remove = job.opts.removeOnComplete
    const token = job.lockToken
    try {
      const { output: value, nextStep } = success
      return await this.#endAndFetch(job, { kind: 'completed', value, heldToken: token, nextStep }, fetchNext, {
        isPlain: this.isPlainEnd(job, token, this.getKeepJobs(remove, this.opts.removeOnComplete)),
        stock: () => this.completeAsStock(job, JSON.parse(success.output), remove ?? false, token, false),
        success,
      })
    } catch (error) {
      success.acknowledge('unknown', error)
      return undefined
    } finally {
      this.#ahead.leave(job)
    }
  }

  override async moveToCompleted<T, R, N extends string>(
    job: MinimalJob<T, R, N>,
    value: R,
    remove: boolean | number | KeepJobs,
    token: string,
    fetchNext: boolean,
  ): Promise<Finished> {
    const heldToken = job instanceof FetchedJob ? job.lockToken : token
    const how: End = { kind: 'completed', value: JSON.stringify(value) ?? 'null', heldToken }
    return this.#finish(job, how, fetchNext, {
      isPlain: this.isPlainEnd(job, heldToken, this.getKeepJobs(remove, this.opts.removeOnComplete)),
      stock: () => this.completeAsStock(job, value, remove, heldToken, false),
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
    // BullMQ's list of stack traces gets no entry for the end of our jobs: it follows from the failure.
    const stored = job instanceof FetchedJob && job.isOurs ? (job.isUnrun ? { unrun: 1 } : {}) : fields
    return this.#finish(job, { kind: 'failed', value: failure ?? 'null', heldToken, fields: stored }, fetchNext, {
      isPlain: this.isPlainEnd(job, heldToken, this.getKeepJobs(remove, this.opts.removeOnFail)),
      stock: () => this.failAsStock(job, failure, remove, heldToken, false, stored),
    })
  }

  /** Never fetches the next job: see {@link forSlot}. */
  override async moveToDelayed(
    ...[id, , delayMs, token = '', options]: Parameters<BatchingBackend['moveToDelayed']>
  ): Promise<void> {
    const { skipAttempt, fieldsToUpdate: fields } = options ?? {}
    await this.#retry(id, token, { delayMs, skipAttempt, fields })
  }

  override async retryJob(
    ...[id, isLifo, token = '', options]: Parameters<BatchingBackend['retryJob']>
  ): Promise<void> {
    await this.#retry(id, token, { isLifo, fields: options?.fieldsToUpdate })
  }

  async #retry(id: string, token: string, how: Retry): Promise<void> {
    const code = await retryJob({ redis: this.#options.redis, backend: this }, id, token, how)
    if (code < 0) throw this.finishedErrors({ code, jobId: id, command: 'retryJob', state: 'active' })
  }

  async #finish(job: MinimalJob, how: End, fetchNext: boolean, by: EndBy): Promise<Finished> {
    const finishedOn = redisNow()
    const next = await this.#endAndFetch(job, how, fetchNext, by)
    if (job instanceof FetchedJob) this.#ahead.leave(job)
    return { result: next ?? (fetchNext ? await this.moveToActive() : []), finishedOn }
  }

  async #endAndFetch(
    job: MinimalJob,
    how: End,
    fetchNext: boolean,
    { isPlain, stock, success }: EndBy,
  ): Promise<NextJob | undefined> {
    const fetching = { token: this.#newToken(), fetchNext: this.#mayFetch(fetchNext) }
    const exchanged = isPlain ? await this.exchanges.end(job, how, fetching) : undefined
    if (exchanged === undefined || exchanged.status === 'stock') {
      await stock()
      success?.acknowledge('ended')
      if (job instanceof FetchedJob) this.#options.onUntold(job)
      return undefined
    }
    const next = acknowledge(exchanged, success, (code) => this.refusal(job, code))
    if (next) this.#ahead.enter(next)
    return next
  }

  #mayFetch(fetchNext: boolean): boolean {
    this.#wasAsked ||= fetchNext && this.#isQuiet
    return fetchNext && !this.#isQuiet && !this.#isStopped
  }

  /**
   * The next call of {@link moveToActive} is for a slot of the worker that has settled its job: it gets `next`, else one job is fetched. BullMQ's
   * loop fetches several, since it asks again.
   */
  forSlot(next: NextJob | undefined): void {
    this.#slot = { next }
  }

  /** What is fetched is locked with a token of its own, not with the one that BullMQ's Worker names. */
  override async moveToActive(): Promise<NextJob> {
    const slot = this.#slot
    this.#slot = undefined
    if (slot?.next) return slot.next
    if (this.#isStopped) return []
    this.#hasMarker = false
    if (this.#isQuiet) {
      this.#wasAsked = true
      return []
    }
    try {
      return await this.#ahead.next(slot === undefined)
    } catch (error) {
      await sleep(retryAfterMs)
      throw error
    }
  }

  override async waitForJob(blockTimeout: number): Promise<Marker | null> {
    if (this.#ahead.takeMayBeMore()) return { member: '0', score: 0 }
    if (this.#isStopped) return null
    const { promise, resolve, reject } = Promise.withResolvers<Marker | null>()
    this.#endWait = () => resolve(null)
    this.#receiveMarker(blockTimeout).then(resolve, reject)
    return promise
  }

  async #receiveMarker(blockTimeout: number): Promise<Marker | null> {
    const marker = await this.#waitForMarker(blockTimeout)
    if (marker) {
      this.#hasMarker = true
      this.#ahead.onMarker()
    }
    if (this.#isStopped) this.#giveMarkerBack()
    return marker && { ...marker, score: byWallClock(marker.score) }
  }

  /** Another worker is to take the job of a marker that this one will not ask for. */
  #giveMarkerBack(): void {
    if (!this.#hasMarker) return
    this.#hasMarker = false
    wakeWorker(this.#options.redis, this).catch((error: unknown) => this.emit('error', error))
  }

  async #waitForMarker(blockTimeout: number): Promise<Marker | null> {
    const { markers, hasWaiting } = this.#options
    const { isDueKnown } = this
    if (!markers) return super.waitForJob(blockTimeout)
    for (;;) {
      const marker = await markers.wait(this.toKey('marker'), blockTimeout * 1000)
      if (marker || isDueKnown || !hasWaiting) return marker
      // No job is due at a known time. A marker may have been lost, or a job is held by a rate.
      if (this.#isStopped || markers.isClosed || (await hasWaiting()) || this.#isStopped) return null
    }
  }

  /**
   * BullMQ's Worker calls this when it closes, before it waits for running jobs. It waits for the connection's end, which does not come while
   * Redis is away, or gets its error: then it stops waiting for the jobs, and their ends are not recorded.
   */
  override async disconnectBlocking(): Promise<void> {
    this.#isStopped = true
    this.#stops += 1
    this.#giveMarkerBack()
    this.#endWait?.()
    this.#options.markers?.leave(this.toKey('marker'))
    const client = await this.blockingClient
    client?.disconnect()
  }

  /** … and this when it goes on, also after an error. A close that begins meanwhile must not leave a connection behind. */
  override async reconnectBlocking(): Promise<void> {
    if (this.#isClosed) return
    const stops = this.#stops
    this.#isStopped = false
    await super.reconnectBlocking()
    if (this.#stops === stops && !this.#isClosed) return
    this.#isStopped = true
    const client = await this.blockingClient
    client?.disconnect()
  }

  override async close(force = false): Promise<void> {
    this.#isStopped = true
    this.#isClosed = true
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
    return this.#id + (++this.#tokens).toString(36)
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
