import { UnrecoverableError, type Worker } from 'bullmq'
import { AttemptFailed, bullJob } from '../bullmq/bull-worker.ts'
import type { TakenJob } from '../bullmq/complete-and-fetch.ts'
import type { JobRef } from '../model/job-id.ts'
import type { JobEnd } from '../model/job-states.ts'
import { endWithoutSuccess } from '../model/stored-job.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import type { Settlement } from './attempt.ts'

const takeBackStart = loadScript('bullmq/take-back-start')

interface SettleDeps {
  /** The connection that `bull` has, so that the order of commands holds. */
  redis: Redis
  keys: Keys
  bull: Worker
}

/**
 * Moves a job that has not succeeded to where it belongs. @returns how it has ended; undefined when it goes on
 *
 * @throws what Redis says when the lock is not ours any more: nothing has changed then
 */
export async function settleJob(
  deps: SettleDeps,
  job: TakenJob,
  settlement: Extract<Settlement, { status: 'failed' | 'put_back' | 'left_to_others' }>,
): Promise<JobEnd | undefined> {
  switch (settlement.status) {
    case 'failed':
      return fail(deps, job, new AttemptFailed(settlement.failure, settlement.retryDelayMs, job.takenAt))
    case 'put_back':
      await putBack(deps, job, settlement.hasStarted)
      return undefined
    case 'left_to_others':
      await leaveToOthers(deps, job, settlement.delayMs)
      return undefined
    default:
      throw new TypeError(`there is no such settlement: ${JSON.stringify(settlement satisfies never)}`)
  }
}

/** A job ends unrun, since it had a failure when it was taken. @throws as {@link settleJob} */
export async function failUnrun(deps: SettleDeps, job: TakenJob, reason: string): Promise<JobEnd | undefined> {
  const error = new UnrecoverableError(reason)
  // It would count as an attempt.
  delete error.stack
  return fail(deps, job, error)
}

async function fail({ bull }: SettleDeps, taken: TakenJob, error: Error): Promise<JobEnd | undefined> {
  const job = bullJob(bull, taken)
  await job.moveToFailed(error, taken.token)
  return job.finishedOn === undefined ? undefined : endWithoutSuccess(job.failedReason)
}

/** A job goes back to its queue as if it had not been taken. */
async function putBack({ redis, keys, bull }: SettleDeps, job: TakenJob, hasStarted = true): Promise<void> {
  const ref = refOf(bull, job)
  // Sent together and on one connection, so in this order: the first needs the lock that the second gives up.
  const takenBack = hasStarted ? undefined : takeBackStart(redis, [keys.lock(ref), keys.job(ref)], [job.token])
  await Promise.all([takenBack, bullJob(bull, job).moveToWait(job.token)])
  // BullMQ sets no marker here for a prioritised job, so that an idle worker would find it only at its next look.
  await redis.zadd(keys.bull(ref.queue, 'marker'), 0, '0')
}

async function leaveToOthers({ redis, keys, bull }: SettleDeps, job: TakenJob, delayMs: number): Promise<void> {
  const ref = refOf(bull, job)
  // As above.
  const takenBack = takeBackStart(redis, [keys.lock(ref), keys.job(ref)], [job.token])
  await Promise.all([takenBack, bullJob(bull, job).moveToDelayed(Date.now() + delayMs, job.token)])
}

function refOf({ name: queue }: Worker, { id }: TakenJob): JobRef {
  return { queue, id }
}
