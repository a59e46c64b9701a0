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

/** {@link StoredFailure} as JSON. */
export const failureSchema = z.object({
  code: z.string(),
  message: z.string(),
  retryable: z.boolean(),
  attempt: z.int(),
  stopped: z.enum(waysToStop).optional(),
})

/** BullMQ stores one string as the reason of a failure. Drover writes this object as JSON. */
export function encodeFailure(failure: StoredFailure): string {
  return JSON.stringify(failure)
}

/** Whether this is the reason that BullMQ's stall limit stores, and none of ours. */
export const isStallLimit = (failedReason: string): boolean => parseJson(failedReason) === undefined

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
