import type { Flow, Job } from './resources.ts'

/** Every error of this client, besides the reason of a signal that was aborted. */
export class DroverError extends Error {
  /** Stable: compare this, not the message. */
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.name = new.target.name
  }
}

/** A mistake in a request. `pointer` is a JSON Pointer (RFC 6901) into the body, or the name of a parameter or header. */
export interface Mistake {
  pointer: string
  detail: string
}

/** An answer of the server other than success: a problem document (RFC 9457). The classes below are the usual ones, by their status. */
export class ProblemError extends DroverError {
  readonly status: number
  readonly detail: string
  /** What is wrong with the request. Empty unless the request is invalid. */
  readonly errors: readonly Mistake[]
  /** Names the line of the server's log. */
  readonly requestId: string | undefined
  /** The job that the problem is about, where it names one. */
  readonly jobId: string | undefined
  /** When the server asks for the request again. Undefined: it does not say. */
  readonly retryAfterMs: number | undefined

  constructor(status: number, problem: Partial<Record<string, unknown>>, headers: Headers) {
    const { code, detail, errors } = problem
    const text = typeof detail === 'string' ? detail : `The server answered ${status} without a problem document.`
    super(typeof code === 'string' ? code : 'unexpected_answer', text)
    this.status = status
    this.detail = text
    this.errors = Array.isArray(errors) ? errors : []
    this.requestId = headers.get('request-id') ?? undefined
    this.jobId = jobIdOf(problem, headers)
    this.retryAfterMs = retryAfterMs(headers.get('retry-after'))
  }
}

/** 400, 413, 415, 422: the request cannot succeed as it is. `errors` says where. */
export class InvalidRequestError extends ProblemError {}
/** 401: no key, or one that is not valid any more. */
export class AuthenticationError extends ProblemError {}
/** 403: the key lacks a scope, or the page's origin is not allowed. */
export class PermissionError extends ProblemError {}
/** 404 and 410: unknown, expired, evicted, or of another tenant. */
export class NotFoundError extends ProblemError {}
/** 409 and 412: the state of the job or flow does not allow it. */
export class ConflictError extends ProblemError {}
/** 429: a quota or a rate of the key is used up. Thrown once `patienceMs` is over. */
export class RateLimitError extends ProblemError {}
/** 5xx: the server cannot serve at the moment. Thrown once `patienceMs` is over. */
export class UnavailableError extends ProblemError {}

const classes: Partial<Record<number, typeof ProblemError>> = {
  400: InvalidRequestError,
  401: AuthenticationError,
  403: PermissionError,
  404: NotFoundError,
  409: ConflictError,
  410: NotFoundError,
  412: ConflictError,
  413: InvalidRequestError,
  415: InvalidRequestError,
  422: InvalidRequestError,
  429: RateLimitError,
}

/** The error of an answer. `body` is text that should be a problem document. */
export function problemError(status: number, body: string, headers: Headers): ProblemError {
  const Class = classes[status] ?? (status >= 500 ? UnavailableError : ProblemError)
  return new Class(status, objectOf(body), headers)
}

/** No answer came within `patienceMs`, or one that is not of Drover. `cause` is the last error of `fetch`. */
export class ConnectionError extends DroverError {
  constructor(message: string, cause?: unknown) {
    super('no_answer', message, { cause })
  }
}

/** A job that did not succeed: `code` is that of its error, `job` has the rest. */
export class JobFailedError extends DroverError {
  readonly job: Job

  constructor(job: Job) {
    super(job.error?.code ?? job.state, `${job.type} ${job.id} ended ${job.state}: ${job.error?.message ?? ''}`)
    this.job = job
  }
}

/** A flow that did not succeed: `code` is that of its error, `flow` has the rest. */
export class FlowFailedError extends DroverError {
  readonly flow: Flow

  constructor(flow: Flow) {
    super(flow.error?.code ?? flow.state, `flow ${flow.id} ended ${flow.state}: ${flow.error?.message ?? ''}`)
    this.flow = flow
  }
}

function objectOf(text: string): Partial<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text))
  } catch {
    // A page of a proxy.
    return {}
  }
}

/** A submission that was stored before its key ended names its job in `Location` alone. */
function jobIdOf({ job_id }: Partial<Record<string, unknown>>, headers: Headers): string | undefined {
  if (typeof job_id === 'string') return job_id
  return /\/v1\/jobs\/([^/?]+)$/.exec(headers.get('location') ?? '')?.[1]
}

/** `Retry-After` in ms: seconds, or a time (RFC 9110, section 10.2.3). */
function retryAfterMs(value: string | null): number | undefined {
  if (value === null) return undefined
  const ms = /^\d+$/.test(value) ? 1000 * Number(value) : Date.parse(value) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.max(ms, 0)
}
