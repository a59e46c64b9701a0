import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { cutText } from '../../jobs/cut-text.ts'
import { QueueUnavailableError } from '../../queue/redis/connection.ts'

/** Every problem that a client can get: its stable code, HTTP status and title. The only place that knows the statuses of errors. */
const problems = {
  unauthenticated: [401, 'Authentication required'],
  authentication_throttled: [429, 'Too many failed authentications'],
  forbidden: [403, 'Insufficient scope'],
  host_not_allowed: [403, 'Host not allowed'],
  cross_site_request: [403, 'Cross-site request refused'],
  quota_exceeded: [429, 'Quota exceeded'],
  queue_full: [503, 'Queue full'],
  redis_full: [503, 'Redis full'],
  invalid_request: [400, 'Invalid request'],
  route_not_found: [404, 'Route not found'],
  method_not_allowed: [405, 'Method not allowed'],
  precondition_failed: [412, 'Precondition failed'],
  too_many_hops: [400, 'Too many hops'],
  unknown_job_type: [404, 'Unknown job type'],
  job_not_found: [404, 'Job not found'],
  concurrency_full: [409, 'Concurrency key full'],
  job_evicted: [410, 'Job evicted'],
  job_already_done: [409, 'Job already done'],
  job_not_retryable: [409, 'Job cannot be retried'],
  job_not_waiting: [409, 'Job does not wait'],
  too_many_signals: [409, 'Too many signals'],
  unique_conflict: [409, 'Unique key in use'],
  flow_not_found: [404, 'Flow not found'],
  flow_evicted: [410, 'Flow evicted'],
  flow_already_done: [409, 'Flow already done'],
  flow_not_done: [409, 'Flow not done'],
  flow_not_retryable: [409, 'Flow cannot be retried'],
  results_reset: [409, 'Results of another run'],
  idempotency_key_reused: [422, 'Idempotency key already used with a different body'],
  job_not_done: [409, 'Job not done'],
  job_has_no_output: [409, 'Job has no output'],
  values_reset: [409, 'Values of another list'],
  job_failed: [422, 'Job failed'],
  job_timed_out: [422, 'Job timed out'],
  job_expired: [422, 'Job expired'],
  job_canceled: [409, 'Job canceled'],
  range_not_satisfiable: [416, 'Range not satisfiable'],
  delivery_not_found: [404, 'Delivery not found'],
  delivery_not_done: [409, 'Delivery not done'],
  too_many_resends: [409, 'Too many resends'],
  schedule_not_found: [404, 'Schedule not found'],
  schedule_contended: [409, 'Conflicting changes of the schedule'],
  too_many_schedules: [409, 'Too many schedules'],
  tokens_not_configured: [409, 'Tokens not configured'],
  operation_not_found: [404, 'Operation not found'],
  operation_already_done: [409, 'Operation already done'],
  too_many_operations: [409, 'Too many operations'],
  queue_not_found: [404, 'Queue not found'],
  worker_not_found: [404, 'Worker not found'],
  limit_not_found: [404, 'Limit not found'],
  payload_too_large: [413, 'Request body too large'],
  too_many_members: [413, 'Request body has too many members'],
  request_timeout: [408, 'Request timeout'],
  headers_too_large: [431, 'Request headers too large'],
  unsupported_media_type: [415, 'Unsupported media type'],
  queue_unavailable: [503, 'Queue unavailable'],
  draining: [503, 'Draining'],
  internal_error: [500, 'Internal error'],
} as const

export type ProblemCode = keyof typeof problems

declare module 'fastify' {
  interface FastifyRequest {
    /** The problem that it is answered with, if it is. */
    problem: ProblemCode | undefined
    /** Why, where Redis is the reason. */
    outage: QueueUnavailableError | undefined
  }
}

/** A mistake in the request; `pointer` is a JSON Pointer (RFC 6901) into the body, or the name of a parameter or header. */
export interface Mistake {
  pointer: string
  detail: string
}

/** A job that has not succeeded, as a problem shows it: the fields `job_id` and `error`. */
export type ProblemJob = Pick<z.output<typeof problemSchema>, 'job_id' | 'error'>

