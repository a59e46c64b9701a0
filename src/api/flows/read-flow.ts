import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { FlowProgress, Flows } from '../../queue/flows/flows.ts'
import type { OpenFlow } from '../../queue/flows/open-flow.ts'
import { parseJobId } from '../../queue/model/job-id.ts'
import type { RouteDeps } from '../app.ts'
import { preferredWaitS } from '../http/prefer-header.ts'
import { jsonResponse, Problem, problemResponses } from '../http/problem.ts'
import { jobParams } from '../jobs/read-job.ts'
import { waitUntilDone } from '../jobs/wait-for-job.ts'
import { flowPath, flowResource, flowSchema } from './flow-resource.ts'

/** The path parameter of everything below `/v1/flows/{id}`. */
export const flowParams = jobParams
export const treeQuery = {
  tree: z.enum(['full', 'none']).default('full').describe('`none` leaves the tree out, which is long for a large flow'),
}
const query = z.strictObject(treeQuery)

/** What flow ids begin with, as jobs' do with their queue. */
export const flowIdPrefix = 'flow'

/** An id of the wrong shape and one that never existed are the same to a client. */
export function flowNotFound(id: string): Problem {
  return new Problem('flow_not_found', `There is no flow "${id.slice(0, 100)}": it never existed, or its time is over.`)
}

/** Whether an id can be a flow's. */
function isFlowId(id: string): boolean {
  return parseJobId(id)?.queue === flowIdPrefix
}

/** Reads the caller's flow that a path names; another tenant's is not there. @throws Problem `flow_not_found`, QueueUnavailableError */
export async function readOwnFlow(flows: Flows, { caller }: FastifyRequest, id: string): Promise<FlowProgress> {
  const head = isFlowId(id) ? await flows.store.head(id) : undefined
  if (head?.tenant !== caller.tenant) throw flowNotFound(id)
  return flows.progress(head)
}

/** … with all its nodes. @throws Problem `flow_not_found`, QueueUnavailableError */
export async function openOwnFlow(flows: Flows, request: FastifyRequest, id: string): Promise<OpenFlow> {
  await readOwnFlow(flows, request, id)
  const open = await flows.open(id)
  if (!open) throw flowNotFound(id)
  return open
}

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
      const read = () => readOwnFlow(flows, request, id)
      const progress = waitS === undefined ? await read() : await waitForFlow(deps, id, waitS * 1000, reply.raw, read)
      if (!progress) throw flowNotFound(id)
      if (waitS !== undefined) reply.header('preference-applied', `wait=${waitS}`).header('location', flowPath(id))
      const open = request.query.tree === 'full' ? await flows.open(id) : undefined
      const isLate = waitS !== undefined && !progress.flow.finished
      return reply.code(isLate ? 202 : 200).send(flowResource(progress, open, config.RESULT_TTL_MS))
    },
  })
}
