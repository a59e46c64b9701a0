import { once } from 'node:events'
import type { Job as BullJob } from 'bullmq'
import type { Logger } from 'pino'
import type { StopRequest } from '../jobs/stop-request.ts'
import type { ClaimedJob, Settlement } from './claimed-job.ts'
import type { Redis } from './connection.ts'
import type { JobEventWriter } from './job-event-writer.ts'
import type { JobRef } from './job-id.ts'
import type { OutputWriter } from './job-output.ts'
import { dueAt, endWithoutSuccess, flowOf } from './job-record.ts'
import type { JobEnd } from './job-states.ts'
import type { JobSteering } from './job-steering.ts'
import type { Keys } from './keys.ts'
import { PrefetchingWorker } from './prefetching-worker.ts'
import { countQueue } from './queue-census.ts'
import { type CrashLane, RunningJob } from './running-job.ts'
import { loadScript } from './scripts.ts'
import { AttemptFailed, putJobBack, settleJob } from './settle-job.ts'
import type { TenantQuotas } from './tenant-quotas.ts'

export interface ConsumerOptions {
  queue: string
  concurrency: number
  redis: Redis
  keys: Keys
  events: JobEventWriter
  outputs: OutputWriter
  steering: JobSteering
  quotas: TenantQuotas
  /** Shared by the consumers of a process. */
  lane: CrashLane
  log: Logger
  workerName: string
  /** How long a worker that fell silent keeps its jobs. Renewed at half of it. */
  lockMs: number
  execute: (job: ClaimedJob) => Promise<Settlement>
  /** A job has ended here. */
  onEnded?: (type: string, end: JobEnd) => void
  /** … by its result, so that its webhook is owed; `data` is its record. Not said when this process dies first. */
  releaseWebhook?: (ref: JobRef, data: unknown) => void
}

const markUnknown = loadScript('mark-unknown')

/** A handler whose job is no longer its own, or whose worker is going, gets this long to end by itself. */
const stopGraceMs = 500
/** BullMQ renews at half of a lock's life; what it has not renewed by then, we do. */
const overdueShare = 0.7
/** A worker's connection waits for Redis as long as it takes; a probe does not. */
const probeMs = 900
/** A job fails as `stalled` when its worker vanishes once more than this; from the second time on it waits for the lane. */
const mostCrashes = 3
const laneFromCrash = 2
const laneDelayMs = 1000
/** How many of the jobs that ended here last are remembered, for a cancel that crosses their end. */
const endedKept = 1000
const lastEnded = 5

/** Takes jobs of one queue, as many at once as it is told, and brings each attempt to its settlement. */
export class JobConsumer {
  readonly #options: ConsumerOptions
  readonly #worker: PrefetchingWorker
  readonly #running = new Map<string, RunningJob>()
  readonly #ended = new Map<string, RunningJob>()
  /** Cancels that came before the job that they name; by id and token. */
  readonly #earlyCancels = new Set<string>()
  #watchdog: NodeJS.Timeout | undefined
  #isRenewing = false
  #claims = 0
  /** Set when the grace of a stop is over: a job may still come of a fetch that was on its way. */
  #stopAll: StopRequest['kind'] | undefined

