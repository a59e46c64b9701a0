import type { Backoff } from '../../jobs/define-job.ts'
import { maxDelayMs } from '../../jobs/job-error.ts'
import type { JobFailure } from '../../jobs/job-failure.ts'

/** Bounds the backoff, which doubles. A delay that the failure asks for may be longer. */
const maxBackoffMs = 24 * 3_600_000

/**
 * The delay before the next attempt in ms; undefined when there is no next attempt. Pure: the caller draws `random` (0 to 1).
 *
 * Exponential backoff starts with `delayMs` and doubles. `jitter` is the random share of the delay: 0.5 gives between half of it
 * and all of it. A delay that the failure itself asks for takes precedence over both.
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
  if (failure.retryAfterMs !== undefined) return Math.min(failure.retryAfterMs, maxDelayMs)
  const factor = backoff.type === 'exponential' ? 2 ** (attempt - 1) : 1
  const full = Math.min(backoff.delayMs * factor, maxBackoffMs)
  return Math.round(full * (1 - backoff.jitter * random))
}
