import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Wait, WaitReply } from '../../jobs/job-wait.ts'
import { keepRefused, notKept } from '../../jobs/kept-limits.ts'
import type { StopRequest } from '../../jobs/stop-request.ts'
import type { FetchedJob } from '../bullmq/fetched-job.ts'
import { parkJob } from '../bullmq/park-job.ts'
import { markUnknown } from '../bullmq/put-back.ts'
import type { WorkerBackend } from '../bullmq/worker-backend.ts'
import type { AttemptEvents } from '../events/attempt-events.ts'
import type { JobEventWriter } from '../events/event-writer.ts'
import type { JobRef } from '../model/job-id.ts'
import { dueAt } from '../model/job-record.ts'
import { decodeKept } from '../model/kept-state.ts'
import { monotonicMs } from '../model/monotonic.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import type { JobControl } from '../store/cancel-and-retry.ts'
import type { OutputWriter } from '../store/job-output.ts'
import type { LeasedJob, Settlement } from './attempt.ts'
import { AttemptLog } from './attempt-log.ts'
import { CancelInbox } from './cancel-inbox.ts'
import type { CrashQuarantine } from './crash-quarantine.ts'
import type { LoopBlocker } from './loop-blocker.ts'
import { RunningJob, stopGraceMs } from './running-job.ts'

export interface RunnerOptions {
  queue: string
  redis: Redis
  keys: Keys
  events: JobEventWriter
  outputs: OutputWriter
  control: JobControl
  /** Shared by the consumers of a process. */
  quarantine: CrashQuarantine
  /** … too: knows which job blocks the event loop. */
  blocker: LoopBlocker
  /** How long a worker that fell silent keeps its jobs. */
  lockMs: number
  log: Logger
  execute: (job: LeasedJob) => Promise<Settlement>
  /** A job has started; `data` is its record, `createdAt` in epoch ms. */
  onStarted?: (ref: JobRef, data: unknown, createdAt: number) => void
}

interface RunnerParts {
  backend: WorkerBackend
  /** Renews the lease of a job. @returns whether this worker still holds it */
  renew: (id: string, token: string) => Promise<boolean>
}

const quarantineFromCrash = 2
const leaveToOthersMs = 1000
const maxRecentTypes = 5
/** A start that takes longer has computed: what it held back is sent before the next. */
const longStartMs = 5

/** Runs the attempts of one queue's jobs in this process, and stops those that are cancelled or whose lock is lost. */
export class AttemptRunner {
  readonly #options: RunnerOptions & RunnerParts
  readonly #running = new Map<string, RunningJob>()
  /** The types of those that ended here last. */
  readonly #recentTypes: string[] = []
  readonly #cancels: CancelInbox
  readonly #attempts: AttemptLog
  /** Set by {@link stopAll}: a job may still come of a call that was on its way. */
  #stopRequest: StopRequest | undefined
  /** Resolves with the turn of the event loop that a long start has held up. */
  #heldUp: Promise<void> | undefined

  constructor(options: RunnerOptions & RunnerParts) {
    this.#options = options
    this.#attempts = new AttemptLog(options.log)
    this.#cancels = new CancelInbox({ keepMs: options.lockMs })
  }

  /** By their ids. */
  get running(): ReadonlyMap<string, RunningJob> {
    return this.#running
  }

