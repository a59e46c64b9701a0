import { once } from 'node:events'
import { type Acknowledged, type FetchedJob, Success } from '../bullmq/fetched-job.ts'
import type { MarkerWait } from '../bullmq/marker-wait.ts'
import { QueueWorker } from '../bullmq/queue-worker.ts'
import { countQueue } from '../store/count-queue.ts'
import type { Settlement, StepFiller } from './attempt.ts'
import { AttemptLog } from './attempt-log.ts'
import { AttemptRunner, type RunnerOptions } from './attempt-runner.ts'
import { readBlockedMs } from './blocked-worker.ts'
import type { QueueLooks } from './idle-waits.ts'
import type { JobLeases } from './job-leases.ts'
import { LockRenewal } from './lock-renewal.ts'
import { JobSettler, type SettlerOptions } from './settle-job.ts'
import { StalledSearch } from './stalled-search.ts'

export interface ConsumerOptions extends RunnerOptions, SettlerOptions {
  concurrency: number
  workerName: string
  /** Renews leases while the event loop is blocked; absent: nothing does. */
  leases?: JobLeases
  /** Whether BullMQ's event stream of the queue is written. */
  bullmqEvents?: boolean
  /** One look for all queues of the process. */
  looks?: QueueLooks
  /** Completes the next steps of chains. */
  fillStep?: StepFiller
  /** Waits for the jobs of all queues of the process; absent: the consumer has a connection of its own for that. */
  markers?: MarkerWait | undefined
}

/** A worker's connection waits for Redis as long as it takes; a probe does not. */
const probeMs = 900
/** A job fails as `stalled` when its worker vanishes once more than this. */
const maxCrashes = 3

/** Consumes one queue with a concurrency limit: fetches, runs and settles jobs. */
export class JobConsumer {
  readonly #options: ConsumerOptions
  readonly #worker: QueueWorker
  readonly #runner: AttemptRunner
  readonly #settler: JobSettler
  readonly #locks: LockRenewal
  readonly #stalled: StalledSearch
  readonly #attempts: AttemptLog
  #fetches = 0
  #isOpen = false

