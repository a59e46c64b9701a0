import { Job, Worker } from 'bullmq'
import { encodeAttempt, encodeFailure, type StoredFailure } from '../model/failure.ts'
import { parseJson } from '../model/parse-json.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import type { TakenJob } from './complete-and-fetch.ts'

/**
 * BullMQ's side of a queue that is consumed here: it fails jobs, delays them and puts them back, renews locks, finds jobs whose worker has
 * vanished, and waits until there are some. It runs none (https://docs.bullmq.io/patterns/manually-fetching-jobs).
 */
export function openBullWorker(options: {
  queue: string
  redis: Redis
  keys: Keys
  workerName: string
  lockMs: number
  mostCrashes: number
}): Worker {
  const { queue, redis, keys, workerName, lockMs, mostCrashes } = options
  return new Worker(queue, null, {
    connection: redis,
    prefix: keys.bullPrefix(queue),
    name: workerName,
    autorun: false,
    lockDuration: lockMs,
    // A job is found at the first look after its lock ran out: at the latest after lockMs and a fifth.
    stalledInterval: lockMs / 5,
    maxStalledCount: mostCrashes,
    settings: {
      backoffStrategy: (_made: number, _type?: string, error?: Error) =>
        error instanceof AttemptFailed ? error.retryDelayMs : 0,
    },
  })
}

/** A job that was taken, as BullMQ wants it to move it on. */
export function bullJob(bull: Worker, { id, type, data, options, attemptsMade, traces }: TakenJob): Job {
  const job = new Job(bull, type, data, options, id)
  job.attemptsMade = attemptsMade
  const earlier = parseJson(traces ?? '')
  job.stacktrace = Array.isArray(earlier) ? earlier : []
  return job
}

/** BullMQ stores `message` as the job's failure and adds `stack` to the list of its attempts: both are ours, as JSON. */
export class AttemptFailed extends Error {
  /** −1 tells BullMQ to end the job. */
  readonly retryDelayMs: number

  constructor(failure: StoredFailure, retryDelayMs: number | undefined, startedAt: number) {
    super(encodeFailure(failure))
    this.name = 'AttemptFailed'
    this.retryDelayMs = retryDelayMs ?? -1
    this.stack = encodeAttempt(failure, startedAt, Date.now())
  }
}
