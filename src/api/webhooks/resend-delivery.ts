import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { cutText } from '../../jobs/cut-text.ts'
import { maxResends } from '../../queue/webhooks/outbox.ts'
import { admitJobs } from '../access/admission.ts'
import type { RouteDeps } from '../deps.ts'
import { Problem } from '../http/problem.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { type DeliveryResource, deliveryResource, deliveryResourceSchema } from './delivery-resource.ts'
import { type FoundOwner, ownerKinds } from './find-owner.ts'

/** Resends of a tenant without a limit in the keys file. */
const defaultPerMinute = 60

const params = z.object({ id: z.string(), delivery_id: z.string() })

/** `POST …/deliveries/{delivery_id}/resend` of a job and of a flow: send a webhook again, whether it was delivered or not. */
export function resendDelivery(app: FastifyInstance, deps: RouteDeps): void {
  const { outbox, admission } = deps
  const resend = async (
    { path, owner }: FoundOwner,
    deliveryId: string,
    { caller }: FastifyRequest,
  ): Promise<DeliveryResource> => {
    const before = await outbox.read(owner, deliveryId)
    if (!before?.delivery) throw deliveryNotFound(deliveryId)
    const perMinute = caller.limits.resends_per_minute ?? defaultPerMinute
    // The queue of deliveries may be full, or Redis, as for a job. They take no places of the tenant.
    if (before.delivery.done) await admitJobs(admission, { ...caller, limits: {} }, [before.delivery], 0)
    const outcome = await outbox.resend(before.delivery, perMinute)
    if (outcome.status === 'missing') throw deliveryNotFound(deliveryId)
    if (outcome.status === 'not_done') {
      throw new Problem('delivery_not_done', 'The delivery is still being sent. It can be sent again when it is done.')
    }
    if (outcome.status === 'used_up') {
      throw new Problem('too_many_resends', `The delivery was sent again ${maxResends} times, which is the most.`)
    }
    if (outcome.status === 'limited') {
      const retryAfterS = Math.ceil(outcome.retryAfterMs / 1000)
      throw new Problem('quota_exceeded', `Your tenant is limited to ${perMinute} resends per minute.`, { retryAfterS })
    }
    const after = await outbox.read(owner, deliveryId)
    if (!after?.delivery) throw deliveryNotFound(deliveryId)
    return deliveryResource(path, '', after)
  }

  for (const { kind, base, operation, notFound, find } of ownerKinds(deps)) {
    app.post<{ Params: z.output<typeof params> }>(`${base}/:id/deliveries/:delivery_id/resend`, {
      config: { access: 'submit' },
      schema: {
        operationId: `resend${operation}Delivery`,
        summary: `Send a webhook of a ${kind} again`,
        description: 'Sends an ended delivery again, with the same `webhook-id` and body and with all its attempts.',
        tags: ['webhooks'],
        params,
        querystring: z.strictObject({}),
        response: {
          202: jsonResponse(
            'The webhook is sent again, with the same `webhook-id` and body, up to 8 times. `attempts` keeps those before',
            deliveryResourceSchema,
          ),
          ...problemResponses(
            ...notFound,
            'delivery_not_found',
            'delivery_not_done',
            'too_many_resends',
            'queue_full',
            'redis_full',
            'queue_unavailable',
          ),
        },
      },
      handler: async (request, reply) => {
        const { id, delivery_id } = request.params
        return reply.code(202).send(await resend(await find(request, id), delivery_id, request))
      },
    })
  }
}

function deliveryNotFound(id: string): Problem {
  return new Problem('delivery_not_found', `There is no delivery "${cutText(id, 100)}" here.`)
}
