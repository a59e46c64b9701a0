import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import type { LoadedFlow } from '../../queue/flows/flows.ts'
import type { RouteDeps } from '../deps.ts'
import { resumeId } from '../jobs/stream-job-events.ts'
import { problemResponses } from '../openapi/responses.ts'
import { findFlow, flowNotFound, flowParams } from './find-flow.ts'
import { memberResources } from './flow-job-resources.ts'
import { flowResource, treeQuery } from './flow-resource.ts'
import { endWhenRead, followFlow, writeWhenRead } from './follow-flow.ts'

/** Keeps proxies awake. */
const beatEveryMs = 15_000
/** An event's id is the run, and behind it how many jobs had ended by then. */
const idsPerRun = 1_000_000

const query = z.strictObject({
  ...treeQuery,
  after: z.string().optional().describe('Resume behind this id; as Last-Event-ID'),
})

/** `GET /v1/flows/{id}/events`: the flow, each of its jobs as it ends, and the flow when it is done, as server-sent events. */
export function streamFlowEvents(app: FastifyInstance, deps: RouteDeps): void {
  const { flows, config } = deps

  const read = async (id: string, withTree: boolean) => {
    const progress = await flows.read(id)
    if (!progress) return undefined
    return JSON.stringify(flowResource(progress, withTree ? await flows.open(id) : undefined, config.RESULT_TTL_MS))
  }

  const stream = async (open: LoadedFlow, reply: FastifyReply, after: number, withTree: boolean) => {
    const response = reply.raw
    const { id, run } = open.flow
    let beatAt = Date.now() + beatEveryMs
    const write = (place: number, event: string, data: string) => {
      beatAt = Date.now() + beatEveryMs
      return writeWhenRead(response, `id: ${run * idsPerRun + place}\nevent: ${event}\ndata: ${data}\n\n`)
    }
    const snapshot = await read(id, withTree)
    if (snapshot === undefined) return response.destroy()
    await write(after, 'snapshot', snapshot)
    let place = 0
    for await (const news of followFlow(deps, open, response)) {
      if (news.kind === 'ended') {
        const untold = news.jobs.slice(Math.max(0, after - place))
        place += news.jobs.length - untold.length
        for await (const some of memberResources(flows, open, untold)) {
          for (const member of some) await write(++place, 'member', JSON.stringify(member))
        }
      } else if (news.kind === 'over') {
        const flow = await read(id, withTree)
        if (flow !== undefined) await write(idsPerRun - 1, 'done', flow)
        return endWhenRead(response)
      } else if (Date.now() > beatAt) {
        beatAt = Date.now() + beatEveryMs
        await writeWhenRead(response, ':\n\n')
      }
    }
    // A client that wants more comes back by itself with its last id.
    return endWhenRead(response)
  }

  /** How many ends the client has heard of. An id that was made up, or that Redis lost with its last second, is as none. */
  const placeOf = async (open: LoadedFlow, resumed: number | undefined): Promise<number> => {
    // What was told in an earlier run may be told anew in this one.
    if (resumed === undefined || Math.floor(resumed / idsPerRun) !== open.flow.run) return 0
    const place = resumed % idsPerRun
    if (place === 0) return 0
    const { ends, isFinished } = await flows.store.ends(open.flow.id, place - 1, 1)
    const isDone = isFinished && place === idsPerRun - 1
    return isDone || ends.length > 0 ? place : 0
  }

  app.get<{ Params: z.output<typeof flowParams>; Querystring: z.output<typeof query> }>('/v1/flows/:id/events', {
    // It would hold the answer until the flow is done.
    exposeHeadRoute: false,
    config: { access: 'read' },
    schema: {
      operationId: 'streamFlowEvents',
      summary: 'Watch a flow',
      tags: ['flows'],
      params: flowParams,
      querystring: query,
      headers: z.object({ 'last-event-id': z.string().optional().describe('Resume behind this id') }),
      response: {
        200: {
          description: 'Events: snapshot, member, done',
          content: { 'text/event-stream': { schema: z.string() } },
        },
        ...problemResponses('flow_not_found', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      await findFlow(flows, request, id)
      const resumed = resumeId(request.query.after, request.headers['last-event-id'])
      const open = await flows.begin(id)
      if (!open) throw flowNotFound(id)
      const place = await placeOf(open, resumed)
      reply.hijack()
      reply.raw.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
        'request-id': request.id,
      })
      reply.raw.write('retry: 2000\n\n')
      try {
        await stream(open, reply, place, request.query.tree === 'full')
      } catch (error) {
        request.log.warn({ err: error, flow: id }, 'an event stream was ended')
        reply.raw.destroy()
      }
    },
  })
}
