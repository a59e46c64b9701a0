import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../deps.ts'
import { named } from '../openapi/fields.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { deliveryResource, deliveryResourceSchema } from './delivery-resource.ts'
import { ownerKinds } from './find-owner.ts'

const params = z.object({ id: z.string() })
const deliveries = named('DeliveryList', z.object({ items: z.array(deliveryResourceSchema) }))

/** `GET /v1/jobs/{id}/deliveries` and `GET /v1/flows/{id}/deliveries`: the deliveries of a webhook, the latest run first. */
export function listDeliveries(app: FastifyInstance, deps: RouteDeps): void {
  for (const { kind, base, operation, notFound, find } of ownerKinds(deps)) {
    app.get<{ Params: z.output<typeof params> }>(`${base}/:id/deliveries`, {
      config: { access: 'read' },
      schema: {
        operationId: `list${operation}Deliveries`,
        summary: `List the deliveries of a ${kind}'s webhook`,
        description: `What was sent, or will be, when the ${kind} ended, with each attempt and the answer of the receiver.`,
        tags: ['webhooks'],
        params,
        querystring: z.strictObject({}),
        response: {
          200: jsonResponse('The deliveries of the latest 20 runs, newest first', deliveries),
          ...problemResponses(...notFound, 'queue_unavailable'),
        },
      },
      handler: async (request): Promise<z.output<typeof deliveries>> => {
        const { path, owner } = await find(request, request.params.id)
        const found = await deps.outbox.list(owner)
        return { items: found.map((one) => deliveryResource(path, owner.webhook?.url ?? '', one)) }
      },
    })
  }
}
