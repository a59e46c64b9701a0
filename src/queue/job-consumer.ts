import { once } from 'node:events'
import { type Job as BullJob, DelayedError, WaitingError, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import type { Logger } from 'pino'
import type { StopRequest } from '../jobs/stop-request.ts'
import type { AttemptEvents, JobEventWriter } from './job-event-writer.ts'
import type { JobRef } from './job-id.ts'
import { encodeFailure, type StoredFailure } from './job-record.ts'
import type { Keys } from './keys.ts'

/** A job that this worker holds, for one attempt. */
export interface ClaimedJob {
  ref: JobRef
  type: string
  /** As stored; `parseRecord` says whether this version can read it. */
  data: unknown
  attempt: number
  maxAttempts: number
  createdAt: number
  startedAt: number
  events: AttemptEvents
  /** Calls back when the job is to stop, at once if it already is; returns a function that takes the callback back. */
  onStop(stop: (request: StopRequest) => void): () => void
}

/** What becomes of a job after an attempt. */
export type Settlement =
  | { status: 'succeeded'; output: unknown }
  /** With a delay and attempts left it is tried again, else it has failed. */
  | { status: 'failed'; failure: StoredFailure; retryDelayMs: number | undefined }
  /** Back to the head of its queue (no delay) or to be looked at later, without using up an attempt. */
  | { status: 'put_back'; delayMs: number }
  /** Another worker has it now: nothing that this one says counts. */
  | { status: 'lost' }

export interface ConsumerOptions {
  queue: string
  concurrency: number
  redis: Redis
  keys: Keys
  events: JobEventWriter
  log: Logger
  workerName: string
  /** How long a worker that fell silent keeps its jobs. Renewed at half of it. */
  lockMs: number
  execute(job: ClaimedJob): Promise<Settlement>
}

/** A handler whose job is no longer its own, or whose worker is going, gets this long to end by itself. */
const stopGraceMs = 500

/** A worker's connection waits for Redis as long as it takes; a probe does not. */
const probeMs = 900
/** Crashes are counted by BullMQ as stalls; beyond this many the job fails as `stalled`. */
const mostStalls = 3

/** Takes jobs of one queue, as many at once as it is told, and brings each attempt to its settlement. */
export class JobConsumer {
  readonly #options: ConsumerOptions
  readonly #worker: Worker
  readonly #running = new Map<string, StopSwitch>()

  /** Takes jobs from {@link run} on. */
  constructor(options: ConsumerOptions) {
    this.#options = options
    const { queue, concurrency, redis, keys, log, lockMs } = options
    this.#worker = new Worker(queue, (job, token) => this.#process(job, token ?? ''), {
      connection: redis,
      prefix: keys.bullPrefix(queue),
      name: options.workerName,
      concurrency,
      autorun: false,
      lockDuration: lockMs,
      stalledInterval: lockMs / 2,
      maxStalledCount: mostStalls,
      settings: { backoffStrategy: (_made, _type, error) => (error instanceof AttemptFailed ? error.retryDelayMs : 0) },
    })
    this.#worker.on('error', (error) => log.warn({ queue, err: error }, 'queue error'))
    this.#worker.on('completed', (job) => this.#announce(job, 'end'))
    this.#worker.on('failed', (job) => job && this.#announce(job, 'end'))
    this.#worker.on('stalled', (id) => {
      log.warn({ queue, job: id }, 'a job whose worker vanished goes back to its queue')
      this.#options.events.announce({ queue, id }, 'change')
    })
    this.#worker.on('lockRenewalFailed', (ids) => {
      for (const id of ids) this.#stop(id, 'lock_lost')
    })
  }

  get running(): number {
    return this.#running.size
  }

  /** Resolves when jobs can be taken; the taking goes on until {@link stop}. */
  async start(): Promise<void> {
    await this.#worker.waitUntilReady()
    this.#worker.run().catch((error: unknown) => {
      this.#options.log.error({ queue: this.#options.queue, err: error }, 'the consumer has ended')
    })
  }

  /** Resolves when jobs could be consumed now. @throws Error that says why not. */
  async probe(): Promise<void> {
    if (!this.#worker.isRunning()) throw new Error(`the consumer of "${this.#options.queue}" is not running`)
    const answer = this.#options.redis.ping()
    const late = AbortSignal.timeout(probeMs)
    await Promise.race([answer, once(late, 'abort').then(() => Promise.reject(new Error('Redis does not answer')))])
  }

  /** Takes no more jobs, waits `graceMs` for the running ones, puts the rest back. Safe to call twice. */
  async stop(graceMs: number): Promise<void> {
    const closed = this.#worker.close()
    const timer = setTimeout(() => {
      for (const id of this.#running.keys()) this.#stop(id, 'shutdown')
    }, graceMs)
    try {
      await closed
    } finally {
      clearTimeout(timer)
    }
  }

  #stop(id: string, kind: StopRequest['kind']): void {
    this.#running.get(id)?.stop({ kind, graceMs: stopGraceMs })
  }

  async #process(job: BullJob, token: string): Promise<unknown> {
    const { queue, events } = this.#options
    const ref = { queue, id: job.id ?? '' }
    const running = new StopSwitch()
    this.#running.set(ref.id, running)
    events.announce(ref, 'change')
    const attemptEvents = events.open(ref, token, () => this.#stop(ref.id, 'lock_lost'))
    try {
      const settlement = await this.#options.execute({
        ref,
        type: job.name,
        data: job.data,
        attempt: job.attemptsMade + 1,
        maxAttempts: job.opts.attempts ?? 1,
        createdAt: job.timestamp,
        startedAt: job.processedOn ?? Date.now(),
        events: attemptEvents,
        onStop: (stop) => running.onStop(stop),
      })
      await attemptEvents.flush()
      return await this.#settle(job, token, settlement)
    } finally {
      if (this.#running.get(ref.id) === running) this.#running.delete(ref.id)
    }
  }

  /** Says to BullMQ what it should do, in its own terms: return, throw, or move and throw. */
  async #settle(job: BullJob, token: string, settlement: Settlement): Promise<unknown> {
    switch (settlement.status) {
      case 'succeeded':
        return settlement.output
      case 'failed':
        throw new AttemptFailed(settlement.failure, settlement.retryDelayMs, job.processedOn)
      case 'put_back':
        await this.#putBack(job, token, settlement.delayMs)
        this.#announce(job, 'change')
        throw settlement.delayMs > 0 ? new DelayedError() : new WaitingError()
      case 'lost':
        // To BullMQ: it has been moved already. Whoever has the lock, or the check for stalled jobs, moves it.
        throw new WaitingError()
      default:
        throw new TypeError(`there is no such settlement: ${JSON.stringify(settlement satisfies never)}`)
    }
  }

  async #putBack(job: BullJob, token: string, delayMs: number): Promise<void> {
    if (delayMs > 0) return job.moveToDelayed(Date.now() + delayMs, token)
    await job.moveToWait(token)
    // BullMQ sets no marker here for a prioritised job, so that an idle worker would find it only at its next look.
    await this.#options.redis.zadd(this.#options.keys.bull(this.#options.queue, 'marker'), 0, '0')
  }

  #announce(job: BullJob, change: 'change' | 'end'): void {
    this.#options.events.announce({ queue: this.#options.queue, id: job.id ?? '' }, change)
  }
}

/** Remembers the first request to stop for whoever asks late. Much cheaper than an AbortController, of which an executor needs one anyway. */
class StopSwitch {
  #request: StopRequest | undefined
  #listener: ((request: StopRequest) => void) | undefined

  stop(request: StopRequest): void {
    this.#request ??= request
    this.#listener?.(this.#request)
  }

  onStop(listener: (request: StopRequest) => void): () => void {
    this.#listener = listener
    if (this.#request) listener(this.#request)
    return () => {
      this.#listener = undefined
    }
  }
}

/** BullMQ stores `message` as the job's failure and adds `stack` to the list of its attempts: both are ours, as JSON. */
class AttemptFailed extends Error {
  /** −1 tells BullMQ to end the job. */
  readonly retryDelayMs: number

  constructor(failure: StoredFailure, retryDelayMs: number | undefined, startedAt: number | undefined) {
    super(encodeFailure(failure))
    this.name = 'AttemptFailed'
    this.retryDelayMs = retryDelayMs ?? -1
    this.stack = JSON.stringify({ ...failure, startedAt, endedAt: Date.now() })
  }
}
