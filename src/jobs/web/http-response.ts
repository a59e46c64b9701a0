import { JobError, PermanentError, RetryLater } from '../job-error.ts'

const maxRetryAfterMs = 24 * 3_600_000

/**
 * The body after decompression. Reads at most `maxBytes`, so a small response that inflates to gigabytes is refused, too.
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
 * The error for an unexpected status: 429 and 5xx are retryable, after `Retry-After` if the response has one; any other status is
 * permanent. Frees the connection. The code is `unexpected_status`; the message names only the host of `url`.
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
 * The delay of a `Retry-After` header in ms (RFC 9110, section 10.2.3: seconds or a date), from 0 to a day. Undefined if the header is
 * missing or malformed.
 */
export function readRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined
  // Date.parse accepts nearly anything, even "12.5"; an HTTP date starts with the name of a day and is always in GMT.
  const delayMs = /^\d+$/.test(header)
    ? Number(header) * 1000
    : /^[A-Z][a-z]+,? /.test(header)
      ? Date.parse(header.endsWith(' GMT') ? header : `${header} GMT`) - now
      : Number.NaN
  return Number.isNaN(delayMs) ? undefined : Math.min(Math.max(delayMs, 0), maxRetryAfterMs)
}

/** Turns a network error of `fetch` or of its body into a retryable JobError that names the host. Returns a JobError or an abort as it is. */
export function describeNetworkError(error: unknown, url: string, signal: AbortSignal): unknown {
  if (error instanceof JobError || signal.aborted) return error
  return new JobError(`no complete response from ${new URL(url).host}`, {
    code: 'network_error',
    cause: findCause(error),
  })
}

/** `fetch failed` hides the reason (`connect ECONNREFUSED`). */
function findCause(error: unknown): unknown {
  return error instanceof TypeError && error.cause !== undefined ? findCause(error.cause) : error
}
