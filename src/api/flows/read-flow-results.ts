import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import type { LoadedFlow } from '../../queue/flows/flows.ts'
import type { RouteDeps } from '../deps.ts'
import { problemResponses } from '../openapi/responses.ts'
import { findOpenFlow, flowNotFound, flowParams, flowPath } from './find-flow.ts'
import { memberResources, membersOf } from './flow-job-resources.ts'
import { type MemberResource, memberSchema } from './flow-resource.ts'
import { endWhenRead, followFlow, writeWhenRead } from './follow-flow.ts'

/** A page ends early when its outputs are larger than this, so that it fits in memory. */
const mostCharacters = 8 * 1024 * 1024
const ndjson = 'application/x-ndjson'

const query = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50).describe('1 to 200'),
  cursor: z
    .string()
    .regex(/^\d{1,9}$/, 'is not a cursor of these results')
    .optional(),
})
type Query = z.output<typeof query>
const pageSchema = z.object({ items: z.array(memberSchema), next_cursor: z.string().nullable() })

/** `GET /v1/flows/{id}/results`: what the members of a flow gave, in their order; or, as NDJSON, as each of them ends. */
export function readFlowResults(app: FastifyInstance, deps: RouteDeps): void {
  const { flows } = deps

  const readPage = async (open: LoadedFlow, { limit, cursor = '0' }: Query) => {
    const members = membersOf(open)
    const from = Number(cursor)
    const items: MemberResource[] = []
    let characters = 0
    for await (const some of memberResources(flows, open, members.slice(from, from + limit))) {
      for (const item of some) {
        characters += JSON.stringify(item.output).length
        if (characters > mostCharacters && items.length > 0) return { items, next: from + items.length }
        items.push(item)
      }
    }
    const next = from + items.length
    return { items, next: next < members.length ? next : undefined }
  }

  const stream = async (id: string, reply: FastifyReply) => {
    const open = await flows.begin(id)
    if (!open) throw flowNotFound(id)
    reply.hijack()
    const response = reply.raw
    response.writeHead(200, {
      'content-type': ndjson,
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'request-id': reply.request.id,
    })
    response.flushHeaders()
    try {
      for await (const news of followFlow(deps, open, response)) {
        if (news.kind === 'nothing') continue
        for await (const some of memberResources(flows, open, news.members)) {
          await writeWhenRead(response, some.map((item) => `${JSON.stringify(item)}\n`).join(''))
        }
        if (news.kind === 'over') return endWhenRead(response)
      }
      // Cut off, so that the client does not take it for the whole.
      response.destroy()
    } catch (error) {
      reply.request.log.warn({ err: error, flow: id }, 'a stream of results was ended')
      response.destroy()
    }
  }

  app.get<{ Params: z.output<typeof flowParams>; Querystring: Query }>('/v1/flows/:id/results', {
    config: { access: 'read' },
    // It would hold the answer until the flow is done.
    exposeHeadRoute: false,
    schema: {
      operationId: 'readFlowResults',
      summary: 'Read what the members of a flow gave',
      tags: ['flows'],
      params: flowParams,
      querystring: query,
      headers: z.object({ accept: z.string().optional().describe(`\`${ndjson}\`: a line per member as it ends`) }),
      response: {
        200: {
          description:
            'The members of the outermost gather, or the steps of the outermost chain: a page in their order; as NDJSON a line for each, in the order in which they end, until all have',
          content: { 'application/json': { schema: pageSchema }, [ndjson]: { schema: z.string() } },
        },
        ...problemResponses('flow_not_found', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const open = await findOpenFlow(flows, request, id)
      if (request.headers.accept?.toLowerCase().includes(ndjson)) return stream(id, reply)
      const { items, next } = await readPage(open, request.query)
      if (next === undefined) return { items, next_cursor: null }
      const search = new URLSearchParams(request.url.split('?', 2)[1])
      search.set('cursor', String(next))
      reply.header('link', `<${flowPath(id)}/results?${search.toString()}>; rel="next"`)
      return { items, next_cursor: String(next) }
    },
  })
}
