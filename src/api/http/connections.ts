import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { Problem, writeProblem } from './problem.ts'

/** How long a client may take for its headers, and for all of its request, in ms. How many connections there may be at once. */
const headersTimeoutMs = 10_000
const requestTimeoutMs = 30_000
const mostConnections = 20_000

/** Fastify's options for connections: a slow or silent client may not hold one for ever, and gets a problem like any other. */
export const connectionOptions = {
  requestTimeout: requestTimeoutMs,
  // A request without a host is refused by the hook below: Node.js would answer it without a body.
  http: { headersTimeout: headersTimeoutMs, connectionsCheckingInterval: 1000, requireHostHeader: false },
  clientErrorHandler: answerUnreadable,
}

/** Bounds the connections of `app`, and makes it answer for itself what Node.js would answer without a problem. */
export function guardConnections(app: FastifyInstance): void {
  app.server.maxConnections = mostConnections
  // RFC 9110 (section 10.1.1) lets a server ignore what it does not expect.
  app.server.on('checkExpectation', (request, response) => app.routing(request, response))
  app.addHook('onRequest', ({ raw }, _reply, done) => {
    const isRefused = raw.httpVersion === '1.1' && raw.headers.host === undefined
    done(isRefused ? new Problem('invalid_request', 'The request has no host header.') : undefined)
  })
}

/** Bytes that are no request, or not in time: there is no reply to write to, only the socket. */
function answerUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  if (socket.writable) socket.write(writeProblem(unreadable(error.code)))
  socket.destroy(error)
}

function unreadable(code: string | undefined): Problem {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Problem('request_timeout', 'The request did not arrive in time.')
  if (code === 'HPE_HEADER_OVERFLOW')
    return new Problem('headers_too_large', 'The headers are larger than this server accepts.')
  return new Problem('invalid_request', 'This is no HTTP request.')
}
