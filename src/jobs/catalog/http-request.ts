import { z } from 'zod'
import { defineJob } from '../define-job.ts'
import { readContentType } from '../web/content-type.ts'
import { decodeText } from '../web/decode-text.ts'
import { describeNetworkError, readBody, refuseStatus } from '../web/http-response.ts'

const maxBodyBytes = 5 * 1024 * 1024

/** A redirect is returned instead of followed only if the caller expects its status. */
const redirects = [301, 302, 303, 307, 308]

/**
 * Headers that only the service sets: those of HTTP's framing and connection (a wrong one breaks the request or lets it turn into
 * another), those for proxies, and the count of hops.
 */
const ownHeader =
  /^(connection|content-length|expect|host|http2-settings|keep-alive|proxy-.*|sec-websocket-.*|te|trailer|transfer-encoding|upgrade|drover-hops)$/i

const status = z.int().min(200).max(599)

const headerName = z
  .string()
  .regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'is not a header name')
  .refine((name) => !ownHeader.test(name), 'is set by the service itself')

/** Any visible Latin-1 character, space and tab: no line break can smuggle in another header. */
const headerValue = z.string().regex(/^[\t\u0020-\u007e\u0080-\u00ff]*$/, 'has a character that no header may contain')

const input = z
  .strictObject({
    url: z.url({ protocol: /^https?$/, error: 'is not an http or https URL' }).max(8192),
    method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']).default('GET'),
    headers: z.record(headerName, headerValue).default({}),
    body: z
      .unknown()
      .optional()
      .describe(
        'A string is sent as it is; any other value as JSON, with content-type application/json unless given; null means no body',
      ),
    // Several generators of clients compile no union of a number and an array: the array is the form of the schema.
    expect_status: z
      .preprocess((value) => (typeof value === 'number' ? [value] : value), z.array(status).min(1).max(100).optional())
      .optional()
      .describe(
        'The statuses that count as success; a single one may stand without the array. Default: 200 to 399. A redirect with an expected status is not followed',
      ),
  })
  .refine(({ method, body }) => (body ?? null) === null || (method !== 'GET' && method !== 'HEAD'), {
    error: 'GET and HEAD carry no body',
    path: ['body'],
  })

const output = z.strictObject({
  status: z.int(),
  headers: z
    .record(z.string(), z.string())
    .describe('Names in lower case; several set-cookie headers are joined by line feeds'),
  body: z
    .string()
    .describe(
      'Decoded text if the content-type is text/*, JSON, XML, JavaScript or a form, has a charset, or is missing; base64 for any other type',
    ),
  bytes: z.int().describe('Length of the body after decompression, before decoding'),
  duration_ms: z.int().describe('From the start of the request to the end of the body, including redirects'),
})

/** Sends one HTTP request. Network errors, 429 and 5xx are retried; any other unexpected status is permanent. */
export default defineJob({
  type: 'http-request',
  title: 'Send an HTTP request',
  description:
    'Sends one HTTP request and returns the response; follows at most 10 redirects. 5xx, 429 and network errors are retried, after Retry-After if the response has one; other unexpected statuses are permanent. Bodies over 5 MiB are refused. Private addresses are refused unless the operator allows them.',
  runsOn: 'event-loop',
  input,
  output,
  attempts: 3,
  examples: [
    { input: { url: 'https://example.com/' } },
    { input: { url: 'https://example.com/orders', method: 'POST', body: { order: 42 }, expect_status: [200, 201] } },
  ],
  async run({ url, method, headers, body, expect_status: expected }, job) {
    const startedAt = performance.now()
    try {
      const response = await job.fetch(url, {
        method,
        ...encodeBody(body, headers),
        redirect: expected?.some((status) => redirects.includes(status)) ? 'manual' : 'follow',
        signal: job.signal,
      })
      if (!(expected?.includes(response.status) ?? response.status < 400)) throw await refuseStatus(response, url)
      const bytes = await readBody(response, maxBodyBytes)
      return {
        status: response.status,
        headers: collectHeaders(response.headers),
        body: await stringify(bytes, response.headers.get('content-type'), job.signal),
        bytes: bytes.length,
        duration_ms: Math.round(performance.now() - startedAt),
      }
    } catch (error) {
      throw describeNetworkError(error, url, job.signal)
    }
  },
})

function encodeBody(body: unknown, headers: Record<string, string>): RequestInit {
  if (body === undefined || body === null) return { headers }
  if (typeof body === 'string') return { headers, body }
  const isTyped = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')
  return { headers: isTyped ? headers : { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

function collectHeaders(headers: Headers): Record<string, string> {
  const cookies = headers.getSetCookie()
  // Cookies may contain commas, so only these headers cannot be joined by one (RFC 9110, section 5.3).
  return { ...Object.fromEntries(headers), ...(cookies.length > 0 ? { 'set-cookie': cookies.join('\n') } : {}) }
}

const textType =
  /^(text\/.*|application\/(.*[+-])?(json|xml|javascript|ecmascript|yaml|x-www-form-urlencoded)|.*\+(json|xml))$/

async function stringify(bytes: Buffer, contentType: string | null, signal: AbortSignal): Promise<string> {
  const { mediaType, charset } = await readContentType(contentType)
  const isText = mediaType === '' || charset !== undefined || textType.test(mediaType)
  return isText ? decodeText(bytes, charset ?? 'utf-8', signal) : bytes.toString('base64')
}
