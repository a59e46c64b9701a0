import { z } from 'zod'
import type { JobFailure } from '../../jobs/job-failure.ts'
import { parseJson } from './parse-json.ts'

const waysToStop = ['never_started', 'cooperatively', 'killed', 'abandoned'] as const

/** How a canceled job was stopped. */
type Stopped = (typeof waysToStop)[number]

/** Why an attempt failed; `attempt` is its number, 0 when the job never started. */
export interface StoredFailure extends Omit<JobFailure, 'retryAfterMs'> {
  attempt: number
  stopped?: Stopped | undefined
}

/** An attempt that has ended, times in epoch ms; without a failure it succeeded. */
export interface EndedAttempt {
  attempt: number
  startedAt: number | undefined
  endedAt: number | undefined
  failure: StoredFailure | undefined
}

const failureSchema = z.object({
  code: z.string(),
  message: z.string(),
  retryable: z.boolean(),
  attempt: z.int(),
  stopped: z.enum(waysToStop).optional(),
})

const attemptSchema = failureSchema.extend({ startedAt: z.int().optional(), endedAt: z.int() })

/** BullMQ stores one string as the reason of a failure. Drover writes this object as JSON. */
export function encodeFailure(failure: StoredFailure): string {
  return JSON.stringify(failure)
}

/** Reads a stored failure. Text that is not JSON was written by BullMQ itself, which only its stall limit does. */
export function decodeFailure(failedReason: string, attempt: number): StoredFailure {
  return (
    failureSchema.safeParse(parseJson(failedReason)).data ?? {
      code: 'stalled',
      message: `the worker that ran this job vanished (${failedReason})`,
      retryable: true,
      attempt,
    }
  )
}

/** The entry of a failed attempt in BullMQ's list of stack traces, as JSON. Times are epoch ms. */
export function encodeAttempt(failure: StoredFailure, startedAt: number | undefined, endedAt: number): string {
  return JSON.stringify({ ...failure, startedAt, endedAt })
}

/** The failed attempts in BullMQ's list of stack traces, oldest first. Entries that Drover did not write are skipped. */
export function decodeAttempts(stacktrace: string | undefined): EndedAttempt[] {
  if (stacktrace === undefined) return []
  const traces = z.array(z.string()).safeParse(parseJson(stacktrace)).data ?? []
  return traces.flatMap((trace) => {
    const { data } = attemptSchema.safeParse(parseJson(trace))
    if (!data) return []
    const { startedAt, endedAt, ...failure } = data
    return [{ attempt: failure.attempt, startedAt, endedAt, failure }]
  })
}
