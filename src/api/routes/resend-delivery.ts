import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../app.ts'
import { deliveryResource, deliveryResourceSchema } from '../delivery-resource.ts'
import { jsonResponse, Problem, problemResponses } from '../problem.ts'
import { readOwn } from './read-job.ts'

const params = z.object({ id: z.string(), delivery_id: z.string() })

/** `POST /v1/jobs/{id}/deliveries/{delivery_id}/resend`: send a webhook once more, whether it arrived or not. */
export function resendDelivery(app: FastifyInstance, { queue, outbox }: RouteDeps): void {
  app.post<{ Params: z.output<typeof params> }>('/v1/jobs/:id/deliveries/:delivery_id/resend', {
    config: { access: 'submit' },
    schema: {
      operationId: 'resendDelivery',
      summary: 'Send a webhook once more',
      tags: ['webhooks'],
      params,
      querystring: z.strictObject({}),
      response: {
        202: jsonResponse(
          'It is sent again, with the same `webhook-id` and body and its attempts reset',
          deliveryResourceSchema,
        ),
        ...problemResponses('job_not_found', 'delivery_not_found', 'delivery_not_done', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { id, delivery_id } = request.params
      const job = await readOwn(queue, request, id)
      const before = await outbox.read(job, delivery_id)
      if (!before?.delivery) throw deliveryNotFound(delivery_id)
      if (!(await outbox.resend(before.delivery))) {
        throw new Problem('delivery_not_done', 'It is still being sent: it can be sent again when it is done.')
      }
      const after = await outbox.read(job, delivery_id)
      if (!after?.delivery) throw deliveryNotFound(delivery_id)
      return reply.code(202).send(deliveryResource(id, '', after))
    },
  })
}

function deliveryNotFound(id: string): Problem {
  return new Problem('delivery_not_found', `The job has no delivery "${id.slice(0, 100)}".`)
}