  /** Takes jobs from {@link start} on. */
  constructor(options: ConsumerOptions) {
    this.#options = options
    const { queue, concurrency, redis, keys, log, lockMs } = options
    const bullOptions = {
      connection: redis,
      prefix: keys.bullPrefix(queue),
      name: options.workerName,
      concurrency,
      autorun: false,
      lockDuration: lockMs,
      // A job is found at the first look after its lock ran out: at the latest after lockMs and a fifth.
      stalledInterval: lockMs / 5,
      maxStalledCount: mostCrashes,
      settings: {
        backoffStrategy: (_made: number, _type?: string, error?: Error) =>
          error instanceof AttemptFailed ? error.retryDelayMs : 0,
      },
    }
    const process = (job: BullJob, token: string) => this.#process(job, token)
    const putBack = async (job: BullJob) => {
      const ref = { queue, id: job.id ?? '' }
      await putJobBack(options, ref, job, job.token ?? '').catch((error: unknown) =>
        log.warn({ job: ref.id, err: error }, 'a job was not put back: another worker takes it when its lock runs out'),
      )
    }
    this.#worker = new PrefetchingWorker(queue, process, bullOptions, putBack)
    this.#worker.on('error', (error) => log.warn({ queue, err: error }, 'queue error'))
    this.#worker.on('completed', (job) => this.#onSettled(job, 'succeeded'))
    this.#worker.on('failed', (job) => job && this.#onSettled(job, endWithoutSuccess(job.failedReason)))
    this.#worker.on('stalled', (id) => {
      log.warn({ queue, job: id }, 'a job whose worker vanished goes back to its queue')
      options.events.announce({ queue, id }, 'change')
    })
    this.#worker.on('locksRenewed', ({ jobIds }) => {
      for (const id of jobIds) {
        const running = this.#running.get(id)
        if (running) running.heldSince = Date.now()
      }
    })
    // The answer to an end may be lost with the connection: BullMQ does not say then that the job has ended.
    redis.on('ready', this.#announceEnded)
    this.#worker.on('lockRenewalFailed', (ids) => void this.#check(ids))
  }

  get queue(): string {
    return this.#options.queue
  }

  /** The types of the jobs that run here or ended here last. */
  *recentTypes(): Generator<string> {
    for (const { type } of this.#running.values()) yield type
    for (const { type } of [...this.#ended.values()].slice(-lastEnded)) yield type
  }

  /** True when jobs wait that this consumer should take. False, too, when Redis does not say. */
  async hasWork(): Promise<boolean> {
    const { redis, keys, queue } = this.#options
    if (redis.status !== 'ready' || !this.#worker.isRunning()) return false
    try {
      const { paused, queued } = await countQueue(redis, keys, queue)
      return !paused && queued > 0
    } catch (error) {
      this.#options.log.debug({ queue, err: error }, 'the queue could not be counted')
      return false
    }
  }

  /** How many jobs were ever taken. */
  get claims(): number {
    return this.#claims
  }

  /** How many jobs run here now. */
  get runningJobs(): number {
    return this.#running.size
  }

  get isFull(): boolean {
    return this.#running.size >= this.#options.concurrency
  }

  /** Resolves when jobs can be taken; the taking goes on until {@link stop}. */
  async start(): Promise<void> {
    await this.#worker.waitUntilReady()
    this.#worker.run().catch((error: unknown) => {
      this.#options.log.error({ queue: this.#options.queue, err: error }, 'the consumer has ended')
    })
    this.#watchdog ??= setInterval(() => this.#watchLocks(), this.#options.lockMs / 4)
  }

  /** Resolves when jobs could be consumed now. @throws Error that says why not. */
  async probe(): Promise<void> {
    if (!this.#worker.isRunning()) throw new Error(`the consumer of "${this.#options.queue}" is not running`)
    const late = once(AbortSignal.timeout(probeMs), 'abort').then(() => {
      throw new Error('Redis does not answer')
    })
    await Promise.race([this.#options.redis.ping(), late])
  }

  /** A running job is cancelled whose lock was `token`: this worker's, if it holds or held that. */
  cancel(id: string, token: string): void {
    const running = this.#running.get(id)
    // A token may name the run before, too: the job itself says whether it is cancelled.
    if (running?.token === token) return void this.#check([id])
    // It may have been fetched and not yet have reached #process. The run before it may have had the same token.
    const key = `${id} ${token}`
    this.#earlyCancels.add(key)
    setTimeout(() => this.#earlyCancels.delete(key), this.#options.lockMs)
    const ended = this.#ended.get(id)
    if (ended?.token === token) this.#finishCrossed(id, ended)
  }

  /** Messages may have been missed: asks of every running job whether it is to stop. */
  checkAll(): void {
    void this.#check([...this.#running.keys()])
  }

  /**
   * Takes no more jobs, waits `graceMs` for the running ones, puts the rest back. Safe to call twice.
   *
   * @param isFault one of them may be why this process ends: the rest is left, as by a worker that vanishes, and so counted
   */
  async stop(graceMs: number, isFault = false): Promise<void> {
    const closed = this.#worker.close()
    const timer = setTimeout(() => {
      this.#stopAll = isFault ? 'lock_lost' : 'shutdown'
      for (const running of this.#running.values()) running.stop({ kind: this.#stopAll, graceMs: stopGraceMs })
    }, graceMs)
    try {
      await closed
    } finally {
      clearTimeout(timer)
      clearInterval(this.#watchdog)
      this.#options.redis.off('ready', this.#announceEnded)
    }
  }

  /**
   * Stops the runs whose lock could not be renewed for as long as a lock lives: needs no answer from Redis. And renews what
   * BullMQ should have renewed by now: the end of an earlier run of a job makes it forget the job's next run.
   */
  #watchLocks(): void {
    const { lockMs, log } = this.#options
    const overdue: [string, RunningJob][] = []
    for (const [id, running] of this.#running) {
      const unheldMs = Date.now() - running.heldSince
      if (unheldMs > lockMs) {
        log.warn({ job: id }, 'the lock of a job could not be renewed in time: its run is stopped')
        running.stop({ kind: 'lock_lost', graceMs: stopGraceMs })
      } else if (unheldMs > lockMs * overdueShare) overdue.push([id, running])
    }
    if (overdue.length > 0 && !this.#isRenewing) void this.#renew(overdue)
  }

  async #renew(overdue: [string, RunningJob][]): Promise<void> {
    const { lockMs, log } = this.#options
    this.#isRenewing = true
    const sentAt = Date.now()
    try {
      const tokens = overdue.map(([, { token }]) => token)
      const refused = await this.#worker.extendJobLocks(
        overdue.map(([id]) => id),
        tokens,
        lockMs,
      )
      for (const [id, running] of overdue) if (!refused.includes(id)) running.heldSince = sentAt
      if (refused.length > 0) await this.#check(refused)
    } catch (error) {
      log.warn({ err: error }, 'locks could not be renewed')
    } finally {
      this.#isRenewing = false
    }
  }

  /** Asks Redis which of these jobs are cancelled or no longer held, and stops those. */
  async #check(ids: string[]): Promise<void> {
    const { queue, steering, log } = this.#options
    const runs = ids.flatMap((id) => this.#running.get(id) ?? [])
    try {
      const standings = await steering.standing(runs.map(({ id, token }) => ({ ref: { queue, id }, token })))
      for (const [index, run] of runs.entries()) {
        const standing = standings[index]
        // Asking took a while: the handler may have ended, and BullMQ been refused to say so.
        const isOver = this.#running.get(run.id) !== run
        if (standing === 'canceled' && isOver) this.#finishCrossed(run.id, run)
        else if (standing === 'canceled') run.stop({ kind: 'canceled', graceMs: stopGraceMs })
        else if (standing === 'lost') run.stop({ kind: 'lock_lost', graceMs: stopGraceMs })
      }
    } catch (error) {
      log.warn({ err: error }, 'could not ask how jobs stand: the watchdog stops those whose lock is lost')
    }
  }

  /** The handler had ended when the cancel came, and BullMQ was refused to say so. */
  #finishCrossed(id: string, run: RunningJob): void {
    const { queue, steering, log, onEnded } = this.#options
    steering.finishCanceled({ queue, id }, run, 'cooperatively').then(
      (isFirst) => isFirst && onEnded?.(run.type, 'canceled'),
      (error: unknown) =>
        log.error({ job: id, err: error }, 'a cancelled job was not ended here: it ends when its lock runs out'),
    )
  }

  async #process(job: BullJob, token: string): Promise<unknown> {
    const { queue, lane } = this.#options
    const ref = { queue, id: job.id ?? '' }
    this.#claims += 1
    const earlier = this.#running.get(ref.id)
    if (earlier) {
      // This worker lost the job, and here it is again while the first run goes on: two at once would share a lock.
      earlier.stop({ kind: 'lock_lost', graceMs: stopGraceMs })
      await earlier.over
      return settleJob(this.#options, ref, job, token, { status: 'left_to_others', delayMs: laneDelayMs })
    }
    const isSuspect = job.stalledCounter >= laneFromCrash
    if (isSuspect && !lane.enter(ref.id))
      return settleJob(this.#options, ref, job, token, { status: 'left_to_others', delayMs: laneDelayMs })
    // Not `processedOn`: that is when the fetch was sent, which may have waited for Redis for longer than a lock lives.
    const heldSince = Date.now()
    const running = new RunningJob({ id: ref.id, type: job.name, token, attempt: job.attemptsMade + 1, heldSince })
    this.#running.set(ref.id, running)
    if (this.#stopAll) running.stop({ kind: this.#stopAll, graceMs: stopGraceMs })
    try {
      return await this.#run(ref, job, running)
    } finally {
      this.#options.events.announceEnding(ref, () => {
        running.isEndUntold = true
      })
      this.#running.delete(ref.id)
      this.#remember(ref.id, running)
      running.end()
      if (isSuspect) lane.leave(ref.id)
    }
  }

  async #run(ref: JobRef, job: BullJob, running: RunningJob): Promise<unknown> {
    const { events, outputs, execute } = this.#options
    events.announce(ref, 'change')
    this.#leaveQuota(ref, job)
    if (this.#earlyCancels.delete(`${ref.id} ${running.token}`)) await this.#check([ref.id])
    // An earlier start of this attempt may have stored an output and then lost its worker or its lock.
    // Not waited for: what this run stores is sent behind it. And a start that waits is a start behind whatever blocks the event loop.
    if (job.attemptsStarted > running.attempt) void outputs.discard(ref, running.token)
    const attemptEvents = events.open(ref, running.token, running.attempt, () => void this.#check([ref.id]))
    const settlement = await execute({
      ref,
      type: job.name,
      data: job.data,
      attempt: running.attempt,
      maxAttempts: job.opts.attempts ?? 1,
      starts: job.attemptsStarted,
      createdAt: job.timestamp,
      dueAt: dueAt(job.data, job.timestamp + (job.opts.delay ?? 0)),
      startedAt: running.heldSince,
      events: attemptEvents,
      onStop: (stop) => running.onStop(stop),
      keepOutput: (output) => outputs.keep(ref, running.token, output),
      markUnknown: () => this.#markUnknown(ref),
    })
    await attemptEvents.flush()
    // A cancel that came when the handler had just ended: it has the lock by now, so nothing else can be said.
    const crossed = running.isCanceled && settlement.status !== 'canceled'
    return settleJob(
      this.#options,
      ref,
      job,
      running.token,
      crossed ? { status: 'canceled', stopped: 'cooperatively' } : settlement,
    )
  }

  /** What is lost here with the worker is found when the tenant has no place left. */
  #leaveQuota(ref: JobRef, { data }: BullJob): void {
    const { limited, tenant } = Object(data) as { limited?: unknown; tenant?: unknown }
    if (limited !== true || typeof tenant !== 'string') return
    this.#options.quotas.leave(tenant, ref).catch((error: unknown) => {
      this.#options.log.debug({ job: ref.id, err: error }, "a started job still takes its tenant's place")
    })
  }

  async #markUnknown(ref: JobRef): Promise<number> {
    return Number(await markUnknown(this.#options.redis, [this.#options.keys.job(ref)], [Date.now()]))
  }

  #remember(id: string, running: RunningJob): void {
    this.#ended.set(id, running)
    if (this.#ended.size <= endedKept) return
    for (const oldest of this.#ended.keys()) {
      this.#ended.delete(oldest)
      break
    }
  }

  readonly #announceEnded = (): void => {
    for (const id of this.#ended.keys()) this.#options.events.announce({ queue: this.#options.queue, id }, 'end')
  }

  #onSettled(job: BullJob, end: JobEnd): void {
    const { queue, events, onEnded, releaseWebhook } = this.#options
    const ref = { queue, id: job.id ?? '' }
    // As a rule it was announced right behind BullMQ's own word.
    if (this.#ended.get(ref.id)?.isEndUntold) events.announce(ref, 'end')
    const flow = flowOf(job.data)
    if (flow !== undefined) events.hint(flow, ref)
    // An attempt that is followed by another is no end.
    if (job.finishedOn === undefined) return
    onEnded?.(job.name, end)
    releaseWebhook?.(ref, job.data)
  }
}
