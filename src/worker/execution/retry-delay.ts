import type { Backoff } from '../../jobs/define-job.ts'
import type { JobFailure } from '../../jobs/job-failure.ts'

const longestDelayMs = 24 * 3_600_000

/**
 * How long to wait before the next attempt, in ms; undefined when there is none. Pure: `random` (0 to 1) is drawn by the caller.
 *
 * Exponential doubles from `delayMs` at the first retry. `jitter` is the share of the delay that is random:
 * 0.5 gives between half of it and all of it. What the failure itself asks for comes before both.
 */
export function retryDelay(options: {
  failure: JobFailure
  attempt: number
  maxAttempts: number
  backoff: Required<Backoff>
  random: number
}): number | undefined {
  const { failure, attempt, maxAttempts, backoff, random } = options
  if (!failure.retryable || attempt >= maxAttempts) return undefined
  if (failure.retryAfterMs !== undefined) return Math.min(failure.retryAfterMs, longestDelayMs)
  const factor = backoff.type === 'exponential' ? 2 ** (attempt - 1) : 1
  const full = Math.min(backoff.delayMs * factor, longestDelayMs)
  return Math.round(full * (1 - backoff.jitter * random))
}
