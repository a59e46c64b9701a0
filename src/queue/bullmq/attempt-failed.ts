import { UnrecoverableError } from 'bullmq'
import { encodeFailure, type StoredFailure } from '../model/failure.ts'
import { encodeFailedStart } from '../model/job-history.ts'
import { redisNow } from '../model/redis-time.ts'

/** BullMQ stores `message` as the job's failure and, where another attempt follows, adds `stack` to the list of its attempts: both are ours, as JSON. */
export class AttemptFailed extends Error {
  /** In ms. */
  readonly retryDelayMs: number

  /** @param retryDelayMs undefined: the job has failed for good. `startedAt` in epoch ms, as it is stored */
  constructor(
    failure: StoredFailure,
    retryDelayMs: number | undefined,
    start: { worker: string | undefined; startedAt: number | undefined },
  ) {
    super(encodeFailure(failure))
    // By this name BullMQ knows that no attempt follows, whatever backoff the job has.
    this.name = retryDelayMs === undefined ? 'UnrecoverableError' : 'AttemptFailed'
    this.retryDelayMs = retryDelayMs ?? -1
    // The last attempt follows from the failure of its job.
    if (retryDelayMs === undefined) delete this.stack
    else this.stack = encodeFailedStart(failure, { ...start, endedAt: redisNow() })
  }
}

/** BullMQ's backoff strategy for our jobs: the worker has decided. */
export const backoffStrategy = (_made: number, _type?: string, error?: Error): number =>
  error instanceof AttemptFailed ? error.retryDelayMs : 0

/** A job is to fail with `reason` although it was not run, which is no attempt. */
export function failedUnrun(reason: string): Error {
  const error = new UnrecoverableError(reason)
  delete error.stack
  return error
}