  /** Takes jobs from {@link start} on. */
  constructor(options: ConsumerOptions) {
    this.#options = options
    const { queue, log, lockMs, events, leases, looks } = options
    this.#attempts = new AttemptLog(log)
    this.#worker = new QueueWorker({
      ...options,
      maxCrashes,
      hasWaiting: looks && (() => looks.waiting.hasJobs(queue)),
      hold: leases && ((job) => leases.hold(queue, job.id ?? '', job.lockToken, job.lease.heldSince)),
      process: (job) => this.#process(job),
      onUntold: (job) => this.#settler.announceEnd(job),
      putBack: (job) => this.#settler.settle(job, { status: 'put_back', hasStarted: false }),
    })
    const backend = this.#worker.getBackend()
    const renew = (ids: string[], tokens: string[]) => this.#worker.extendJobLocks(ids, tokens, lockMs)
    this.#runner = new AttemptRunner({
      ...options,
      backend,
      renew: async (id, token) => (await renew([id], [token])).length === 0,
    })
    this.#settler = new JobSettler({ ...options, backend })
    this.#worker.on('error', (error) => log.warn({ queue, err: error }, 'queue error'))
    this.#stalled = new StalledSearch({
      ...options,
      maxCrashes,
      hasRunning: looks && (() => looks.running.hasJobs(queue)),
      onFound: (id) => {
        void this.#logStalled(id)
        events.announce({ queue, id }, 'change')
      },
      onError: (error) =>
        log.warn({ queue, err: error }, 'failed to look for jobs whose lease has expired; trying again'),
    })
    this.#locks = new LockRenewal({
      running: this.#runner.running,
      lockMs,
      renew,
      onRefused: (ids) => this.#runner.check(ids),
      log,
    })
  }

  get queue(): string {
    return this.#options.queue
  }

  /** The types of the jobs that run here or ended here last. */
  recentTypes(): Iterable<string> {
    return this.#runner.recentTypes()
  }

  /** True when jobs wait that this consumer should take. False, too, when Redis does not say. */
  async hasWork(): Promise<boolean> {
    const { redis, keys, queue, looks } = this.#options
    if (redis.status !== 'ready' || !this.#isOpen) return false
    try {
      if (looks && !(await looks.waiting.hasJobs(queue))) return false
      const { paused, ready, running } = await countQueue(redis, keys, queue)
      if (paused || ready === 0) return false
      // BullMQ's own limits of a queue, which its tools may set: other workers may use them up.
      const [concurrency, rate] = await redis.hmget(keys.bull(queue, 'meta'), 'concurrency', 'max')
      const isAtLimit = concurrency !== null && Number(concurrency) >= 0 && running >= Number(concurrency)
      return rate === null && !isAtLimit
    } catch (error) {
      this.#options.log.debug({ queue, err: error }, 'the queue could not be counted')
      return false
    }
  }

  /** The jobs that run here, in the order of their starts; `startedAt` in epoch ms. */
  *running(): Generator<{ id: string; type: string; startedAt: number }> {
    for (const { id, type, startedAt } of this.#runner.running.values()) yield { id, type, startedAt }
  }

  /** How many jobs were ever fetched. */
  get fetches(): number {
    return this.#fetches
  }

  /** How many jobs run here now. */
  get runningJobs(): number {
    return this.#runner.running.size
  }

  get isFull(): boolean {
    return this.runningJobs >= this.#options.concurrency
  }

  /** Resolves when jobs can be taken; the taking goes on until {@link stop}. */
  async start(): Promise<void> {
    const { log } = this.#options
    await this.#worker.waitUntilReady()
    await this.#worker.getBackend().writeMeta({ writesEvents: this.#options.bullmqEvents ?? false })
    this.#isOpen = true
    // Should the loop end by itself, the watchdog finds that jobs wait and none is taken.
    this.#worker.run().catch((error: unknown) => log.error({ queue: this.queue, err: error }, 'the worker loop ended'))
    this.#locks.start()
    this.#stalled.start()
  }

  /** Resolves when jobs could be consumed now. @throws Error that says why not. */
  async probe(): Promise<void> {
    if (!this.#isOpen) throw new Error(`the consumer of "${this.#options.queue}" is not running`)
    const late = once(AbortSignal.timeout(probeMs), 'abort').then(() => {
      throw new Error('Redis does not answer')
    })
    await Promise.race([this.#options.redis.ping(), late])
  }

  /** A running job is cancelled whose lock was `token`: this worker's, if it holds or held that. */
  cancel(id: string, token: string): void {
    this.#runner.cancel(id, token)
  }

  /** Messages may have been missed: asks of every running job whether it is to stop. */
  checkAll(): void {
    void this.#runner.check()
  }

  /**
   * Takes no more jobs, waits `graceMs` for the running ones, puts the rest back. Safe to call twice.
   *
   * @param isFault one of them may be why this process ends: the rest is left, as by a worker that vanishes, and so counted
   */
  async stop(graceMs: number, isFault = false): Promise<void> {
    this.#isOpen = false
    this.#stalled.stop()
    const timer = setTimeout(() => this.#runner.stopAll(isFault ? 'lock_lost' : 'shutdown'), graceMs)
    try {
      await this.#worker.close()
    } finally {
      clearTimeout(timer)
      this.#locks.stop()
      this.#runner.close()
      this.#settler.close()
    }
  }

  async #logStalled(id: string): Promise<void> {
    const { queue, redis, log } = this.#options
    try {
      const blockedMs = await readBlockedMs(redis, this.#worker.getBackend().toKey(id))
      // The worker that fetches it next logs which worker was lost.
      if (blockedMs === undefined) log.debug({ queue, job: id }, 'the lease of a job expired; the job is redelivered')
      else {
        const fields = { queue, job: id, blocked_ms: blockedMs }
        log.warn(fields, 'a job blocked the event loop of its worker; the job is redelivered')
      }
    } catch (error) {
      log.warn({ queue, job: id, err: error }, 'a job lost its worker; the job is redelivered')
    }
  }

  /** Runs and settles a job. @returns a success, which BullMQ's Worker settles with the next fetch. Never rejects. */
  async #process(job: FetchedJob): Promise<Success | undefined> {
    this.#fetches += 1
    this.#attempts.fetched(job)
    let success: Success | undefined
    try {
      const fillStep = job.isOurs ? this.#options.fillStep?.(job.ref, job.data) : undefined
      const settlement = await this.#attempt(job)
      if (settlement?.status !== 'succeeded') {
        await this.#settler.settle(job, settlement)
        return undefined
      }
      const nextStep = fillStep && !settlement.isBeside ? await fillStep(settlement.output) : undefined
      success = this.#succeed(job, settlement.output, nextStep)
      return success
    } finally {
      // The lease of a success is renewed until its end is stored.
      if (!success) job.lease.release()
    }
  }

  #succeed(job: FetchedJob, output: string, nextStep: Success['nextStep']): Success {
    this.#options.events.leaveToEnd(job.ref)
    const onAcknowledged = (word: Acknowledged, error?: unknown) => {
      job.lease.release()
      void this.#settler.onAcknowledged(job, word, error)
    }
    return new Success(output, onAcknowledged, nextStep)
  }

  /** @returns undefined when it is to fail unrun */
  #attempt(job: FetchedJob): Promise<Settlement> | Settlement | undefined {
    if (!this.#isOpen) return { status: 'put_back', hasStarted: false }
    return job.failsWith === undefined ? this.#runner.run(job) : undefined
  }
}
