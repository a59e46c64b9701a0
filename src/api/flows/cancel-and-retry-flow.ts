import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Flows } from '../../queue/flows/flows.ts'
import { type FlowJob, type FlowNode, flowBounds } from '../../queue/flows/model/document.ts'
import type { JobRef } from '../../queue/model/job-id.ts'
import { redisNow } from '../../queue/model/redis-time.ts'
import { admitJobs, chargeRequests, withdrawJobs } from '../access/admission.ts'
import type { Caller } from '../access/api-keys.ts'
import { checkMaySubmit } from '../access/may-submit.ts'
import type { RouteDeps } from '../deps.ts'
import { Mistakes } from '../http/mistakes.ts'
import { Problem } from '../http/problem.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { findFlow, flowNotFound, flowParams, flowPath } from './find-flow.ts'
import { flowResource, flowSchema, treeQuery } from './flow-resource.ts'

const query = z.strictObject(treeQuery)
const retryBody = z
  .strictObject({
    members: z
      .array(z.string().max(200))
      .min(1)
      .max(flowBounds.nodes)
      .optional()
      .describe('Ids of jobs that did not succeed. Default: all of them'),
  })
  .optional()
type Request = { Params: z.output<typeof flowParams>; Querystring: z.output<typeof query> }

/** `POST /v1/flows/{id}/cancel` and `…/retry`. */
export function cancelAndRetryFlow(app: FastifyInstance, deps: RouteDeps): void {
  const { flows, retention, admission, quotas } = deps
  const readAgain = async (id: string, tree: 'full' | 'none') => {
    const progress = await flows.read(id)
    if (!progress) throw flowNotFound(id)
    const open = tree === 'full' ? await flows.open(id) : undefined
    return { state: progress.flow.finished?.state, resource: flowResource(progress, open, retention) }
  }

  app.post<Request>('/v1/flows/:id/cancel', {
    config: { access: 'cancel' },
    schema: {
      operationId: 'cancelFlow',
      summary: 'Cancel a flow',
      description: 'No job of the flow starts any more. 200: it has ended. 202: running jobs are being stopped.',
      tags: ['flows'],
      params: flowParams,
      querystring: query,
      response: {
        200: jsonResponse('The flow is canceled', flowSchema),
        202: jsonResponse('No job of the flow will start any more, and running jobs are being stopped', flowSchema),
        ...problemResponses('flow_not_found', 'flow_evicted', 'flow_already_done', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      await findFlow(flows, request, id)
      const result = await flows.cancel(id, redisNow())
      if (result === 'missing') throw flowNotFound(id)
      const { state, resource } = await readAgain(id, request.query.tree)
      if (result === 'done' && state !== undefined && state !== 'canceled') {
        throw new Problem('flow_already_done', `The flow is done: it ended as ${state}.`)
      }
      return reply.code(state === undefined ? 202 : 200).send(resource)
    },
  })

  app.post<Request & { Body: z.output<typeof retryBody> }>('/v1/flows/:id/retry', {
    config: { access: 'submit' },
    schema: {
      operationId: 'retryFlow',
      summary: 'Retry the jobs of a flow that did not succeed',
      description:
        'Runs the failed, canceled and expired jobs of an ended flow again, or the given ones of them. With them run again the later steps of the chains around them, and what else did not succeed in a chain or `fail_fast` group around them. The flow may have succeeded: in a gather with `continue` a member may have failed.',
      tags: ['flows'],
      params: flowParams,
      querystring: query,
      body: retryBody,
      response: {
        202: jsonResponse('The flow continues with the jobs that did not succeed', flowSchema, {
          headers: { location: 'Where the flow can be read' },
        }),
        ...problemResponses(
          'flow_not_found',
          'flow_evicted',
          'flow_not_retryable',
          'queue_full',
          'redis_full',
          'queue_unavailable',
        ),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      await findFlow(flows, request, id)
      const { caller } = request
      await checkMayRetry(flows, caller, id)
      const door = {
        admit: async (refs: JobRef[]) => {
          await chargeRequests(quotas, caller, reply, refs.length)
          await admitJobs(admission, caller, refs, 0)
        },
        leave: (refs: JobRef[]) => withdrawJobs(admission, caller, refs, 0),
      }
      const retried = await flows.retry(id, redisNow(), { members: request.body?.members, door })
      if (retried.status === 'invalid') {
        const mistakes = new Mistakes()
        for (const { index, detail } of retried.mistakes) mistakes.add(`/members/${index}`, detail)
        throw mistakes.toProblem()
      }
      if (retried.status === 'not_done')
        throw new Problem('flow_not_retryable', 'The flow is not done: only an ended flow can be retried.')
      if (retried.status === 'nothing_failed')
        throw new Problem('flow_not_retryable', 'All jobs of the flow succeeded: there is nothing to retry.')
      const { resource } = await readAgain(id, request.query.tree)
      return reply.code(202).header('location', flowPath(id)).send(resource)
    },
  })
}

/** A key that may submit some types or queues alone retries flows of those alone. @throws Problem `forbidden` */
async function checkMayRetry(flows: Flows, caller: Caller, id: string): Promise<void> {
  if (!caller.types && !caller.queues) return
  const open = await flows.open(id)
  if (!open) throw flowNotFound(id)
  for (const job of jobsIn(open.flow.tree)) checkMaySubmit(caller, job)
}

/** The jobs of a tree, those that a map will expand into included. */
function* jobsIn(node: FlowNode): Generator<FlowJob> {
  if ('job' in node) yield node.job
  else if ('map' in node) yield* jobsIn(node.map.node)
  else for (const child of 'chain' in node ? node.chain : node.gather) yield* jobsIn(child)
}
