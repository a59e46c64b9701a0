import type { Logger } from 'pino'
import { AttemptFailed, failedUnrun } from '../bullmq/attempt-failed.ts'
import type { Acknowledged, FetchedJob } from '../bullmq/fetched-job.ts'
import { leaveToOthers, putBack } from '../bullmq/put-back.ts'
import type { WorkerBackend } from '../bullmq/worker-backend.ts'
import type { JobEventWriter } from '../events/event-writer.ts'
import { encodeFailure, isStallLimit } from '../model/failure.ts'
import type { JobRef } from '../model/job-id.ts'
import type { JobEnd } from '../model/job-states.ts'
import { endWithoutSuccess } from '../model/stored-job.ts'
import type { Redis } from '../redis/connection.ts'
import type { JobControl } from '../store/cancel-and-retry.ts'
import type { Settlement } from './attempt.ts'
import { AttemptLog } from './attempt-log.ts'
import { readBlockedMs } from './blocked-worker.ts'
import { BoundedWarnings } from './bounded-warnings.ts'

export interface SettlerOptions {
  queue: string
  workerName: string
  /** The connection that the worker has, so that the order of commands holds. */
  redis: Redis
  events: JobEventWriter
  control: JobControl
  log: Logger
  /** A job has ended here. */
  onEnded?: (type: string, end: JobEnd) => void
  /** … by its result, so that its webhook is owed; `data` is its record. Not called if this process crashes first. */
  releaseWebhook?: (ref: JobRef, data: unknown) => void
}

/** Moves fetched jobs to where they belong after their attempt, and notifies their subscribers. */
export class JobSettler {
  readonly #options: SettlerOptions & { backend: WorkerBackend }
  readonly #attempts: AttemptLog
  readonly #refused: BoundedWarnings

  constructor(options: SettlerOptions & { backend: WorkerBackend }) {
    this.#options = options
    const { log, queue } = options
    this.#attempts = new AttemptLog(log)
    const message = 'the settlement of a job was refused: this worker does not hold it any more'
    this.#refused = new BoundedWarnings({ log, message, fields: { queue } })
  }

  /** What became of a success that Redis recorded and published. Never rejects. */
  async onAcknowledged(job: FetchedJob, word: Acknowledged, error?: unknown): Promise<void> {
    if (word === 'unknown') {
      const why = 'failed to record completion; the job is redelivered when its lease expires'
      return this.#options.log.error({ job: job.id, err: error }, why)
    }
    if (word === 'lost') return this.#finishRefused(job)
    this.#attempts.succeeded(job)
    if (word === 'ended') this.#options.onEnded?.(job.name, 'succeeded')
    else this.announceEnd(job)
    this.#options.releaseWebhook?.(job.ref, job.data)
  }

  /** Moves a job that has not succeeded; `undefined`: it was to fail unrun. Never rejects. */
  async settle(job: FetchedJob, settlement: Exclude<Settlement, { status: 'succeeded' }> | undefined): Promise<void> {
    const { events, onEnded, releaseWebhook } = this.#options
    const logEnd = this.#attempts.ending(job)
    try {
      const end = await this.#move(job, settlement)
      logEnd(settlement)
      if (end === 'nothing') return
      if (end === undefined) return events.announce(job.ref, 'change')
      events.leaveToEnd(job.ref)
      onEnded?.(job.name, end)
      releaseWebhook?.(job.ref, job.data)
    } catch (error) {
      await this.#finishRefused(job, error)
    }
  }

  /** Call it when no more jobs are settled. */
  close(): void {
    this.#refused.close()
  }

  /** Notifies subscribers of a job that it may have ended. */
  announceEnd(job: FetchedJob): void {
    const { events } = this.#options
    const ref = job.ref
    events.announce(ref, 'end', job.replyChannel)
    if (job.owner !== undefined) events.hint(job.owner, ref)
  }

