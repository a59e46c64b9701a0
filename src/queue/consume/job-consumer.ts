import { once } from 'node:events'
import type { Worker } from 'bullmq'
import type { Logger } from 'pino'
import type { StopRequest } from '../../jobs/stop-request.ts'
import type { TenantQuotas } from '../admission/tenant-quotas.ts'
import { openBullWorker } from '../bullmq/bull-worker.ts'
import type { TakenJob } from '../bullmq/complete-and-fetch.ts'
import type { JobEventWriter } from '../events/event-writer.ts'
import type { JobRef } from '../model/job-id.ts'
import { dueAt, flowOf } from '../model/job-record.ts'
import type { JobEnd } from '../model/job-states.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import type { JobSteering } from '../store/cancel-and-retry.ts'
import { countQueue } from '../store/count-queue.ts'
import type { OutputWriter } from '../store/job-output.ts'
import type { ClaimedJob, Settlement } from './attempt.ts'
import { JobTaker } from './job-fetcher.ts'
import { LockWatch } from './lock-renewal.ts'
import { type CrashLane, RunningJob, stopGraceMs } from './running-job.ts'
import { failUnrun, settleJob } from './settle-job.ts'

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
  /** How long a worker that fell silent keeps its jobs. Renewed between a quarter and half of it. */
  lockMs: number
  execute: (job: ClaimedJob) => Promise<Settlement>
  /** A job has ended here. */
  onEnded?: (type: string, end: JobEnd) => void
  /** … by its result, so that its webhook is owed; `data` is its record. Not said when this process dies first. */
  releaseWebhook?: (ref: JobRef, data: unknown) => void
}

const markUnknown = loadScript('bullmq/mark-unknown')

/** A worker's connection waits for Redis as long as it takes; a probe does not. */
const probeMs = 900
/** A job fails as `stalled` when its worker vanishes once more than this; from the second time on it waits for the lane. */
const mostCrashes = 3
const laneFromCrash = 2
const leaveToOthersMs = 1000
const recentTypes = 5
const mostBullEvents = 100

/** Takes jobs of one queue, as many at once as it is told, and brings each attempt to its settlement. */
export class JobConsumer {
  readonly #options: ConsumerOptions
  readonly #bull: Worker
  readonly #taker: JobTaker
  readonly #running = new Map<string, RunningJob>()
  /** The types of those that ended here last. */
  readonly #recentTypes: string[] = []
  /** Cancels that came before the job that they name; by id and token. */
  readonly #earlyCancels = new Set<string>()
  readonly #locks: LockWatch
  #claims = 0
  /** Set when the grace of a stop is over: a job may still come of a call that was on its way. */
  #stopAll: StopRequest['kind'] | undefined

