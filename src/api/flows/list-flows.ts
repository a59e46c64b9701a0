import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { FlowProgress } from '../../queue/flows/flows.ts'
import { timeOfUlid, ulidPattern } from '../../queue/model/job-id.ts'
import { readableTenant, tenantParameter } from '../access/readable-tenant.ts'
import type { RouteDeps } from '../deps.ts'
import { answerPage, cursorParameter, fillPage } from '../http/search-page.ts'
import {
  createdRange,
  limitParameter,
  pageHeaders,
  searchedPageOf,
  stateField,
  timeParameters,
} from '../openapi/fields.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { exampleFlow } from './examples.ts'
import { type FlowResource, flowResource, flowSchema } from './flow-resource.ts'

const query = z.strictObject({
  state: stateField.optional(),
  tag: z.string().min(1).max(100).optional(),
  ...timeParameters,
  tenant: tenantParameter,
  limit: limitParameter,
  cursor: cursorParameter(ulidPattern),
})
type Query = z.output<typeof query>

/** `GET /v1/flows`: flows in order of creation, newest first, without their trees. */
export function listFlows(app: FastifyInstance, { flows, retention }: RouteDeps): void {
  const readSome = async (ids: string[]): Promise<Map<string, FlowProgress>> => {
    const heads = await Promise.all(ids.map((id) => flows.store.head(id)))
    const progress = await flows.progressOf(heads.filter((head) => head !== undefined))
    return new Map(progress.map((of) => [of.flow.id, of]))
  }

  app.get<{ Querystring: Query }>('/v1/flows', {
    config: { access: 'read' },
    schema: {
      operationId: 'listFlows',
      summary: 'List flows, newest first',
      description:
        'Flows of the tenant that match all filters, without their trees. Only `next_cursor: null` is the end of the list.',
      tags: ['flows'],
      querystring: query,
      response: {
        200: jsonResponse('One page. The trees are left out', searchedPageOf('Flow', flowSchema), {
          headers: pageHeaders,
          example: { items: [{ ...exampleFlow, tree: null }], next_cursor: null },
        }),
        ...problemResponses('queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { state, tag, cursor: behind, limit: count } = request.query
      const tenant = readableTenant(request, request.query.tenant)
      const range = createdRange(request.query)
      const search = flows.store.index.search({ tenant, state, tag, behind, count, ...range })
      const page = await fillPage(search, count, async function* (found) {
        const read = await readSome(found.map(({ ref }) => ref.id))
        for (const { ref } of found) {
          const progress = read.get(ref.id)
          const flow = progress && flowResource(progress, undefined, retention)
          yield flow && matches(flow, request.query) ? JSON.stringify(flow) : undefined
        }
      })
      return answerPage(request, reply, page, timeOfUlid)
    },
  })
}

/** What was found may have changed since, and was found by hints. */
function matches({ state, tags }: FlowResource, filter: Query): boolean {
  return (
    (filter.state === undefined || state === filter.state) && (filter.tag === undefined || tags.includes(filter.tag))
  )
}
