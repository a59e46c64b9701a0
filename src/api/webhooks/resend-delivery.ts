import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { flowOwner } from '../../queue/flows/flows.ts'
import { jobOwner, type WebhookOwner } from '../../queue/webhooks/outbox.ts'
import type { RouteDeps } from '../deps.ts'
import { findFlow, flowPath } from '../flows/find-flow.ts'
import { Problem } from '../http/problem.ts'
import { findJob, jobPath } from '../jobs/find-job.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { type DeliveryResource, deliveryResource, deliveryResourceSchema } from './delivery-resource.ts'

const params = z.object({ id: z.string(), delivery_id: z.string() })
const good = jsonResponse(
  'It is sent again, with the same `webhook-id` and body and its attempts reset',
  deliveryResourceSchema,
)

/** `POST …/deliveries/{delivery_id}/resend` of a job and of a flow: send a webhook once more, whether it arrived or not. */
export function resendDelivery(app: FastifyInstance, { queue, flows, outbox }: RouteDeps): void {
  const resend = async (path: string, owner: WebhookOwner, deliveryId: string): Promise<DeliveryResource> => {
    const before = await outbox.read(owner, deliveryId)
    if (!before?.delivery) throw deliveryNotFound(deliveryId)
    if (!(await outbox.resend(before.delivery))) {
      throw new Problem('delivery_not_done', 'It is still being sent: it can be sent again when it is done.')
    }
    const after = await outbox.read(owner, deliveryId)
    if (!after?.delivery) throw deliveryNotFound(deliveryId)
    return deliveryResource(path, '', after)
  }

  app.post<{ Params: z.output<typeof params> }>('/v1/jobs/:id/deliveries/:delivery_id/resend', {
    config: { access: 'submit' },
    schema: {
      operationId: 'resendDelivery',
      summary: 'Send a webhook once more',
      tags: ['webhooks'],
      params,
      querystring: z.strictObject({}),
      response: {
        202: good,
        ...problemResponses('job_not_found', 'delivery_not_found', 'delivery_not_done', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const job = await findJob(queue, request, request.params.id)
      return reply.code(202).send(await resend(jobPath(job.id), jobOwner(job), request.params.delivery_id))
    },
  })

  app.post<{ Params: z.output<typeof params> }>('/v1/flows/:id/deliveries/:delivery_id/resend', {
    config: { access: 'submit' },
    schema: {
      operationId: 'resendFlowDelivery',
      summary: 'Send a webhook of a flow once more',
      tags: ['webhooks'],
      params,
      querystring: z.strictObject({}),
      response: {
        202: good,
        ...problemResponses('flow_not_found', 'delivery_not_found', 'delivery_not_done', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { flow } = await findFlow(flows, request, request.params.id)
      return reply.code(202).send(await resend(flowPath(flow.id), flowOwner(flow), request.params.delivery_id))
    },
  })
}

function deliveryNotFound(id: string): Problem {
  return new Problem('delivery_not_found', `There is no delivery "${id.slice(0, 100)}" here.`)
}
