import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { isOperationDone, type StoredOperation } from '../../queue/operations/operation-record.ts'
import type { RouteDeps } from '../deps.ts'
import { lastEventId } from '../http/event-id.ts'
import type { SseResponse } from '../http/sse-response.ts'
import { answerHeadOfStream } from '../http/stream-response.ts'
import { eventStreamResponses, resumeHeader, resumeParameter } from '../openapi/event-stream.ts'
import { problemResponses } from '../openapi/responses.ts'
import { exampleOperation, operationResource } from './operation-resource.ts'
import { findOperation } from './read-operations.ts'

const params = z.object({ id: z.string() })
const query = z.strictObject({ after: resumeParameter })

/** Nothing is published: an open stream reads the operation so often. */
const readEveryMs = 500

const exampleEvents = [
  `id: 7\nevent: progress\ndata: ${JSON.stringify(exampleOperation)}`,
  `id: 12\nevent: done\ndata: ${JSON.stringify({ ...exampleOperation, state: 'succeeded', done: true })}`,
].join('\n\n')

/** `GET /v1/operations/{id}/events`: how far an operation is, as server-sent events. */
export function streamOperationEvents(app: FastifyInstance, deps: RouteDeps): void {
  app.get<{ Params: z.output<typeof params>; Querystring: z.output<typeof query> }>('/v1/operations/:id/events', {
    config: { access: 'read' },
    schema: {
      operationId: 'streamOperationEvents',
      summary: 'Watch an operation',
      description: 'Server-sent events: the operation, again whenever it has gone on, and its end.',
      tags: ['operations'],
      params,
      querystring: query,
      headers: resumeHeader,
      response: {
        ...eventStreamResponses(
          'Events: snapshot, progress, done, each with the operation; problem when the key of the request ends',
          exampleEvents,
        ),
        ...problemResponses('operation_not_found', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const first = await findOperation(deps, request, id)
      const after = lastEventId(request.query.after, request.headers['last-event-id'])
      if (isOperationDone(first) && after === first.sequence) return reply.code(204).send()
      if (request.method === 'HEAD') return answerHeadOfStream(reply, 'text/event-stream')
      const response = deps.streams.open(reply, deps.holds.open('stream', request, reply))
      follow(
        response,
        first,
        () => deps.operations.store.read(id),
        (error) => request.log.debug({ err: error, operation: id }, 'failed to read for an event stream'),
      )
      return reply
    },
  })
}

/** Sends the operation whenever it has changed, until it has ended or the client has left. */
function follow(
  response: SseResponse,
  first: StoredOperation,
  read: () => Promise<StoredOperation | undefined>,
  onError: (error: unknown) => void,
): void {
  let sent = 0
  const send = (operation: StoredOperation): void => {
    const data = JSON.stringify(operationResource(operation))
    if (sent === 0) response.send(operation.sequence, 'snapshot', data)
    else if (!isOperationDone(operation) && operation.sequence > sent)
      response.send(operation.sequence, 'progress', data)
    sent = operation.sequence
    if (!isOperationDone(operation)) return
    response.send(operation.sequence, 'done', data)
    response.end()
  }
  send(first)
  let isReading = false
  const timer = setInterval(() => {
    if (isReading || response.isBehind) return
    isReading = true
    void read()
      .then((operation) => (operation ? send(operation) : response.end()), onError)
      .finally(() => {
        isReading = false
      })
  }, readEveryMs)
  response.onClose(() => clearInterval(timer))
}
