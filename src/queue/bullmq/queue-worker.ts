import { createIORedisClient, type Job, type JobJson, RedisConnection, Worker } from 'bullmq'
import type { JobLease } from '../model/job-lease.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { backoffStrategy } from './attempt-failed.ts'
import { FetchedJob, type FetchedJson, type Success } from './fetched-job.ts'
import { type MarkerWait, workerConnectionName } from './marker-wait.ts'
import { WorkerBackend } from './worker-backend.ts'

export interface QueueWorkerOptions {
  queue: string
  concurrency: number
  redis: Redis
  keys: Keys
  workerName: string
  lockMs: number
  /** A job fails as stalled when its worker vanishes once more than this. */
  maxCrashes: number
  /** A job was fetched: renews its lock from now on, before any job that was fetched with it starts and may block the event loop. */
  hold?: ((job: FetchedJob) => JobLease) | undefined
  /** Runs a job; undefined: it has settled the job otherwise. Must not reject. */
  process: (job: FetchedJob) => Promise<Success | undefined>
  /** BullMQ's own script has ended a job, without a message to its subscribers. */
  onUntold: (job: FetchedJob) => void
  /** Puts back a job that was fetched and is not to run here. Must not reject. */
  putBack: (job: FetchedJob) => Promise<void>
  /** See {@link WorkerBackendOptions}. */
  markers?: MarkerWait | undefined
  hasWaiting?: (() => Promise<boolean>) | undefined
}

/** BullMQ's Worker over our backend: it runs the loop, moves jobs, and waits until there are some. */
export class QueueWorker extends Worker<unknown, unknown, string, WorkerBackend> {
  readonly #process: QueueWorkerOptions['process']
  readonly #hold: QueueWorkerOptions['hold']
  /** The job that was made last. */
  #created: FetchedJob | undefined

  /** Takes jobs from `run()` on. */
  constructor(options: QueueWorkerOptions) {
    const { queue, concurrency, redis, keys, workerName, lockMs, maxCrashes, process, onUntold, putBack } = options
    super(
      queue,
      // Not called: see processJob.
      async () => undefined,
      {
        connection: redis,
        prefix: keys.bullPrefix(queue),
        name: workerName,
        concurrency,
        autorun: false,
        lockDuration: lockMs,
        // Locks are renewed by LockRenewal, which also stops the runs whose lock is lost.
        skipLockRenewal: true,
        // They are found by StalledSearch.
        skipStalledCheck: true,
        maxStalledCount: maxCrashes,
        settings: { backoffStrategy },
      },
      (name, opts) => {
        const connection = new RedisConnection(redis, { shared: true, blocking: false })
        const { markers, hasWaiting } = options
        const openBlocking = () => {
          const own = createIORedisClient(redis).duplicate({
            connectionName: workerConnectionName(keys, name, workerName),
          })
          return new RedisConnection(own, { shared: false, blocking: true })
        }
        return new WorkerBackend(name, opts, {
          redis,
          connection,
          ...(markers ? { markers, hasWaiting } : { blocking: openBlocking() }),
          ownsConnections: true,
          hints: keys.flowHints,
          onUntold,
          putBack: (json) => putBack(new FetchedJob(this, json, json.id)),
        })
      },
    )
    this.#process = process
    this.#hold = options.hold
  }

  /**
   * Runs and settles a job of BullMQ's loop. Never rejects. In place of BullMQ's own method, which also traces, tracks locks, and ends a job by
   * calls of BullMQ's Job: 5 µs of the 45 that a worker took for an empty job.
   *
   * @returns the next job of its slot
   */
  override async processJob(job: Job, token: string, mayFetch: () => boolean = () => true): Promise<Job | undefined> {
    if (!(job instanceof FetchedJob)) throw new TypeError('a job that was not fetched here')
    const backend = this.getBackend()
    const success = await this.#process(job)
    const fetchNext = mayFetch() && !this.closing
    const next = success ? await backend.succeed(job, success, fetchNext) : undefined
    if (!success) backend.leave(job)
    if (!fetchNext) return undefined
    try {
      // By this method BullMQ's loop also learns that there is no job, and when to ask again.
      backend.forSlot(next)
      return await this.moveToActive(token)
    } catch (error) {
      this.emit('error', error instanceof Error ? error : new Error('failed to fetch a job', { cause: error }))
      return undefined
    }
  }

  /** BullMQ's loop asks for this before it waits: `blockUntil` is when a job is due, or 0 where no time is known. */
  protected override getBlockTimeout(blockUntil: number): number {
    this.getBackend().isDueKnown = blockUntil > 0
    return super.getBlockTimeout(blockUntil)
  }

  /** BullMQ drops a fetched job whose successor by a job scheduler it cannot add. It stalls then: nobody runs it, so nobody must hold it. */
  protected override async nextJobFromJobData(...fetched: Parameters<Worker['nextJobFromJobData']>): Promise<Job> {
    // It makes the job before it waits for anything.
    const next = super.nextJobFromJobData(...fetched)
    const created = this.#created
    this.#created = undefined
    const job: Job | undefined = await next
    if (!job && created) {
      created.lease.release()
      this.getBackend().leave(created)
    }
    return next
  }

  /** Our backend gives what {@link FetchedJson} says, with the token of its lock. */
  protected override createJob(json: JobJson & FetchedJson, id: string): FetchedJob {
    const job = new FetchedJob(this, json, id)
    if (this.#hold) job.lease = this.#hold(job)
    this.#created = job
    return job
  }
}
