/** Why an attempt failed, as data: it crosses threads, processes and Redis, where an Error's class would be lost. */
export interface JobFailure {
  /** Stable, for programs: `job_failed`, `timeout`, `out_of_memory`, … */
  code: string
  message: string
  /** False ends the job whatever attempts are left. */
  retryable: boolean
  /** Overrides the job's backoff for the next attempt. */
  retryAfterMs?: number
}

/** Describes anything that was thrown. Reads properties, not classes, since the error may come from another copy of a module. */
export function describeFailure(thrown: unknown): JobFailure {
  const { message, code, retryable, retryAfterMs } = Object(thrown) as Record<string, unknown>
  const isJobError = typeof retryable === 'boolean'
  const failure: JobFailure = {
    code: isJobError && typeof code === 'string' ? code : 'job_failed',
    message: typeof message === 'string' && message !== '' ? message : `the handler threw ${JSON.stringify(thrown) ?? 'undefined'}`,
    retryable: isJobError ? retryable : true,
  }
  if (isJobError && typeof retryAfterMs === 'number') failure.retryAfterMs = retryAfterMs
  return failure
}
