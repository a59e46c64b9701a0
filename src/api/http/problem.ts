import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { QueueUnavailableError } from '../../queue/redis/connection.ts'

/** Every problem that a client can meet: its stable code, its HTTP status, its title. The only place that knows statuses of errors. */
const problems = {
  unauthenticated: [401, 'A key is needed'],
  forbidden: [403, 'The key does not allow that'],
  quota_exceeded: [429, 'Your quota is used up'],
  queue_full: [503, 'The queue is full'],
  invalid_request: [400, 'The request is not valid'],
  route_not_found: [404, 'There is nothing at this address'],
  unknown_job_type: [404, 'There is no such job type'],
  job_not_found: [404, 'There is no such job'],
  job_already_done: [409, 'The job is done'],
  job_not_retryable: [409, 'The job did not end without success'],
  flow_not_found: [404, 'There is no such flow'],
  flow_already_done: [409, 'The flow is done'],
  flow_not_retryable: [409, 'The flow did not end without success'],
  idempotency_key_reused: [422, 'The idempotency key stands for another request'],
  job_not_done: [409, 'The job is not done'],
  job_has_no_output: [409, 'The job did not succeed'],
  range_not_satisfiable: [416, 'There is nothing in this range'],
  delivery_not_found: [404, 'There is no such delivery'],
  delivery_not_done: [409, 'The delivery is not done'],
  schedule_not_found: [404, 'There is no such schedule'],
  schedule_contended: [409, 'The schedule is being changed by others'],
  too_many_schedules: [409, 'There are too many schedules'],
  queue_not_found: [404, 'There is no such queue'],
  payload_too_large: [413, 'The request body is too large'],
  too_many_members: [413, 'The request body has too many members'],
  request_timeout: [408, 'The request took too long to arrive'],
  headers_too_large: [431, 'The request headers are too large'],
  unsupported_media_type: [415, 'The request body must be JSON'],
  queue_unavailable: [503, 'The queue is not available'],
  internal_error: [500, 'Something went wrong on our side'],
} as const

export type ProblemCode = keyof typeof problems

/** A mistake in the request; `pointer` is a JSON Pointer (RFC 6901) into the body, or the name of a parameter or header. */
export interface Mistake {
  pointer: string
  detail: string
}

/** Throw it anywhere in a request to answer with this problem. */
export class Problem extends Error {
  readonly code: ProblemCode
  readonly mistakes: Mistake[] | undefined
  readonly retryAfterS: number | undefined

  constructor(code: ProblemCode, detail: string, options: { mistakes?: Mistake[]; retryAfterS?: number } = {}) {
    super(detail)
    this.name = 'Problem'
    this.code = code
    this.mistakes = options.mistakes
    this.retryAfterS = options.retryAfterS
  }
}

/** Problem details of RFC 9457, with our `code` and `errors`. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  instance: z.string(),
  code: z.enum(Object.keys(problems) as [ProblemCode, ...ProblemCode[]]),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
})

/** Zod's issues as mistakes; `base` is the pointer of what was parsed. */
export function mistakesOf(error: z.ZodError, base = ''): Mistake[] {
  return error.issues.flatMap((issue) => {
    const at = issue.path.reduce<string>((pointer, key) => `${pointer}/${escapePointer(key)}`, base)
    // What is wrong with the key of a record; the issue itself says only that something is.
    if (issue.code === 'invalid_key') return [{ pointer: at, detail: issue.issues[0]?.message ?? issue.message }]
    if (issue.code !== 'unrecognized_keys') return [{ pointer: at, detail: issue.message }]
    return issue.keys.map((key) => ({ pointer: `${at}/${escapePointer(key)}`, detail: 'is not known here' }))
  })
}

/** A key as one step of a JSON Pointer. */
export function escapePointer(key: PropertyKey): string {
  return String(key).replaceAll('~', '~0').replaceAll('/', '~1')
}

/** Answers with a problem. Used as Fastify's error handler: everything that a route throws ends here. */
export function answerProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = toProblem(error, request.routeOptions.bodyLimit ?? 0)
  const [instance = ''] = request.url.split('?', 1)
  const body = problemDetails(problem, instance)
  // A full queue is no fault, and thousands a second may be told so: the metrics count them.
  if (body.status >= 500 && problem.code !== 'queue_full') request.log.error({ err: error }, 'request failed')
  if (problem.retryAfterS !== undefined) reply.header('retry-after', problem.retryAfterS)
  return reply
    .code(body.status)
    .header('content-type', 'application/problem+json')
    .serializer(JSON.stringify)
    .send(body)
}

/** The bytes of an answer to what was no request; the connection ends with it. */
export function writeProblem(problem: Problem): string {
  const details = problemDetails(problem, '')
  const body = JSON.stringify(details)
  const head = [
    `HTTP/1.1 ${details.status} ${STATUS_CODES[details.status] ?? ''}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

/** A problem as the body of an answer. `instance` is the path of the request. */
export function problemDetails(problem: Problem, instance: string): z.output<typeof problemSchema> {
  const [status, title] = problems[problem.code]
  return {
    type: `urn:drover:problem:${problem.code}`,
    title,
    status,
    detail: cutText(problem.message, maxDetail),
    instance,
    code: problem.code,
    ...(problem.mistakes ? { errors: cutMistakes(problem.mistakes) } : {}),
  }
}

/** What a client sent may be part of a text, and of any length. With 6 bytes for a character, a problem stays below 64 KB. */
const maxDetail = 1000
const maxErrorsText = 8000
const maxErrors = 50

function cutMistakes(mistakes: readonly Mistake[]): Mistake[] {
  const cut: Mistake[] = []
  let left = maxErrorsText
  for (const { pointer, detail } of mistakes.slice(0, maxErrors)) {
    const mistake = { pointer: cutText(pointer, maxDetail), detail: cutText(detail, maxDetail) }
    left -= mistake.pointer.length + mistake.detail.length
    if (left < 0) break
    cut.push(mistake)
  }
  return cut
}

/** At most `max` code units, cut between characters, and without halves of surrogate pairs. */
function cutText(text: string, max: number): string {
  if (text.length <= max) return text.toWellFormed()
  const isSplit = /[\ud800-\udbff]$/.test(text.slice(0, max))
  return `${text.slice(0, isSplit ? max - 1 : max).toWellFormed()}\u2026`
}

function toProblem(error: unknown, bodyLimit: number): Problem {
  if (error instanceof Problem) return error
  if (error instanceof QueueUnavailableError) {
    const detail = 'Redis did not answer in time; the request may have taken effect. Try again.'
    return new Problem('queue_unavailable', detail, { retryAfterS: 1 })
  }
  const { code = '', statusCode = 500 } = error as Partial<FastifyError>
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new Problem(
      'payload_too_large',
      `The body is larger than ${bodyLimit} bytes, the most that this server accepts.`,
    )
  if (code.startsWith('FST_ERR_CTP_INVALID_MEDIA_TYPE')) {
    return new Problem('unsupported_media_type', 'Send JSON with content-type: application/json.')
  }
  if (statusCode >= 400 && statusCode < 500)
    return new Problem('invalid_request', clientFaults[code] ?? 'The request cannot be read.')
  return new Problem('internal_error', 'The fault is logged under the request-id of this answer.')
}

/** Fastify's own refusals, in our words. */
const clientFaults: Record<string, string> = {
  FST_ERR_CTP_EMPTY_JSON_BODY: 'The body is empty.',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'The body is not as long as its content-length says.',
  FST_ERR_BAD_URL: 'The address cannot be decoded.',
}
