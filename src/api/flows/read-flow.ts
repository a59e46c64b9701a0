import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { FlowProgress } from '../../queue/flows/flows.ts'
import type { RouteDeps } from '../deps.ts'
import { preferredWaitS } from '../http/prefer-header.ts'
import { waitUntilDone } from '../jobs/wait-for-job.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { findFlow, flowNotFound, flowParams, flowPath } from './find-flow.ts'
import { flowResource, flowSchema, treeQuery } from './flow-resource.ts'

const query = z.strictObject(treeQuery)

/** Waits until a flow is done, as {@link waitUntilDone}. */
export async function waitForFlow(
  { flows, hub, closing }: RouteDeps,
  id: string,
  ms: number,
  response: ServerResponse,
  begin: () => Promise<FlowProgress | undefined>,
): Promise<FlowProgress | undefined> {
  const asDone = (progress: FlowProgress | undefined) =>
    progress && { done: progress.flow.finished !== undefined, progress }
  const awaited = {
    watch: (onEnd: (flow: undefined) => void) =>
      hub.watchFlow(id, (said) => said.changed && said.mayBeDone && onEnd(undefined)),
    read: async () => asDone(await flows.read(id)),
  }
  const waited = await waitUntilDone(awaited, { ms, response, closing }, async () => asDone(await begin()))
  return waited?.progress
}

/** `GET /v1/flows/{id}`: the flow as it is, or as it ends when asked to wait. */
export function readFlow(app: FastifyInstance, deps: RouteDeps): void {
  const { flows, config } = deps
  app.get<{ Params: z.output<typeof flowParams>; Querystring: z.output<typeof query> }>('/v1/flows/:id', {
    config: { access: 'read' },
    schema: {
      operationId: 'readFlow',
      summary: 'Read a flow',
      tags: ['flows'],
      params: flowParams,
      querystring: query,
      headers: z.object({
        prefer: z.string().optional().describe('`wait=N`: hold the answer until the flow is done'),
      }),
      response: {
        200: jsonResponse('The flow', flowSchema),
        202: jsonResponse('With `Prefer: wait`: the flow is not done at the limit', flowSchema),
        ...problemResponses('flow_not_found', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const waitS = preferredWaitS(request.headers['prefer'])
      const read = () => findFlow(flows, request, id)
      const progress = waitS === undefined ? await read() : await waitForFlow(deps, id, waitS * 1000, reply.raw, read)
      if (!progress) throw flowNotFound(id)
      if (waitS !== undefined) reply.header('preference-applied', `wait=${waitS}`).header('location', flowPath(id))
      const open = request.query.tree === 'full' ? await flows.open(id) : undefined
      const isLate = waitS !== undefined && !progress.flow.finished
      return reply.code(isLate ? 202 : 200).send(flowResource(progress, open, config.RESULT_TTL_MS))
    },
  })
}
