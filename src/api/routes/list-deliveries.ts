import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../app.ts'
import { deliveryResource, deliveryResourceSchema } from '../delivery-resource.ts'
import { jsonResponse, problemResponses } from '../problem.ts'
import { jobParams, readOwn } from './read-job.ts'

const deliveries = z.object({ items: z.array(deliveryResourceSchema) })

/** `GET /v1/jobs/{id}/deliveries`: what was told of a job's ends, the latest run first, and how the receiver took it. */
export function listDeliveries(app: FastifyInstance, { queue, outbox }: RouteDeps): void {
  app.get<{ Params: z.output<typeof jobParams> }>('/v1/jobs/:id/deliveries', {
    config: { access: 'read' },
    schema: {
      operationId: 'listDeliveries',
      summary: "List the deliveries of a job's webhook",
      tags: ['webhooks'],
      params: jobParams,
      querystring: z.strictObject({}),
      response: {
        200: jsonResponse('The deliveries of the latest 20 runs, the newest first', deliveries),
        ...problemResponses('job_not_found', 'queue_unavailable'),
      },
    },
    handler: async (request): Promise<z.output<typeof deliveries>> => {
      const { id } = request.params
      const job = await readOwn(queue, request, id)
      const known = await outbox.list(job)
      return { items: known.map((one) => deliveryResource(id, job.record.webhook?.url ?? '', one)) }
    },
  })
}
