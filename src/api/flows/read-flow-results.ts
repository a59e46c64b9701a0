import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import type { LoadedFlow } from '../../queue/flows/flows.ts'
import { checkWatchedRun } from '../access/watch.ts'
import { tokenParameter } from '../access/watch-tokens.ts'
import type { RouteDeps } from '../deps.ts'
import { linkNextPage } from '../http/next-page.ts'
import { Problem } from '../http/problem.ts'
import { answerHeadOfStream, type StreamResponse } from '../http/stream-response.ts'
import { addVary } from '../http/vary.ts'
import { streamHeaders } from '../openapi/event-stream.ts'
import { limitParameter, pageHeaders, pageOf } from '../openapi/fields.ts'
import { problemResponses } from '../openapi/responses.ts'
import { findFlow, findOpenFlow, flowNotFound, flowParams } from './find-flow.ts'
import { inGroups, memberResources, membersOf } from './flow-job-resources.ts'
import { type MemberResource, memberSchema } from './flow-resource.ts'
import { FlowFollower } from './follow-flow.ts'

/** A page ends early when its outputs have more characters of JSON than this, so that it fits into memory. */
const maxCharacters = 8 * 1024 * 1024
const ndjson = 'application/x-ndjson'

const query = z.strictObject({
  token: tokenParameter,
  limit: limitParameter,
  cursor: z
    .string()
    .regex(/^\d{1,9}$/, 'is not a cursor of these results')
    .optional(),
  after: z
    .string()
    .regex(/^(\d{1,9}-)?\d{1,9}$/, 'must be a number of lines, or the run of the flow and a number of lines: 1-25')
    .optional()
    .describe(
      'NDJSON only: leaves out so many lines, which the client has. `<run>-<lines>` is refused once the flow was retried',
    ),
})
type Query = z.output<typeof query>

/** `GET /v1/flows/{id}/results`: the results of a flow's members, in their order; or, as NDJSON, as each of them ends. */
export function readFlowResults(app: FastifyInstance, deps: RouteDeps): void {
  const { flows } = deps

  const readPage = async (open: LoadedFlow, { limit, cursor = '0' }: Query) => {
    const members = membersOf(open)
    const from = Number(cursor)
    const items: MemberResource[] = []
    let characters = 0
    for (const group of inGroups(members.slice(from, from + limit))) {
      for (const item of await memberResources(flows, open, group)) {
        characters += JSON.stringify(item.output).length
        if (characters > maxCharacters && items.length > 0) return { items, next: from + items.length }
        items.push(item)
      }
    }
    const next = from + items.length
    return { items, next: next < members.length ? next : undefined }
  }

  /** Ends the response when all members have ended; breaks it off otherwise, so that it is not taken for complete. */
  const stream = async (open: LoadedFlow, follower: FlowFollower, response: StreamResponse, after: number) => {
    let known = after
    for await (const news of follower.news(open, response)) {
      const unsent = news.members.slice(known)
      known -= news.members.length - unsent.length
      for (const group of inGroups(unsent)) {
        const members = await follower.whenAvailable(response, () => memberResources(flows, open, group))
        response.write((members ?? []).map((item) => `${JSON.stringify(item)}\n`).join(''))
        await response.caughtUp()
        if (!members) return response.abort()
      }
      if (news.kind === 'over') return response.end()
    }
    return response.abort()
  }

  const answerAsNdjson = async (id: string, after: string | undefined, reply: FastifyReply) => {
    const follower = await FlowFollower.listen(deps, id)
    try {
      const open = await flows.begin(id)
      if (!open) throw flowNotFound(id)
      checkWatchedRun(reply.request, open.flow.run)
      const lines = linesAfter(after, open.flow.run)
      const response = deps.streams.openLines(reply, deps.holds.open('stream', reply.request, reply))
      try {
        await stream(open, follower, response, lines)
      } catch (error) {
        reply.request.log.warn({ err: error, flow: id }, 'stream of results broken off')
        response.abort()
      }
    } finally {
      follower.stop()
    }
  }

  app.get<{ Params: z.output<typeof flowParams>; Querystring: Query }>('/v1/flows/:id/results', {
    config: { access: 'read', watch: 'flow' },
    schema: {
      operationId: 'readFlowResults',
      summary: 'Read the results of a flow',
      description: 'The results of the outermost members: in pages, or as NDJSON that has each of them as it ends.',
      tags: ['flows'],
      params: flowParams,
      querystring: query,
      headers: z.object({
        accept: z.string().optional().describe(`\`${ndjson}\`: one line for each member as it ends`),
      }),
      response: {
        200: {
          description:
            'The members of the outermost gather or map, or the steps of the outermost chain: a page in their order; or, as NDJSON, one line for each in the order in which they end, until all have ended, or a problem as the last line when the key of the request ends',
          headers: { ...streamHeaders, ...pageHeaders },
          content: {
            'application/json': { schema: pageOf('FlowMember', memberSchema) },
            [ndjson]: { schema: z.string() },
          },
        },
        ...problemResponses('flow_not_found', 'flow_evicted', 'results_reset', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      addVary(reply, 'accept')
      if (request.headers.accept?.toLowerCase().includes(ndjson)) {
        const { flow } = await findFlow(flows, request, id)
        linesAfter(request.query.after, flow.run)
        if (request.method === 'HEAD') return answerHeadOfStream(reply, ndjson)
        return answerAsNdjson(id, request.query.after, reply)
      }
      const { items, next } = await readPage(await findOpenFlow(flows, request, id), request.query)
      const next_cursor = next === undefined ? null : String(next)
      linkNextPage(request, reply, next_cursor)
      return { items, next_cursor }
    },
  })
}

/** How many lines the client has. In another run the members end in another order. @throws Problem `results_reset` */
function linesAfter(after: string | undefined, run: number): number {
  const [lines = '0', ofRun] = after?.split('-').toReversed() ?? []
  if (ofRun === undefined || Number(ofRun) === run) return Number(lines)
  throw new Problem('results_reset', `The flow is in run ${run}, and "after" names run ${ofRun}: read from the start.`)
}
