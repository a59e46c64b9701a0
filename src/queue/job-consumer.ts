import { once } from 'node:events'
import { type Job as BullJob, WaitingError } from 'bullmq'
import type { Logger } from 'pino'
import type { StopRequest } from '../jobs/stop-request.ts'
import type { ClaimedJob, Settlement } from './claimed-job.ts'
import type { Redis } from './connection.ts'
import { type EndedJob, EndedJobs } from './ended-jobs.ts'
import type { JobEventWriter } from './job-event-writer.ts'
import type { JobRef } from './job-id.ts'
import type { OutputWriter } from './job-output.ts'
import { dueAt, endWithoutSuccess, flowOf } from './job-record.ts'
import type { JobEnd } from './job-states.ts'
import type { JobSteering } from './job-steering.ts'
import type { Keys } from './keys.ts'
import { LockWatch } from './lock-watch.ts'
import { PrefetchingWorker } from './prefetching-worker.ts'
import { countQueue } from './queue-census.ts'
import { type CrashLane, RunningJob, stopGraceMs } from './running-job.ts'
import { loadScript } from './scripts.ts'
import { AttemptFailed, settleJob } from './settle-job.ts'
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

/** A worker's connection waits for Redis as long as it takes; a probe does not. */
const probeMs = 900
/** A job fails as `stalled` when its worker vanishes once more than this; from the second time on it waits for the lane. */
const mostCrashes = 3
const laneFromCrash = 2
const laneDelayMs = 1000
const lastEnded = 5

/** Takes jobs of one queue, as many at once as it is told, and brings each attempt to its settlement. */
export class JobConsumer {
  readonly #options: ConsumerOptions
  readonly #worker: PrefetchingWorker
  readonly #running = new Map<string, RunningJob>()
  readonly #ended = new EndedJobs()
  /** Cancels that came before the job that they name; by id and token. */
  readonly #earlyCancels = new Set<string>()
  readonly #locks: LockWatch
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
      await settleJob(options, ref, job, job.token ?? '', { status: 'put_back', hasStarted: false }).catch(
        (error: unknown) => {
          if (error instanceof WaitingError) return
          log.warn(
            { job: ref.id, err: error },
            'a job was not put back: another worker takes it when its lock runs out',
          )
        },
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
    this.#locks = new LockWatch({
      running: this.#running,
      lockMs,
      renew: (ids, tokens) => this.#worker.extendJobLocks(ids, tokens, lockMs),
      onRefused: (ids) => this.#check(ids),
      log,
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
    yield* this.#ended.lastTypes(lastEnded)
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
    this.#locks.start()
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
      this.#locks.stop()
      this.#options.redis.off('ready', this.#announceEnded)
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
  #finishCrossed(id: string, run: EndedJob): void {
    const { queue, steering, log, onEnded } = this.#options
    steering.finishCanceled({ queue, id }, run, 'cooperatively').then(
      (isFirst) => isFirst && onEnded?.(run.type, 'canceled'),
      (error: unknown) =>
        log.error({ job: id, err: error }, 'a cancelled job was not ended here: it ends when its lock runs out'),
    )
  }

