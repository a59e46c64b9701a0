import { z } from 'zod'
import { defineJob } from '../define-job.ts'
import { decodeText, readContentType } from '../web/decode-text.ts'
import { describeNetworkError, readBody, refuseStatus } from '../web/http-response.ts'

const largestBody = 5 * 1024 * 1024

/** Redirects are answers of their own only when the caller expects one. */
const redirects = [301, 302, 303, 307, 308]

/** HTTP's own framing and connection: setting these by hand breaks the request. */
const framingHeader = /^(connection|content-length|expect|keep-alive|te|trailer|transfer-encoding|upgrade)$/i

const status = z.int().min(200).max(599)

const headerName = z
  .string()
  .regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'is not a header name')
  .refine((name) => !framingHeader.test(name), 'is set by the service itself')

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
        'A string is sent as it is; anything else as JSON, with content-type application/json unless given; null is none',
      ),
    expect_status: z
      .union([status, z.array(status).min(1).max(100)])
      .optional()
      .describe(
        'The status, or the statuses, that count as success. Default 200 to 399. A redirect that is named is not followed',
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
      'Text, decoded by its charset, when the content-type is text/*, JSON, XML, JavaScript or a form, carries a charset, or is missing; base64 for any other type',
    ),
  bytes: z.int().describe('Length of the body before it was made a string, after decompression'),
  duration_ms: z.int().describe('From the start of the request to the end of the body, redirects included'),
})

/** One HTTP request. Network errors, 429 and 5xx are tried again; another status that is not expected ends the job. */
export default defineJob({
  type: 'http-request',
  title: 'Send an HTTP request',
  description:
    'Sends one HTTP request and returns the answer; redirects (at most 10) are followed. 5xx, 429 and network errors are tried again, after Retry-After where the answer names it; other unexpected statuses are permanent. Bodies over 5 MiB are refused. Private addresses are out of reach unless the operator allows them.',
  runsOn: 'event-loop',
  input,
  output,
  attempts: 3,
  examples: [
    { input: { url: 'https://example.com/' } },
    { input: { url: 'https://example.com/orders', method: 'POST', body: { order: 42 }, expect_status: [200, 201] } },
  ],
  async run({ url, method, headers, body, expect_status }, job) {
    const expected = expect_status === undefined ? undefined : [expect_status].flat()
    const startedAt = performance.now()
    try {
      const response = await job.fetch(url, {
        method,
        ...encodeBody(body, headers),
        redirect: expected?.some((status) => redirects.includes(status)) ? 'manual' : 'follow',
        signal: job.signal,
      })
      if (!(expected?.includes(response.status) ?? response.status < 400)) throw await refuseStatus(response, url)
      const bytes = await readBody(response, largestBody)
      return {
        status: response.status,
        headers: collectHeaders(response.headers),
        body: stringify(bytes, response.headers.get('content-type')),
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
  // A comma may stand inside a cookie, so these alone cannot be joined by one (RFC 9110, section 5.3).
  return { ...Object.fromEntries(headers), ...(cookies.length > 0 ? { 'set-cookie': cookies.join('\n') } : {}) }
}

const textType =
  /^(text\/.*|application\/(.*[+-])?(json|xml|javascript|ecmascript|yaml|x-www-form-urlencoded)|.*\+(json|xml))$/

function stringify(bytes: Buffer, contentType: string | null): string {
  const { mediaType, charset } = readContentType(contentType)
  const isText = mediaType === '' || charset !== undefined || textType.test(mediaType)
  return isText ? decodeText(bytes, charset) : bytes.toString('base64')
}
