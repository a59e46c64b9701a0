import { type Job as BullJob, WaitingError } from 'bullmq'
import type { Settlement } from './claimed-job.ts'
import type { Redis } from './connection.ts'
import type { JobEventWriter } from './job-event-writer.ts'
import type { JobRef } from './job-id.ts'
import { encodeAttempt, encodeFailure, type StoredFailure } from './job-record.ts'
import type { JobEnd } from './job-states.ts'
import type { JobSteering } from './job-steering.ts'
import type { Keys } from './keys.ts'
import { loadScript } from './scripts.ts'

const takeBackStart = loadScript('take-back-start')

export interface SettleDeps {
  redis: Redis
  keys: Keys
  events: JobEventWriter
  steering: JobSteering
  onEnded?: (type: string, end: JobEnd) => void
}

/**
 * Says to BullMQ what it should do with a job that it gave us, in its own terms: return a value; throw a failure; or move
 * the job and throw WaitingError, which tells it that there is nothing left to do.
 *
 * @throws AttemptFailed, WaitingError, and what Redis says when the lock is not ours any more
 */
export async function settleJob(
  deps: SettleDeps,
  ref: JobRef,
  job: BullJob,
  token: string,
  settlement: Settlement,
): Promise<unknown> {
  switch (settlement.status) {
    case 'succeeded':
      return settlement.returnValue
    case 'failed':
      throw new AttemptFailed(settlement.failure, settlement.retryDelayMs, job.processedOn)
    case 'put_back':
    case 'left_to_others':
      try {
        if (settlement.status === 'put_back') await putBack(deps, ref, job, token, settlement.hasStarted)
        else await leaveToOthers(deps, ref, job, token, settlement.delayMs)
      } catch (error) {
        // The lock is no longer ours. Where a cancel has it, nobody else would end the job soon.
        if (!(await finishCanceled(deps, ref, job, token, 'cooperatively'))) throw error
      }
      throw new WaitingError()
    case 'canceled':
      await finishCanceled(deps, ref, job, token, settlement.stopped)
      throw new WaitingError()
    case 'lost':
      // Whoever has the lock, or the check for stalled jobs, moves it.
      throw new WaitingError()
    default:
      throw new TypeError(`there is no such settlement: ${JSON.stringify(settlement satisfies never)}`)
  }
}

async function finishCanceled(
  { steering, onEnded }: SettleDeps,
  ref: JobRef,
  job: BullJob,
  token: string,
  stopped: 'cooperatively' | 'killed' | 'abandoned',
): Promise<boolean> {
  const isFirst = await steering.finishCanceled(ref, { token, attempt: job.attemptsMade + 1 }, stopped)
  if (isFirst) onEnded?.(job.name, 'canceled')
  return isFirst
}

/** A job goes back to its queue as if it had not been taken. */
async function putBack(
  { redis, keys, events }: SettleDeps,
  ref: JobRef,
  job: BullJob,
  token: string,
  hasStarted = true,
): Promise<void> {
  // Sent together and on BullMQ's own connection, so in this order: the first needs the lock that the second gives up.
  const takenBack = hasStarted ? undefined : takeBackStart(redis, [keys.lock(ref), keys.job(ref)], [token])
  await Promise.all([takenBack, job.moveToWait(token)])
  // BullMQ sets no marker here for a prioritised job, so that an idle worker would find it only at its next look.
  await redis.zadd(keys.bull(ref.queue, 'marker'), 0, '0')
  events.announce(ref, 'change')
}

async function leaveToOthers(
  { redis, keys, events }: SettleDeps,
  ref: JobRef,
  job: BullJob,
  token: string,
  delayMs: number,
): Promise<void> {
  // Sent together and on BullMQ's own connection, so in this order: the first needs the lock that the second gives up.
  const takenBack = takeBackStart(redis, [keys.lock(ref), keys.job(ref)], [token])
  await Promise.all([takenBack, job.moveToDelayed(Date.now() + delayMs, token)])
  events.announce(ref, 'change')
}

/** BullMQ stores `message` as the job's failure and adds `stack` to the list of its attempts: both are ours, as JSON. */
export class AttemptFailed extends Error {
  /** −1 tells BullMQ to end the job. */
  readonly retryDelayMs: number

  constructor(failure: StoredFailure, retryDelayMs: number | undefined, startedAt: number | undefined) {
    super(encodeFailure(failure))
    this.name = 'AttemptFailed'
    this.retryDelayMs = retryDelayMs ?? -1
    this.stack = encodeAttempt(failure, startedAt, Date.now())
  }
}