  /** Runs up to the handler's first wait before it returns: what is sent later in a turn is not held back by more than one handler. */
  #process(job: BullJob, token: string): Promise<unknown> {
    const { queue, lane } = this.#options
    const ref = { queue, id: job.id ?? '' }
    this.#claims += 1
    const earlier = this.#running.get(ref.id)
    if (earlier) return this.#leaveToOthers(ref, job, token, earlier)
    const isSuspect = job.stalledCounter >= laneFromCrash
    if (isSuspect && !lane.enter(ref.id)) return this.#leaveToOthers(ref, job, token)
    return this.#run(ref, job, token, isSuspect)
  }

  async #leaveToOthers(ref: JobRef, job: BullJob, token: string, earlier?: RunningJob): Promise<unknown> {
    // This worker lost the job, and here it is again while the first run goes on: two at once would share a lock.
    earlier?.stop({ kind: 'lock_lost', graceMs: stopGraceMs })
    await earlier?.over
    return settleJob(this.#options, ref, job, token, { status: 'left_to_others', delayMs: laneDelayMs })
  }

  async #run(ref: JobRef, job: BullJob, token: string, isSuspect: boolean): Promise<unknown> {
    const attempt = job.attemptsMade + 1
    // Not `processedOn`: that is when the fetch was sent, which may have waited for Redis for longer than a lock lives.
    const running = new RunningJob({ id: ref.id, type: job.name, token, attempt, heldSince: Date.now() })
    this.#running.set(ref.id, running)
    if (this.#stopAll) running.stop({ kind: this.#stopAll, graceMs: stopGraceMs })
    try {
      // A job that may take this process along must not take those along that came with it and wait for the lane.
      const settlement = isSuspect
        ? await this.#worker.startAlone(() => this.#executeUnlessHeldUp(ref, job, running))
        : await this.#execute(ref, job, running)
      if (settlement.status === 'succeeded' && !running.isCanceled) return settlement.returnValue
      // A cancel that came when the handler had just ended: it has the lock by now, so nothing else can be said.
      const crossed = running.isCanceled && settlement.status !== 'canceled'
      const said = crossed ? { status: 'canceled' as const, stopped: 'cooperatively' as const } : settlement
      return await settleJob(this.#options, ref, job, token, said)
    } finally {
      this.#options.events.announceEnding(ref, () => {
        running.isEndUntold = true
      })
      this.#running.delete(ref.id)
      this.#ended.add(ref.id, running)
      running.end()
      if (isSuspect) this.#options.lane.leave(ref.id)
    }
  }

  /** Something may have blocked the event loop before it came to the start, and the lock have run out meanwhile. */
  async #executeUnlessHeldUp(ref: JobRef, job: BullJob, running: RunningJob): Promise<Settlement> {
    const isHeldUp = Date.now() - running.heldSince > this.#options.lockMs / 2
    return isHeldUp ? { status: 'left_to_others', delayMs: laneDelayMs } : this.#execute(ref, job, running)
  }

  async #execute(ref: JobRef, job: BullJob, running: RunningJob): Promise<Settlement> {
    const { events, outputs, execute } = this.#options
    const { token, attempt } = running
    events.announce(ref, 'change')
    this.#leaveQuota(ref, job)
    if (this.#earlyCancels.size > 0 && this.#earlyCancels.delete(`${ref.id} ${token}`)) await this.#check([ref.id])
    // An earlier start of this attempt may have stored an output and then lost its worker or its lock.
    // Not waited for: what this run stores is sent behind it. And a start that waits is a start behind whatever blocks the event loop.
    if (job.attemptsStarted > attempt) void outputs.discard(ref, token)
    const attemptEvents = events.open(ref, token, attempt, () => void this.#check([ref.id]))
    const settlement = await execute({
      ref,
      type: job.name,
      data: job.data,
      attempt,
      maxAttempts: job.opts.attempts ?? 1,
      starts: job.attemptsStarted,
      createdAt: job.timestamp,
      dueAt: dueAt(job.data, job.timestamp + (job.opts.delay ?? 0)),
      startedAt: running.heldSince,
      events: attemptEvents,
      onStop: (stop) => running.onStop(stop),
      keepOutput: (output) => outputs.keep(ref, token, output),
      markUnknown: () => this.#markUnknown(ref),
    })
    const sending = attemptEvents.flush()
    if (sending) await sending
    return settlement
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

  readonly #announceEnded = (): void => {
    for (const id of this.#ended.ids()) this.#options.events.announce({ queue: this.#options.queue, id }, 'end')
  }

  #onSettled(job: BullJob, end: JobEnd): void {
    const { queue, events, onEnded, releaseWebhook } = this.#options
    const ref = { queue, id: job.id ?? '' }
    // As a rule it was announced right behind BullMQ's own word; not when BullMQ ended it without a run.
    const ended = this.#ended.get(ref.id)
    if (!ended || ended.isEndUntold || job.deferredFailure !== undefined) events.announce(ref, 'end')
    const flow = flowOf(job.data)
    if (flow !== undefined) events.hint(flow, ref)
    // An attempt that is followed by another is no end.
    if (job.finishedOn === undefined) return
    onEnded?.(job.name, end)
    releaseWebhook?.(ref, job.data)
  }
}
