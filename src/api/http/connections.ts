import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { latestAnswer, noteAnswer } from './latest-answer.ts'
import { endAndRead } from './linger.ts'
import { Problem, writeProblem } from './problem.ts'

/** Limits: ms until the headers have arrived, ms until the whole request has arrived, concurrent connections. */
const headersTimeoutMs = 10_000
const requestTimeoutMs = 30_000
const maxConnections = 20_000

/** Fastify's options for connections: a slow or silent client cannot hold one for ever, and gets a problem like any other client. */
export const connectionOptions = {
  requestTimeout: requestTimeoutMs,
  // The hook below refuses a request without a host: Node.js would answer it without a body.
  http: { headersTimeout: headersTimeoutMs, connectionsCheckingInterval: 1000, requireHostHeader: false },
  clientErrorHandler: answerUnreadable,
}

/** Limits the connections of `app`, and answers with a problem where Node.js would answer without a body. */
export function guardConnections(app: FastifyInstance): void {
  app.server.maxConnections = maxConnections
  app.server.on('connection', (socket: Socket) => {
    const close = socket.destroySoon.bind(socket)
    // By this method Node.js closes a connection after its last answer.
    socket.destroySoon = () => (latestAnswer(socket)?.req.complete === false ? endAndRead(socket) : close())
  })
  // A server may ignore an unknown expectation (RFC 9110, section 10.1.1).
  app.server.on('checkExpectation', (request, response) => app.routing(request, response))
  app.addHook('onRequest', ({ raw }, reply, done) => {
    noteAnswer(raw.socket, reply.raw)
    const isRefused = raw.httpVersion === '1.1' && raw.headers.host === undefined
    done(isRefused ? new Problem('invalid_request', 'The request has no host header.') : undefined)
  })
}

/** Answers bytes that are not an HTTP request, or came too late: there is no reply, only the socket. */
function answerUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  if (socket.writable && !hasAnswer(socket)) socket.write(writeProblem(unreadable(error.code)))
  endAndRead(socket)
}

/**
 * Whether the request that has failed on a connection has an answer already (it was refused before its body came), or one before it still
 * waits for its own: the client would take another answer for that of the wrong request.
 */
function hasAnswer(socket: Socket): boolean {
  const answer = latestAnswer(socket)
  if (!answer) return false
  return answer.req.complete ? !answer.writableFinished : answer.headersSent
}

function unreadable(code: string | undefined): Problem {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Problem('request_timeout', 'The request did not arrive in time.')
  if (code === 'HPE_HEADER_OVERFLOW')
    return new Problem('headers_too_large', 'The headers are larger than this server accepts.')
  return new Problem('invalid_request', 'This is not an HTTP request.')
}
