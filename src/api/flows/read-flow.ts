import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { checkWatchedRun } from '../access/watch.ts'
import { tokenParameter } from '../access/watch-tokens.ts'
import type { RouteDeps } from '../deps.ts'
import { answerWhenDone } from '../http/answer-when-done.ts'
import { problemResponses } from '../openapi/responses.ts'
import { readingWithWait } from '../openapi/waiting.ts'
import { awaitedFlow, flowTiming, statusOf } from './awaited-flow.ts'
import { findFlow, flowNotFound, flowParams, flowPath } from './find-flow.ts'
import { flowResource, flowSchema, treeQuery } from './flow-resource.ts'

const query = z.strictObject({ token: tokenParameter, ...treeQuery })

/** `GET /v1/flows/{id}`: the flow as it is, or its end when asked to wait. */
export function readFlow(app: FastifyInstance, deps: RouteDeps): void {
  const { flows, retention } = deps
  const { headers, response } = readingWithWait('flow', flowSchema)
  app.get<{ Params: z.output<typeof flowParams>; Querystring: z.output<typeof query> }>('/v1/flows/:id', {
    config: { access: 'read', watch: 'flow' },
    schema: {
      operationId: 'readFlow',
      summary: 'Read a flow',
      description: 'The flow as it is, with the ids of its jobs, or its end where `Prefer: wait` asks for it.',
      tags: ['flows'],
      params: flowParams,
      querystring: query,
      headers,
      response: { ...response, ...problemResponses('flow_not_found', 'flow_evicted', 'queue_unavailable') },
    },
    handler: (request, reply) => {
      const { id } = request.params
      const until = { closing: deps.closing, hold: () => deps.holds.open('wait', request, reply) }
      return answerWhenDone(request, reply, until, {
        path: flowPath(id),
        read: async () => statusOf(await findFlow(flows, request, id)),
        awaited: () => awaitedFlow(deps, id),
        timing: flowTiming,
        notFound: () => flowNotFound(id),
        resource: async ({ progress }) => {
          // It may have been retried during the wait.
          checkWatchedRun(request, progress.flow.run)
          const open = request.query.tree === 'full' ? await flows.open(id) : undefined
          return flowResource(progress, open, retention)
        },
      })
    },
  })
}