/** An answer to a request: thrown anywhere in its handler. */
export class Problem extends Error {
  readonly code: ProblemCode
  readonly mistakes: Mistake[] | undefined
  readonly retryAfterS: number | undefined
  /** Headers of the answer, besides those of every problem. */
  readonly headers: Record<string, string>
  /** The job that the problem tells of. */
  readonly job: ProblemJob | undefined

  constructor(
    code: ProblemCode,
    detail: string,
    options: {
      mistakes?: Mistake[]
      retryAfterS?: number
      headers?: Record<string, string>
      job?: ProblemJob
    } = {},
  ) {
    super(detail)
    this.name = 'Problem'
    this.code = code
    this.mistakes = options.mistakes
    this.retryAfterS = options.retryAfterS
    this.headers = options.headers ?? {}
    this.job = options.job
  }
}

/** Problem details (RFC 9457) with the extensions `code` and `errors`. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  instance: z.string(),
  code: z.enum(Object.keys(problems) as [ProblemCode, ...ProblemCode[]]).meta({ component: 'ProblemCode' }),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() }).meta({ component: 'Mistake' })).optional(),
  job_id: z.string().optional().describe('The job that was run, or that holds the unique key'),
  error: z
    .object({ code: z.string(), message: z.string() })
    .meta({ component: 'ErrorSummary' })
    .optional()
    .describe('Why the job did not succeed. The code may be one of its handler'),
})

/** Answers with a problem. This is Fastify's error handler: it gets everything that a route throws. */
export function answerProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = toProblem(error, request)
  request.problem = problem.code
  if (error instanceof QueueUnavailableError) request.outage = error
  const [instance = ''] = request.url.split('?', 1)
  const body = problemDetails(problem, instance)
  // A refusal (a full queue, no Redis) is not a fault, and there may be thousands of these answers a second: it is logged with its answer.
  if (problem.code === 'internal_error' && !(error instanceof Problem))
    request.log.error({ err: error }, 'request failed')
  if (problem.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer')
  if (problem.retryAfterS !== undefined) reply.header('retry-after', problem.retryAfterS)
  return reply
    .code(body.status)
    .headers(problem.headers)
    .header('content-type', 'application/problem+json')
    .serializer(JSON.stringify)
    .send(body)
}

/** The bytes of an answer to something that was not an HTTP request. The connection ends with it. */
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
    ...problem.job,
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

function toProblem(error: unknown, request: FastifyRequest): Problem {
  if (error instanceof Problem) return error
  if (error instanceof QueueUnavailableError) {
    return new Problem('queue_unavailable', whyUnavailable(error, request.method), { retryAfterS: 1 })
  }
  const { code: given, statusCode = 500 }: Partial<FastifyError> = Object(error)
  // Of the error of a child process it is a number.
  const code = typeof given === 'string' ? given : ''
  const { bodyLimit } = request.routeOptions
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new Problem('payload_too_large', `The body is larger than ${bodyLimit} bytes, the limit of this server.`)
  if (code.startsWith('FST_ERR_CTP_INVALID_MEDIA_TYPE')) {
    return new Problem('unsupported_media_type', 'Send JSON with content-type: application/json.')
  }
  if (statusCode >= 400 && statusCode < 500)
    return new Problem('invalid_request', clientFaults[code] ?? 'The request cannot be read.')
  return new Problem('internal_error', 'The error is logged under the request-id of this answer.')
}

/** Only a command that was sent, and whose answer did not come, may have taken effect. */
function whyUnavailable(error: QueueUnavailableError, method: string): string {
  if (error.wasNotCarriedOut) return 'Redis cannot be reached, or accepts no commands at the moment: try again.'
  const late = 'Redis did not answer within the time limit of this server (REDIS_COMMAND_TIMEOUT_MS)'
  const isSafe = method === 'GET' || method === 'HEAD'
  return isSafe ? `${late}: try again.` : `${late}. The request may have taken effect: try again.`
}

/** Details for the errors of Fastify itself. */
const clientFaults: Record<string, string> = {
  FST_ERR_CTP_EMPTY_JSON_BODY: 'The body is empty.',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'The length of the body differs from its content-length.',
  FST_ERR_BAD_URL: 'The path cannot be decoded.',
}
