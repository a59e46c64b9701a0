/** Marks Drover's own errors, whichever copy of this module made them. */
const jobErrorBrand = Symbol.for('drover.job-error')

/** The longest delay of a job, and so of its next attempt: a year. */
export const maxDelayMs = 365 * 86_400_000

/** A failure described by the handler. `code` is stable and reaches clients as `error.code`. */
export class JobError extends Error {
  readonly code: string
  readonly retryable: boolean
  /** Replaces the job's backoff before the next attempt; undefined keeps it. From 0 to a year. */
  readonly retryAfterMs: number | undefined

  constructor(
    message: string,
    options: { code?: string; retryable?: boolean; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : {})
    this.name = new.target.name
    this.code = options.code ?? 'job_failed'
    this.retryable = options.retryable ?? true
    this.retryAfterMs = clampDelay(options.retryAfterMs)
  }

  get [jobErrorBrand](): true {
    return true
  }
}

/** True for a {@link JobError}, also from another copy of this module. */
export function isJobError(value: unknown): value is JobError {
  return typeof value === 'object' && value !== null && jobErrorBrand in value
}

/** Throw it to fail the job without another attempt. */
export class PermanentError extends JobError {
  constructor(message: string, options: { code?: string; cause?: unknown } = {}) {
    super(message, { ...options, retryable: false })
  }
}

/**
 * Throw it to set the delay before the next attempt, in place of the job's backoff (from a `Retry-After`, for example). A delay beyond a
 * year is cut to a year; one that is not a number keeps the backoff.
 */
export class RetryLater extends JobError {
  constructor(
    afterMs: number,
    message = `try again in ${afterMs} ms`,
    options: { code?: string; cause?: unknown } = {},
  ) {
    super(message, { ...options, retryAfterMs: afterMs })
  }
}

/** Never throws: the handler has failed already, and its reason must not be lost. */
function clampDelay(delayMs: unknown): number | undefined {
  if (typeof delayMs !== 'number' || Number.isNaN(delayMs)) return undefined
  return Math.min(Math.max(Math.ceil(delayMs), 0), maxDelayMs)
}
