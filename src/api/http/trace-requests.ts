import type { FastifyInstance, FastifyRequest } from 'fastify'
import { readTraceparent } from '../../jobs/trace-context.ts'
import type { OpenSpan, Tracing } from '../../tracing/span.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Its span; undefined where requests are not traced. */
    span: OpenSpan | undefined
    /** The span of the submission that it makes. */
    publishing: OpenSpan | undefined
  }
}

/** Probes and scrapes, which would be most of all traces. */
const untraced: ReadonlySet<string | undefined> = new Set(['/livez', '/readyz', '/metrics'])

/** Gives each request a span, from its arrival until its answer is sent or its client has left. Does nothing without `tracing`. */
export function traceRequests(app: FastifyInstance, tracing: Tracing | undefined): void {
  app.decorateRequest('span')
  app.decorateRequest('publishing')
  if (!tracing) return
  app.addHook('onRequest', (request, reply, done) => {
    if (untraced.has(request.routeOptions.url)) return done()
    const span = startRequest(tracing, request)
    request.span = span
    reply.raw.once('close', () => {
      const { statusCode: status } = reply.raw
      const error = status >= 500 ? (request.problem ?? String(status)) : undefined
      if (error !== undefined) request.publishing?.end({ error })
      // A client that has left saw no status.
      const hasAnswer = reply.raw.headersSent
      span.end({ error, attributes: { ...(hasAnswer && { 'http.response.status_code': status }) } })
    })
    done()
  })
}

function startRequest(tracing: Tracing, { method, url, routeOptions, headers, protocol }: FastifyRequest): OpenSpan {
  const route = routeOptions.url
  return tracing.start({
    name: route === undefined ? method : `${method} ${route}`,
    kind: 'server',
    parent: readTraceparent(headers['traceparent']),
    attributes: {
      'http.request.method': method,
      'http.route': route,
      // Without the query, which may hold a token.
      'url.path': url.split('?', 1)[0]?.slice(0, 2000),
      'url.scheme': protocol,
    },
  })
}
