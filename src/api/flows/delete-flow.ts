import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../deps.ts'
import { Problem } from '../http/problem.ts'
import { emptyResponse, problemResponses } from '../openapi/responses.ts'
import { findFlow, flowNotFound, flowParams } from './find-flow.ts'

/** `DELETE /v1/flows/{id}`: delete a finished flow with its jobs before it expires. */
export function deleteFlow(app: FastifyInstance, { flows }: RouteDeps): void {
  app.delete<{ Params: z.output<typeof flowParams> }>('/v1/flows/:id', {
    config: { access: 'cancel' },
    schema: {
      operationId: 'deleteFlow',
      summary: 'Delete a finished flow with its jobs',
      description: 'Deletes the flow, its jobs and their deliveries.',
      tags: ['flows'],
      params: flowParams,
      querystring: z.strictObject({}),
      response: {
        204: emptyResponse('The flow and its jobs are deleted'),
        ...problemResponses('flow_not_found', 'flow_evicted', 'flow_not_done', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      await findFlow(flows, request, id)
      const result = await flows.remove(id)
      if (result === 'missing') throw flowNotFound(id)
      if (result === 'not_done')
        throw new Problem(
          'flow_not_done',
          'The flow is not done, or one of its jobs is being stopped: cancel it first.',
        )
      return reply.code(204).send()
    },
  })
}