  /** Takes jobs from {@link start} on. */
  constructor(options: ConsumerOptions) {
    this.#options = options
    const { queue, log, lockMs } = options
    this.#bull = openBullWorker({ ...options, mostCrashes })
    this.#bull.on('error', (error) => log.warn({ queue, err: error }, 'queue error'))
    this.#bull.on('stalled', (id) => {
      log.warn({ queue, job: id }, 'a job whose worker vanished goes back to its queue')
      options.events.announce({ queue, id }, 'change')
    })
    const start = (job: TakenJob) => void this.#process(job)
    const putBack = (job: TakenJob) => this.#settle(job, { status: 'put_back', hasStarted: false })
    this.#taker = new JobTaker({ ...options, bull: this.#bull, start, putBack })
    this.#locks = new LockWatch({
      running: this.#running,
      lockMs,
      renew: (ids, tokens) => this.#bull.extendJobLocks(ids, tokens, lockMs),
      onRefused: (ids) => this.#check(ids),
      log,
    })
  }

  get queue(): string {
    return this.#options.queue
  }

  /** The types of the jobs that run here or ended here last. */
  *recentTypes(): Generator<string> {
    for (const { type } of this.#running.values()) yield type
    yield* this.#recentTypes
  }

  /** True when jobs wait that this consumer should take. False, too, when Redis does not say. */
  async hasWork(): Promise<boolean> {
    const { redis, keys, queue } = this.#options
    if (redis.status !== 'ready' || !this.#taker.isOpen) return false
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
    await this.#bull.waitUntilReady()
    // Nobody reads what BullMQ writes there.
    await this.#options.redis.hset(this.#options.keys.bull(this.queue, 'meta'), 'opts.maxLenEvents', mostBullEvents)
    await this.#bull.startStalledCheckTimer()
    this.#taker.start()
    this.#locks.start()
  }

  /** Resolves when jobs could be consumed now. @throws Error that says why not. */
  async probe(): Promise<void> {
    if (!this.#taker.isOpen) throw new Error(`the consumer of "${this.#options.queue}" is not running`)
    const late = once(AbortSignal.timeout(probeMs), 'abort').then(() => {
      throw new Error('Redis does not answer')
    })
    await Promise.race([this.#options.redis.ping(), late])
  }

  /** A running job is cancelled whose lock was `token`: this worker's, if it holds or held that. */
  cancel(id: string, token: string): void {
    // A token may be another worker's: the job itself says whether it is cancelled here.
    if (this.#running.get(id)?.token === token) return void this.#check([id])
    // Redis may have said so before its answer came that brings the job.
    const key = `${id} ${token}`
    this.#earlyCancels.add(key)
    setTimeout(() => this.#earlyCancels.delete(key), this.#options.lockMs)
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
    const stopped = this.#taker.stop()
    const timer = setTimeout(() => {
      this.#stopAll = isFault ? 'lock_lost' : 'shutdown'
      for (const running of this.#running.values()) running.stop({ kind: this.#stopAll, graceMs: stopGraceMs })
    }, graceMs)
    try {
      await stopped
      await this.#bull.close()
    } finally {
      clearTimeout(timer)
      this.#locks.stop()
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
        if (standing === 'canceled') run.stop({ kind: 'canceled', graceMs: stopGraceMs })
        else if (standing === 'lost') run.stop({ kind: 'lock_lost', graceMs: stopGraceMs })
      }
    } catch (error) {
      log.warn({ err: error }, 'could not ask how jobs stand: the watchdog stops those whose lock is lost')
    }
  }

  /**
   * Brings an attempt to its settlement. Runs up to the handler's first wait before it returns: what is sent later in a turn is not held
   * back by more than one handler. Never rejects.
   */
  async #process(job: TakenJob): Promise<void> {
    this.#claims += 1
    const { id, deferredFailure } = job
    const settlement =
      deferredFailure === undefined
        ? await this.#runWhenFree(job).catch((error: unknown): Settlement => {
            this.#options.log.error({ job: id, err: error }, 'a job could not be run: it is when its lock has run out')
            return { status: 'lost' }
          })
        : undefined
    if (settlement?.status === 'succeeded') return this.#succeed(job, settlement.output)
    await this.#settle(job, settlement)
    this.#taker.leave()
  }

  #runWhenFree(job: TakenJob): Promise<Settlement> {
    const earlier = this.#running.get(job.id)
    if (earlier) return this.#leaveToOthers(earlier)
    const isSuspect = job.stalls >= laneFromCrash
    if (isSuspect && !this.#options.lane.enter(job.id)) return this.#leaveToOthers()
    return this.#run(job, isSuspect)
  }

  async #leaveToOthers(earlier?: RunningJob): Promise<Settlement> {
    // This worker lost the job, and here it is again while the first run goes on: two at once would share what they say.
    earlier?.stop({ kind: 'lock_lost', graceMs: stopGraceMs })
    await earlier?.over
    return { status: 'left_to_others', delayMs: leaveToOthersMs }
  }

  async #run(job: TakenJob, isSuspect: boolean): Promise<Settlement> {
    const { id, type, token, takenAt } = job
    const running = new RunningJob({ id, type, token, heldSince: takenAt })
    this.#running.set(id, running)
    if (this.#stopAll) running.stop({ kind: this.#stopAll, graceMs: stopGraceMs })
    try {
      // A job that may take this process along must not take those along that came with it and wait for the lane.
      const execute = () => this.#executeUnlessHeldUp(job, running)
      const settlement = await (isSuspect ? this.#taker.startAlone(execute) : execute())
      // A cancel that came when the handler had just ended: it has the lock by now, so nothing else can be said.
      const crossed = running.isCanceled && settlement.status !== 'canceled'
      return crossed ? { status: 'canceled', stopped: 'cooperatively' } : settlement
    } finally {
      this.#running.delete(id)
      running.end()
      this.#recentTypes.push(type)
      if (this.#recentTypes.length > recentTypes) this.#recentTypes.shift()
      if (isSuspect) this.#options.lane.leave(id)
    }
  }

  /** Something may have blocked the event loop before it came to the start, and the lock have run out meanwhile. */
  #executeUnlessHeldUp(job: TakenJob, running: RunningJob): Promise<Settlement> {
    const isHeldUp = Date.now() - running.heldSince > this.#options.lockMs / 2
    return isHeldUp ? this.#leaveToOthers() : this.#execute(job, running)
  }

  async #execute(job: TakenJob, running: RunningJob): Promise<Settlement> {
    const { events, outputs, execute, queue } = this.#options
    const { id, type, data, token, starts, createdAt } = job
    const ref = { queue, id }
    const attempt = attemptOf(job)
    events.announce(ref, 'change')
    this.#leaveQuota(ref, data)
    if (this.#earlyCancels.size > 0 && this.#earlyCancels.delete(`${id} ${token}`)) await this.#check([id])
    // An earlier start of this attempt may have stored an output and then lost its worker or its lock.
    // Not waited for: what this run stores is sent behind it. And a start that waits is a start behind whatever blocks the event loop.
    if (starts > attempt) void outputs.discard(ref, token)
    const attemptEvents = events.open(ref, token, attempt, () => void this.#check([id]))
    const settlement = await execute({
      ref,
      type,
      data,
      attempt,
      maxAttempts: job.options.attempts ?? 1,
      starts,
      createdAt,
      dueAt: dueAt(data, createdAt + (job.options.delay ?? 0)),
      startedAt: job.takenAt,
      events: attemptEvents,
      onStop: (stop) => running.onStop(stop),
      keepOutput: (output) => outputs.keep(ref, token, output),
      markUnknown: () => this.#markUnknown(ref),
    })
    const sending = attemptEvents.flush()
    if (sending) await sending
    return settlement
  }

  async #succeed(job: TakenJob, output: string): Promise<void> {
    const { queue, events, log, onEnded, releaseWebhook } = this.#options
    const { id, type, token, data, dataLength, waiter } = job
    const ref = { queue, id }
    events.leaveToEnd(ref)
    try {
      const success = { id, token, attempt: attemptOf(job), output, flow: flowOf(data), waiter }
      const word = await this.#taker.end({ ...success, length: dataLength + output.length })
      if (word === 'lost') return await this.#finishRefused(job)
      if (word === 'ended') onEnded?.(type, 'succeeded')
      else this.#announceEnd(job)
      releaseWebhook?.(ref, data)
    } catch (error) {
      log.error({ job: id, err: error }, 'the end of a job could not be said: it runs again when its lock runs out')
    }
  }

  /** Says what becomes of a job that has not succeeded; `undefined`: it was to fail unrun. Never rejects. */
  async #settle(job: TakenJob, settlement: Exclude<Settlement, { status: 'succeeded' }> | undefined): Promise<void> {
    const { queue, redis, keys, events, onEnded, releaseWebhook } = this.#options
    const ref = { queue, id: job.id }
    try {
      // Whoever has the lock, or the check for stalled jobs, moves it.
      if (settlement?.status === 'lost') return
      if (settlement?.status === 'canceled') return void (await this.#finishCanceled(job, settlement.stopped))
      const deps = { redis, keys, bull: this.#bull }
      const end = await (settlement
        ? settleJob(deps, job, settlement)
        : failUnrun(deps, job, job.deferredFailure ?? ''))
      if (end === undefined) return events.announce(ref, 'change')
      this.#announceEnd(job)
      onEnded?.(job.type, end)
      releaseWebhook?.(ref, job.data)
    } catch (error) {
      await this.#finishRefused(job, error)
    }
  }

  #announceEnd({ id, data, waiter }: TakenJob): void {
    const { queue, events } = this.#options
    const ref = { queue, id }
    events.announce(ref, 'end', waiter)
    const flow = flowOf(data)
    if (flow !== undefined) events.hint(flow, ref)
  }

  /** The lock is no longer ours. Where a cancel has it, nobody else would end the job soon. */
  async #finishRefused(job: TakenJob, error?: unknown): Promise<void> {
    const { log } = this.#options
    try {
      if (await this.#finishCanceled(job, 'cooperatively')) return
      // It may have ended at a call whose answer was lost with the connection.
      this.#announceEnd(job)
      log.warn({ job: job.id, err: error }, 'what became of a job was refused: it is not held here any more')
    } catch (cause) {
      log.error({ job: job.id, err: cause }, 'a job was not settled here: it is when its lock has run out')
    }
  }

  async #finishCanceled(job: TakenJob, stopped: 'cooperatively' | 'killed' | 'abandoned'): Promise<boolean> {
    const { queue, steering, onEnded } = this.#options
    const { id, type, token } = job
    const isFirst = await steering.finishCanceled({ queue, id }, { token, attempt: attemptOf(job) }, stopped)
    if (isFirst) onEnded?.(type, 'canceled')
    return isFirst
  }

  /** What is lost here with the worker is found when the tenant has no place left. */
  #leaveQuota(ref: JobRef, data: unknown): void {
    const { limited, tenant } = Object(data) as { limited?: unknown; tenant?: unknown }
    if (limited !== true || typeof tenant !== 'string') return
    this.#options.quotas.leave(tenant, ref).catch((error: unknown) => {
      this.#options.log.debug({ job: ref.id, err: error }, "a started job still takes its tenant's place")
    })
  }

  async #markUnknown(ref: JobRef): Promise<number> {
    return Number(await markUnknown(this.#options.redis, [this.#options.keys.job(ref)], [Date.now()]))
  }
}

/** The number of the attempt for which a job was taken. */
function attemptOf({ attemptsMade }: TakenJob): number {
  return attemptsMade + 1
}