  /**
   * @returns how it has ended; undefined when it goes on; 'nothing' when there is nothing to tell
   * @throws what Redis says when the lock is not ours any more: nothing has changed then
   */
  async #move(
    job: FetchedJob,
    settlement: Exclude<Settlement, { status: 'succeeded' }> | undefined,
  ): Promise<JobEnd | undefined | 'nothing'> {
    const { redis, backend } = this.#options
    const { id = '', lockToken } = job
    if (settlement === undefined) return this.#failUnrun(job, await this.#whyUnrun(job))
    switch (settlement.status) {
      case 'failed':
        return this.#failAttempt(job, settlement)
      case 'put_back':
        await putBack({ redis, backend }, id, lockToken, settlement.hasStarted ?? true)
        return undefined
      case 'left_to_others':
        await leaveToOthers({ redis, backend }, id, lockToken, settlement.delayMs)
        return undefined
      case 'canceled':
        await this.#finishCanceled(job, settlement.stopped)
        return 'nothing'
      case 'parked':
        // The script that parked it has notified all who watch.
        return 'nothing'
      case 'lost':
        // The holder of the lease, or the check for stalled jobs, moves it.
        return 'nothing'
      default:
        throw new TypeError(`there is no such settlement: ${JSON.stringify(settlement satisfies never)}`)
    }
  }

  #failAttempt(
    job: FetchedJob,
    { failure, retryDelayMs, isUnrun }: Extract<Settlement, { status: 'failed' }>,
  ): Promise<JobEnd | undefined> {
    if (isUnrun) return this.#failUnrun(job, encodeFailure(failure))
    const { processedOn: startedAt } = job
    return this.#fail(job, new AttemptFailed(failure, retryDelayMs, { worker: this.#options.workerName, startedAt }))
  }

  #failUnrun(job: FetchedJob, reason: string): Promise<JobEnd | undefined> {
    job.isUnrun = true
    return this.#fail(job, failedUnrun(reason))
  }

  /** BullMQ's stall limit cannot tell a worker that vanished from one that was blocked. */
  async #whyUnrun(job: FetchedJob): Promise<string> {
    const { redis, backend } = this.#options
    const { id = '', failsWith = '', attempt } = job
    if (!isStallLimit(failsWith)) return failsWith
    const blockedMs = await readBlockedMs(redis, backend.toKey(id), job.attemptsStarted - 1)
    if (blockedMs === undefined) return failsWith
    const message = `the job blocked the event loop of its worker for more than ${blockedMs} ms (${failsWith})`
    return encodeFailure({ code: 'stalled', message, retryable: true, attempt })
  }

  /** The script that ends it tells all who watch. */
  async #fail(job: FetchedJob, error: Error): Promise<JobEnd | undefined> {
    await job.moveToFailed(error, job.lockToken)
    return job.finishedOn === undefined ? undefined : endWithoutSuccess(job.failedReason)
  }

  /** The lock is no longer ours. Where a cancel has it, nobody else would end the job soon. */
  async #finishRefused(job: FetchedJob, error?: unknown): Promise<void> {
    const { log } = this.#options
    try {
      if (await this.#finishCanceled(job, 'cooperatively')) return
      // It may have ended at a call whose answer was lost with the connection.
      this.announceEnd(job)
      this.#refused.warn({ job: job.id, err: error })
    } catch (cause) {
      log.error({ job: job.id, err: cause }, 'failed to settle a job; it is redelivered when its lease expires')
    }
  }

  async #finishCanceled(job: FetchedJob, stopped: 'cooperatively' | 'killed' | 'abandoned'): Promise<boolean> {
    const { control, onEnded } = this.#options
    const held = { token: job.lockToken, attempt: job.attempt }
    const isFirst = await control.finishCanceled(job.ref, held, stopped)
    if (isFirst) onEnded?.(job.name, 'canceled')
    return isFirst
  }
}
