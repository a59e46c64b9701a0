import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { flowOwner } from '../../queue/flows/flows.ts'
import { jobOwner, type WebhookOwner } from '../../queue/webhooks/outbox.ts'
import type { RouteDeps } from '../deps.ts'
import { findFlow, flowParams, flowPath } from '../flows/find-flow.ts'
import { findJob, jobParams, jobPath } from '../jobs/find-job.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { deliveryResource, deliveryResourceSchema } from './delivery-resource.ts'

const deliveries = z.object({ items: z.array(deliveryResourceSchema) })
const good = jsonResponse('The deliveries of the latest 20 runs, the newest first', deliveries)

/** `GET /v1/jobs/{id}/deliveries` and `GET /v1/flows/{id}/deliveries`: what was told of the ends, the latest run first, and how the receiver took it. */
export function listDeliveries(app: FastifyInstance, { queue, flows, outbox }: RouteDeps): void {
  const answer = async (path: string, owner: WebhookOwner): Promise<z.output<typeof deliveries>> => {
    const known = await outbox.list(owner)
    return { items: known.map((one) => deliveryResource(path, owner.webhook?.url ?? '', one)) }
  }

  app.get<{ Params: z.output<typeof jobParams> }>('/v1/jobs/:id/deliveries', {
    config: { access: 'read' },
    schema: {
      operationId: 'listDeliveries',
      summary: "List the deliveries of a job's webhook",
      tags: ['webhooks'],
      params: jobParams,
      querystring: z.strictObject({}),
      response: { 200: good, ...problemResponses('job_not_found', 'queue_unavailable') },
    },
    handler: async (request) => {
      const job = await findJob(queue, request, request.params.id)
      return answer(jobPath(job.id), jobOwner(job))
    },
  })

  app.get<{ Params: z.output<typeof flowParams> }>('/v1/flows/:id/deliveries', {
    config: { access: 'read' },
    schema: {
      operationId: 'listFlowDeliveries',
      summary: "List the deliveries of a flow's webhook",
      tags: ['webhooks'],
      params: flowParams,
      querystring: z.strictObject({}),
      response: { 200: good, ...problemResponses('flow_not_found', 'queue_unavailable') },
    },
    handler: async (request) => {
      const { flow } = await findFlow(flows, request, request.params.id)
      return answer(flowPath(flow.id), flowOwner(flow))
    },
  })
}