  /** The types of the jobs that run here or ended here last. */
  *recentTypes(): Generator<string> {
    for (const { type } of this.#running.values()) yield type
    yield* this.#recentTypes
  }

  /** A running job is cancelled whose lock was `token`: this worker's, if it holds or held that. */
  cancel(id: string, token: string): void {
    // A token may be another worker's: the job itself says whether it is cancelled here.
    if (this.#running.get(id)?.token === token) void this.check([id])
    else this.#cancels.keep(id, token, monotonicMs())
  }

  /** Asks Redis which of these jobs are cancelled or no longer held, and stops those. Never rejects. */
  async check(ids: Iterable<string> = this.#running.keys()): Promise<void> {
    const { queue, control, log } = this.#options
    const runs = [...ids].flatMap((id) => this.#running.get(id) ?? [])
    try {
      const standings = await control.standing(runs.map(({ id, token }) => ({ ref: { queue, id }, token })))
      for (const [index, run] of runs.entries()) {
        const standing = standings[index]
        if (standing === 'canceled') run.stop({ kind: 'canceled', graceMs: stopGraceMs })
        else if (standing === 'lost') run.stop({ kind: 'lock_lost', graceMs: stopGraceMs })
      }
    } catch (error) {
      log.warn({ err: error }, 'failed to check running jobs; those whose lease is lost are stopped by the clock')
    }
  }

  /** Stops all runs, and those that begin from now on. */
  stopAll(kind: StopRequest['kind']): void {
    this.#stopRequest = { kind, graceMs: stopGraceMs }
    for (const running of this.#running.values()) running.stop(this.#stopRequest)
  }

  /** Forgets what is kept for jobs that may come. */
  close(): void {
    this.#cancels.clear()
  }

  /** Runs a job, up to its handler's first wait before this returns, or leaves it to others. Never rejects. */
  async run(job: FetchedJob): Promise<Settlement> {
    try {
      return await this.#runWhenFree(job)
    } catch (error) {
      this.#options.log.error(
        { job: job.id, err: error },
        'failed to run a job; it is redelivered when its lease expires',
      )
      return { status: 'lost' }
    }
  }

  #runWhenFree(job: FetchedJob): Promise<Settlement> {
    const { id = '' } = job
    const earlier = this.#running.get(id)
    if (earlier?.isParked) return this.#runAfter(earlier, job)
    if (earlier) return this.#leaveToOthers(earlier)
    const isSuspect = job.stalledCounter >= quarantineFromCrash
    if (isSuspect && !this.#options.quarantine.enter(id)) return this.#leaveToOthers()
    return this.#run(job, isSuspect)
  }

  /** What it waited for came before its run was over here. */
  async #runAfter(earlier: RunningJob, job: FetchedJob): Promise<Settlement> {
    await earlier.over
    return this.#runWhenFree(job)
  }

  async #leaveToOthers(earlier?: RunningJob): Promise<Settlement> {
    // This worker lost the job, and here it is again while the first run goes on: two at once would share what they say.
    earlier?.stop({ kind: 'lock_lost', graceMs: stopGraceMs })
    await earlier?.over
    return { status: 'left_to_others', delayMs: leaveToOthersMs }
  }

  async #run(job: FetchedJob, isSuspect: boolean): Promise<Settlement> {
    const { backend, quarantine } = this.#options
    const { id = '', name: type, lockToken: token, lease } = job
    const running = new RunningJob({ id, type, token, lease, startedAt: job.fetchedAt })
    this.#running.set(id, running)
    if (this.#stopRequest) running.stop(this.#stopRequest)
    try {
      while (this.#heldUp) await this.#heldUp
      // A job that may take this process along must not take those along that came with it and wait for quarantine.
      const start = () => this.#startUnlessLate(job, running)
      const settlement = await (isSuspect ? backend.startAlone(start) : start())
      // A cancel that arrived just after the handler ended has the lease by now: any other settlement would be refused.
      const crossed = running.isCanceled && settlement.status !== 'canceled'
      return crossed ? { status: 'canceled', stopped: 'cooperatively' } : settlement
    } finally {
      this.#running.delete(id)
      running.end()
      this.#recentTypes.push(type)
      if (this.#recentTypes.length > maxRecentTypes) this.#recentTypes.shift()
      if (isSuspect) quarantine.leave(id)
    }
  }

  /** Something may have blocked the event loop before it came to the start, and the lock have run out meanwhile: then Redis is asked first. */
  #startUnlessLate(job: FetchedJob, running: RunningJob): Promise<Settlement> {
    // Given up while another job blocked the event loop: another worker may run it by now.
    if (running.lease.isGone) return this.#lose(running)
    if (monotonicMs() - running.lease.heldSince > this.#options.lockMs / 2) return this.#startIfHeld(job, running)
    const from = performance.now()
    const settlement = this.#begin(job, running)
    if (performance.now() - from > longStartMs) this.#heldUp = this.#untilNextTurn()
    return settlement
  }

  /** Runs a job up to its first wait. Others can tell that it is this job that keeps the event loop busy. */
  #begin(job: FetchedJob, running: RunningJob): Promise<Settlement> {
    const { queue, blocker } = this.#options
    const { id, type, lease } = running
    lease.markStarting(true)
    try {
      return blocker.run({ queue, id, type }, () => this.#execute(job, running))
    } finally {
      lease.markStarting(false)
    }
  }

  async #startIfHeld(job: FetchedJob, running: RunningJob): Promise<Settlement> {
    const askedAt = monotonicMs()
    if (!(await this.#options.renew(running.id, running.token))) return this.#lose(running)
    running.lease.heldSince = askedAt
    return this.#startUnlessLate(job, running)
  }

  /** A cancel has the lease, too, and ends the job: see {@link check}. */
  async #lose({ id }: RunningJob): Promise<Settlement> {
    await this.check([id])
    return { status: 'lost' }
  }

  async #untilNextTurn(): Promise<void> {
    await nextTurn()
    this.#heldUp = undefined
  }

  async #execute(job: FetchedJob, running: RunningJob): Promise<Settlement> {
    const { redis, events, outputs, backend, keys, queue, execute, onStarted } = this.#options
    const { id = '', name: type, data, lockToken: token, attemptsStarted: starts, timestamp: createdAt, attempt } = job
    const { ref } = job
    events.announce(ref, 'change')
    this.#attempts.started(job)
    onStarted?.(ref, data, createdAt)
    if (this.#cancels.take(id, token)) await this.check([id])
    // An earlier start of this attempt may have stored an output and then lost its worker or its lock.
    // Not waited for: what this run stores is sent behind it. And a start that waits is a start behind whatever blocks the event loop.
    if (starts > attempt) void outputs.discard(ref, token)
    const kept = job.kept && decodeKept(job.kept)
    const attemptEvents = events.open(ref, token, { attempt, isFirst: starts === 1, kept }, () => void this.check([id]))
    const due = dueAt(data, createdAt + (job.opts.delay ?? 0))
    const settlement = await execute({
      ref,
      isPlain: !job.isOurs,
      type,
      data,
      attempt,
      // BullMQ's own default is 0, for one attempt.
      maxAttempts: job.opts.attempts || 1,
      starts,
      lockToken: token,
      run: job.run,
      kept,
      createdAt,
      dueAt: due,
      startedAt: job.fetchedAt,
      recordedAt: job.processedOn,
      lastStart: job.stacktrace?.at(-1),
      events: attemptEvents,
      onStop: (stop) => running.onStop(stop),
      keepOutput: (output) => outputs.keep(ref, token, output),
      awaitAnswers: (waits, needed) => this.#awaitAnswers(running, attemptEvents, waits, needed),
      markUnknown: () => markUnknown({ redis, backend, unknownJobs: keys.unknownJobs(queue) }, id, due),
    })
    const sending = attemptEvents.flush()
    if (sending) await sending
    return settlement
  }

  /** A job that this worker does not hold any more is as one that is parked: its handler waits, and must not go on. Never rejects. */
  async #awaitAnswers(
    running: RunningJob,
    events: AttemptEvents,
    waits: readonly Wait[],
    needed: number,
  ): Promise<WaitReply> {
    const { redis, backend, log } = this.#options
    const { id, token } = running
    try {
      // Behind the park nothing of this start is stored.
      await events.flush()
      if (events.verdict) return { status: 'refused', failure: keepRefused }
      const reply = await parkJob({ redis, backend }, id, token, waits, needed)
      if (reply === 'lost') await this.check([id])
      running.isParked = reply === 'parked'
      return typeof reply === 'string' ? { status: 'parked' } : { status: 'answered', answers: reply }
    } catch (error) {
      log.warn({ job: id, err: error }, 'failed to park a job')
      return { status: 'refused', failure: notKept }
    }
  }
}
