import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { cutText } from '../../jobs/cut-text.ts'
import { readTraceparent, traceIdOf } from '../../jobs/trace-context.ts'

/** So many refusals with the same code are lines of their own in {@link everyMs}; the others are counted. */
const maxLines = 100
const everyMs = 10_000

/**
 * Logs answers: a refusal (4xx, 5xx) at info, so that its line is found by the request-id that a client complains about, any other at debug,
 * or with an access log all at info with the address of the client. Without one, many refusals with the same code are counted.
 */
export class AnswerLog {
  readonly #log: Logger
  readonly #isAccessLog: boolean
  /** Refusals of this window, by code. */
  #counts = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined

  constructor({ log, isAccessLog }: { log: Logger; isAccessLog: boolean }) {
    this.#log = log
    this.#isAccessLog = isAccessLog
  }

  /** `tenant`: undefined where nobody knows whose request it is. */
  note(request: FastifyRequest, reply: FastifyReply, tenant: string | undefined): void {
    const { log, outage } = request
    // Most answers have no line: what one would say is not looked for.
    if (reply.statusCode < 400 && !this.#isAccessLog && !this.#log.isLevelEnabled('debug')) return
    const fields = { ...answerFields(request, reply), tenant }
    if (reply.statusCode < 400) {
      if (this.#isAccessLog) log.info({ ...fields, address: request.ip }, 'answered')
      else log.debug(fields, 'answered')
    } else if (this.#isAccessLog) {
      const reason = outage && { reason: outage.message }
      log.info({ ...fields, address: request.ip, ...reason }, 'refused')
      // The logger counts these, and says why.
    } else if (outage) log.warn({ ...fields, err: outage }, 'refused')
    else if (this.#mayLog(request.problem ?? String(reply.statusCode))) log.info(fields, 'refused')
  }

  /** Logs what was counted. May be called twice. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const uncounted = Array.from(this.#counts, ([code, count]) => [code, count - maxLines] as const)
    this.#counts = new Map()
    const refusals = Object.fromEntries(uncounted.filter(([, count]) => count > 0))
    if (Object.keys(refusals).length > 0) this.#log.info({ refusals }, 'refused more requests, which have no lines')
  }

  #mayLog(code: string): boolean {
    const count = (this.#counts.get(code) ?? 0) + 1
    this.#counts.set(code, count)
    this.#timer ??= setTimeout(() => this.stop(), everyMs)
    return count <= maxLines
  }
}

function answerFields(request: FastifyRequest, reply: FastifyReply) {
  const { method, routeOptions, problem } = request
  const job = jobOf(request, reply)
  const traceparent = request.span?.traceparent ?? readTraceparent(request.headers['traceparent'])
  return {
    method,
    route: routeOptions.url,
    status: reply.statusCode,
    duration_ms: Math.round(reply.elapsedTime * 10) / 10,
    ...(problem !== undefined && { code: problem }),
    ...(job !== undefined && { job }),
    ...(traceparent !== undefined && { trace_id: traceIdOf(traceparent) }),
  }
}

/** The job in the path, or the one that was submitted. */
function jobOf({ params, routeOptions }: FastifyRequest, reply: FastifyReply): string | undefined {
  const id: unknown = Object(params).id
  if (routeOptions.url?.startsWith('/v1/jobs/:id') && typeof id === 'string') return cutText(id, 100)
  const location = reply.getHeader('location')
  return typeof location === 'string' ? /^\/v1\/jobs\/([^/]+)$/.exec(location)?.[1] : undefined
}
