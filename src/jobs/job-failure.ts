import { inspect } from 'node:util'
import { cutText } from './cut-text.ts'
import { isJobError, maxDelayMs } from './job-error.ts'

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

const maxCodeLength = 100
const maxMessageLength = 2000
/** How many causes of causes a message includes, and how many errors of an AggregateError. */
const maxCauses = 5

/**
 * Describes a thrown value. Only Drover's own errors set the code and steer retries: those of other libraries may have properties of
 * the same names with another meaning (`retryable` in the AWS SDK).
 */
export function describeFailure(thrown: unknown): JobFailure {
  const message = describeMessage(thrown) || `the handler threw ${inspect(thrown, { depth: 1 })}`
  if (!isJobError(thrown)) return boundFailure({ code: 'job_failed', message, retryable: true })
  // A subclass may have set the fields to anything.
  const { code, retryable, retryAfterMs }: { code: unknown; retryable: unknown; retryAfterMs: unknown } = thrown
  const delay = typeof retryAfterMs === 'number' ? { retryAfterMs } : {}
  return boundFailure({ code: String(code), message, retryable: retryable !== false, ...delay })
}

/** A failure whose texts are well-formed and bounded: a code of at most 100, a message of at most 2,000 UTF-16 units. */
export function boundFailure({ code, message, retryable, retryAfterMs }: JobFailure): JobFailure {
  const isDelay = retryAfterMs !== undefined && retryAfterMs >= 0
  return {
    code: cutText(code, maxCodeLength),
    message: cutText(message, maxMessageLength),
    retryable,
    ...(isDelay && { retryAfterMs: Math.min(retryAfterMs, maxDelayMs) }),
  }
}

/** The message of an error with those of its causes, and of the errors of an AggregateError: `fetch failed` alone says nothing. */
function describeMessage(thrown: unknown, depth = 0): string {
  if (typeof thrown === 'string') return depth > 0 ? thrown : ''
  const { message, code, cause, errors } = Object(thrown) as Record<string, unknown>
  if (typeof message !== 'string' || depth > maxCauses) return ''
  const several = Array.isArray(errors) ? describeAll(errors, depth) : ''
  // Errors of the system may have a code and no message.
  const own = message === '' && several === '' && typeof code === 'string' ? code : message
  return join(join(own, several), describeMessage(cause, depth + 1))
}

function describeAll(errors: unknown[], depth: number): string {
  const texts = errors.slice(0, maxCauses).map((error) => describeMessage(error, depth + 1))
  const rest = errors.length > maxCauses ? [`and ${errors.length - maxCauses} more`] : []
  return [...new Set(texts), ...rest].filter((text) => text !== '').join('; ')
}

/** An error that wraps another often repeats its message. */
function join(text: string, more: string): string {
  if (more === '' || text.includes(more)) return text
  return text === '' ? more : `${text}: ${more}`
}
