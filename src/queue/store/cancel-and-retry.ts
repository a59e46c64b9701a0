import { encodeFailure, type StoredFailure } from '../model/failure.ts'
import { bullIdOf, type JobRef } from '../model/job-id.ts'
import { inStoredOrder, timeLimits } from '../model/job-record.ts'
import { redisNow } from '../model/redis-time.ts'
import type { StoredJob } from '../model/stored-job.ts'
import { uniqueClaim } from '../model/unique-key.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const cancelJob = loadScript('bullmq/cancel-job')
const finishCanceled = loadScript('bullmq/finish-canceled')
const reopenJob = loadScript('bullmq/reopen-job')

/** The result of a cancel. `signaled`: the job is running, its worker was signaled, and the job can only end as canceled. */
export type CancelResult = 'missing' | 'done' | 'ended' | 'signaled'

/** Added to the grace of a handler: to end its thread or process, and to record the end. */
export const cancelMarginMs = 5000

/**
 * The value of the lock of a canceled job: only the worker that held the lock may end the job. The same as in cancel-one.lua.
 */
const cancelToken = (workersToken: string) => `cancel:${workersToken}`

export const canceledMessage = 'the job was canceled'
const canceled = (attempt: number, stopped: NonNullable<StoredFailure['stopped']>): StoredFailure => ({
  code: 'canceled',
  message: canceledMessage,
  retryable: false,
  attempt,
  stopped,
})

/** Cancels and retries jobs, for clients, and ends canceled jobs, for workers. */
export class JobControl {
  readonly #redis: Redis
  readonly #keys: Keys

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
  }

  /**
   * Cancels a job, atomically; idempotent. `graceMs` is how long its handler may take to stop after the signal. When its worker does not
   * end the job within that time and a margin, a sweep does.
   *
   * @throws QueueUnavailableError
   */
  async cancel(job: JobRef, graceMs: number, now: number): Promise<CancelResult> {
    const keys = this.#keys
    const { queue } = job
    const sets = ['delayed', 'prioritized', 'wait', 'active', 'stalled', 'failed'].map((set) => keys.bull(queue, set))
    const result = await whenAvailable(
      cancelJob(
        this.#redis,
        [keys.job(job), keys.lock(job), ...sets, keys.webhookDebts(queue)],
        [bullIdOf(job), now, canceledMessage, graceMs + cancelMarginMs, keys.channel(job), keys.cancels(queue)],
      ),
    )
    return result as CancelResult
  }

  /**
   * Ends a canceled job whose handler has stopped.
   *
   * @param run `token` is the value of the lock while it ran.
   * @returns false when the job has ended, was not canceled, or was canceled while another worker held it
   */
  async finishCanceled(
    ref: JobRef,
    { token, attempt }: { token: string; attempt: number },
    stopped: NonNullable<StoredFailure['stopped']>,
  ): Promise<boolean> {
    const keys = this.#keys
    const sets = ['active', 'stalled', 'failed'].map((set) => keys.bull(ref.queue, set))
    const failure = encodeFailure(canceled(attempt, stopped))
    const args = [bullIdOf(ref), cancelToken(token), failure, redisNow(), keys.channel(ref)]
    const names = [keys.job(ref), keys.lock(ref), ...sets, keys.webhookDebts(ref.queue)]
    return (await finishCanceled(this.#redis, names, args)) === 1
  }

  /** Whether running jobs are still held by the worker with these lock tokens, canceled, or lost. */
  async standing(runs: { ref: JobRef; token: string }[]): Promise<('held' | 'canceled' | 'lost')[]> {
    return Promise.all(
      runs.map(async ({ ref, token }) => {
        const lock = await this.#redis.get(this.#keys.lock(ref))
        if (lock === cancelToken(token)) return 'canceled'
        return lock === token ? 'held' : 'lost'
      }),
    )
  }

  /**
   * Opens the next run of an ended job, whose time limits count from `now`. An input that was not read stays as it is stored. The caller has stored the webhook delivery of the run before.
   *
   * @param options `isLimited`: its tenant has a limit of waiting jobs now, and the job has a place. `keepsStarts`: those of earlier runs stay
   * in its history
   * @returns not_retryable when the job has changed since it was read; the job that holds its unique key. @throws QueueUnavailableError
   */
  async reopen(
    job: StoredJob,
    now: number,
    { isLimited = false, keepsStarts = false }: { isLimited?: boolean; keepsStarts?: boolean } = {},
  ): Promise<'reopened' | 'not_retryable' | 'missing' | { claimedBy: string }> {
    const keys = this.#keys
    const { limited: _, ...kept } = job.record
    const reopened = { ...kept, ...(isLimited && { limited: true as const }), reopenedAt: now }
    const limits = job.record.countsFrom === undefined ? {} : { countsFrom: now }
    const record = inStoredOrder({ ...reopened, ...limits })
    const { startBy, deadlineAt } = timeLimits(record)
    const endedIn = job.state === 'succeeded' ? 'completed' : 'failed'
    const sets = [endedIn, 'prioritized', 'pc', 'marker', 'meta'].map((set) => keys.bull(job.queue, set))
    const reply = await whenAvailable(
      reopenJob(
        this.#redis,
        [keys.job(job), ...sets, keys.events(job), keys.timeLimits(job.queue), keys.webhookDebts(job.queue)],
        [
          bullIdOf(job),
          job.run,
          JSON.stringify(job.bullId === undefined ? record : record.input),
          keys.channel(job),
          startBy ?? '',
          deadlineAt ?? '',
          now,
          record.webhook ? '1' : '',
          keepsStarts ? '1' : '',
          record.unique ? uniqueClaim(record.tenant, record.unique, now) : '',
          isInputCut(job) ? (job.inputBytes ?? '') : '',
        ],
      ),
    )
    if (Array.isArray(reply)) return { claimedBy: String(reply[1]) }
    return reply as 'reopened' | 'not_retryable' | 'missing'
  }
}

/** Whether a job was read without its large input. Earlier versions stored jobs that are always read whole. */
const isInputCut = ({ bullId, record, inputBytes }: StoredJob): boolean =>
  bullId === undefined && record.input === null && inputBytes !== undefined
