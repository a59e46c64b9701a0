import { z } from 'zod'
import { Problem, type ProblemCode, problemDetails, problemSchema } from '../http/problem.ts'

/** Descriptions by name. */
type Headers = Record<string, string>

/** Documents a successful answer with a JSON body. */
export function jsonResponse(
  description: string,
  schema: z.ZodType,
  { headers, example }: { headers?: Headers; example?: unknown } = {},
) {
  const examples = example === undefined ? undefined : { example: { value: example } }
  return { description, headers, content: { 'application/json': { schema, examples } } }
}

/** Documents an answer without a body. */
export function emptyResponse(description: string, headers?: Headers) {
  return { headers, properties: z.null().describe(description) }
}

const retryAfter = { 'retry-after': 'Seconds to wait before the next try' }
const headersOf: Record<number, Headers> = {
  401: { 'www-authenticate': '`Bearer`' },
  415: { 'accept-encoding': '`identity`: the body was compressed, which is not supported' },
  416: { 'content-range': '`bytes */size`', 'accept-ranges': '`bytes`' },
  429: retryAfter,
  503: retryAfter,
}

/** A run that did not succeed was stored, and perhaps waited for. */
const ofRun = {
  location: 'Where the job can be read',
  'preference-applied': '`wait=N`: N is the limit of the wait in seconds',
  'idempotent-replayed': '`true`: the key was used before, and this is its job',
  'server-timing': '`queue`, `run` and `total` of the job in ms',
  deduplicated:
    '`joined`: another job held the key of `unique`, and this is its end. `replaced`: the job replaced another',
}
const headersOfCode: Partial<Record<ProblemCode, Headers>> = {
  job_failed: ofRun,
  job_timed_out: ofRun,
  job_expired: ofRun,
  job_canceled: ofRun,
  unique_conflict: { location: 'The job that holds the unique key' },
}

const anyRoute = ['invalid_request', 'internal_error'] as const
const anyRouteWithKey = [
  'unauthenticated',
  'authentication_throttled',
  'forbidden',
  'host_not_allowed',
  'cross_site_request',
  'quota_exceeded',
] as const

/** Documents the problems that a route can answer with, by status. */
export function problemResponses(...codes: ProblemCode[]): Record<number, unknown> {
  return publicProblemResponses(...codes, ...anyRouteWithKey)
}

/** {@link problemResponses} for a route that needs no API key. */
export function publicProblemResponses(...codes: ProblemCode[]): Record<number, unknown> {
  const all = [...new Set<ProblemCode>([...codes, ...anyRoute])]
  const examples = all.map((code) => exampleOf(code))
  const byStatus = Map.groupBy(examples, ({ status }) => status)
  return Object.fromEntries(
    Array.from(byStatus, ([status, same]) => [
      status,
      {
        description: same.map(({ code }) => `\`${code}\``).join(', '),
        ...headersFor(status, same),
        content: {
          'application/problem+json': {
            schema: problemSchema,
            examples: Object.fromEntries(same.map((value) => [value.code, { value }])),
          },
        },
      },
    ]),
  )
}

function headersFor(status: number, problems: { code: ProblemCode }[]): { headers?: Headers } {
  const headers = Object.assign({}, headersOf[status], ...problems.map(({ code }) => headersOfCode[code]))
  return Object.keys(headers).length > 0 ? { headers } : {}
}

function exampleOf(code: ProblemCode): z.output<typeof problemSchema> {
  const { title } = problemDetails(new Problem(code, ''), '')
  return problemDetails(new Problem(code, `${title}.`), '/v1/jobs')
}
