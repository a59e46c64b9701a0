import { JobError, PermanentError, RetryLater } from '../define-job.ts'

const longestRetryAfterMs = 24 * 3_600_000

/**
 * The body after decompression, read no further than `maxBytes`: a small answer that inflates to gigabytes ends there, too.
 *
 * @throws PermanentError `response_too_large`; the connection is dropped.
 */
export async function readBody(response: Response, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  if (response.body) {
    for await (const chunk of response.body) {
      length += chunk.byteLength
      if (length > maxBytes) {
        throw new PermanentError(`the body is larger than ${maxBytes} bytes`, { code: 'response_too_large' })
      }
      chunks.push(chunk)
    }
  }
  return Buffer.concat(chunks, length)
}

/**
 * The error for a status that the job cannot use: 429 and 5xx may be tried again, after `Retry-After` where the answer carries
 * one; anything else is permanent. Frees the connection. The code is `unexpected_status`; `url` is named by its host only.
 */
export async function refuseStatus(response: Response, url: string): Promise<JobError> {
  await response.body?.cancel()
  const message = `${new URL(url).host} answered ${response.status}`
  const options = { code: 'unexpected_status' }
  if (response.status !== 429 && response.status < 500) return new PermanentError(message, options)
  const afterMs = readRetryAfter(response.headers.get('retry-after'), Date.now())
  return afterMs === undefined ? new JobError(message, options) : new RetryLater(afterMs, message, options)
}

/**
 * The delay that a `Retry-After` header asks for in milliseconds (RFC 9110, section 10.2.3: seconds or a date), 0 to a day.
 * Undefined where there is none or it cannot be read.
 */
export function readRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined
  // Date.parse takes nearly anything, "12.5" as well; an HTTP date starts with the day's name and is always in GMT.
  const delayMs = /^\d+$/.test(header)
    ? Number(header) * 1000
    : /^[A-Z][a-z]+,? /.test(header)
      ? Date.parse(header.endsWith(' GMT') ? header : `${header} GMT`) - now
      : Number.NaN
  return Number.isNaN(delayMs) ? undefined : Math.min(Math.max(delayMs, 0), longestRetryAfterMs)
}

/** A network error of `fetch` or of its body as a retryable JobError that names the host; a JobError or an abort stays as it is. */
export function describeNetworkError(error: unknown, url: string, signal: AbortSignal): unknown {
  if (error instanceof JobError || signal.aborted) return error
  return new JobError(`no complete answer from ${new URL(url).host}`, {
    code: 'network_error',
    cause: findCause(error),
  })
}

/** `fetch failed` hides what failed (`connect ECONNREFUSED`), and so does an AggregateError over all addresses of a name. */
function findCause(error: unknown): unknown {
  if (error instanceof AggregateError) return findCause(error.errors[0])
  return error instanceof TypeError && error.cause !== undefined ? findCause(error.cause) : error
}
