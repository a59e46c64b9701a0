import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { timeOfUlid, ulidPattern } from '../../queue/model/job-id.ts'
import type { IndexedJob } from '../../queue/store/job-index.ts'
import { deliveryQueue } from '../../queue/webhooks/delivery.ts'
import { readableTenant, tenantParameter } from '../access/readable-tenant.ts'
import type { RouteDeps } from '../deps.ts'
import { flowPath } from '../flows/find-flow.ts'
import { answerPage, cursorParameter, fillPage } from '../http/search-page.ts'
import { jobPath } from '../jobs/find-job.ts'
import {
  createdRange,
  limitParameter,
  named,
  pageHeaders,
  searchedPageOf,
  stateField,
  timeParameters,
} from '../openapi/fields.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { deliveryResource, deliveryResourceSchema } from './delivery-resource.ts'

const query = z.strictObject({
  state: stateField.optional(),
  ...timeParameters,
  tenant: tenantParameter,
  limit: limitParameter,
  cursor: cursorParameter(ulidPattern),
})

const itemSchema = named(
  'ListedDelivery',
  deliveryResourceSchema.extend({
    job_id: z.string().nullable().describe('The job that it reports; null: a flow'),
    flow_id: z.string().nullable(),
  }),
)

/** `GET /v1/deliveries`: the deliveries of all webhooks of a tenant, newest first. */
export function listAllDeliveries(app: FastifyInstance, { index, outbox }: RouteDeps): void {
  app.get<{ Querystring: z.output<typeof query> }>('/v1/deliveries', {
    config: { access: 'read' },
    schema: {
      operationId: 'listAllDeliveries',
      summary: 'List the deliveries of all webhooks, newest first',
      description:
        'Deliveries of jobs and flows of the tenant that have ended. `scheduled`: it is tried again; `failed`: it was given up. Only `next_cursor: null` is the end of the list.',
      tags: ['webhooks'],
      querystring: query,
      response: {
        200: jsonResponse('One page', searchedPageOf('ListedDelivery', itemSchema), { headers: pageHeaders }),
        ...problemResponses('queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { state, tenant, cursor, limit } = request.query
      const found = index.search({
        tenant: readableTenant(request, tenant),
        queues: [deliveryQueue],
        filter: { state },
        behind: cursor,
        ...createdRange(request.query),
        count: limit,
      })
      const read = async function* (some: IndexedJob[]) {
        for await (const one of outbox.readMany(some.map(({ ref }) => ref))) {
          if (!one || (state !== undefined && one.delivery.state !== state)) yield undefined
          else {
            const { owner, isOfFlow } = one
            const resource = deliveryResource(isOfFlow ? flowPath(owner) : jobPath(owner), '', one)
            yield JSON.stringify({
              ...resource,
              job_id: isOfFlow ? null : owner,
              flow_id: isOfFlow ? owner : null,
            } satisfies z.output<typeof itemSchema>)
          }
        }
      }
      return answerPage(request, reply, await fillPage(found, limit, read), timeOfUlid)
    },
  })
}
