import { inspect } from 'node:util'

/** Why an attempt failed, as plain data: it crosses threads, processes and Redis, where the class of an Error is lost. */
export interface JobFailure {
  /** Stable, for programs: `job_failed`, `timeout`, `out_of_memory`, … */
  code: string
  message: string
  /** False ends the job whatever attempts are left. */
  retryable: boolean
  /** Replaces the backoff before the next attempt. */
  retryAfterMs?: number
}

const maxMessageLength = 2000

/** Describes anything that was thrown. Reads properties, not classes, since the error may come from another copy of a module. */
export function describeFailure(thrown: unknown): JobFailure {
  const { code, retryable, retryAfterMs } = Object(thrown) as Record<string, unknown>
  const isJobError = typeof retryable === 'boolean'
  const failure: JobFailure = {
    code: isJobError && typeof code === 'string' ? code : 'job_failed',
    message: describeMessage(thrown).slice(0, maxMessageLength),
    retryable: isJobError ? retryable : true,
  }
  if (isJobError && typeof retryAfterMs === 'number') failure.retryAfterMs = retryAfterMs
  return failure
}

/** `fetch failed` says nothing without its cause: where there is one, its message follows. */
function describeMessage(thrown: unknown): string {
  const { message, cause } = Object(thrown) as { message?: unknown; cause?: { message?: unknown } }
  if (typeof message !== 'string' || message === '') return `the handler threw ${inspect(thrown, { depth: 1 })}`
  const causeMessage = cause?.message
  return typeof causeMessage === 'string' && causeMessage !== '' ? `${message}: ${causeMessage}` : message
}
