import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { LoadedFlow } from '../../queue/flows/flows.ts'
import { checkWatchedRun } from '../access/watch.ts'
import { tokenParameter } from '../access/watch-tokens.ts'
import type { RouteDeps } from '../deps.ts'
import { lastEventId } from '../http/event-id.ts'
import type { SseResponse } from '../http/sse-response.ts'
import { answerHeadOfStream } from '../http/stream-response.ts'
import { eventStreamResponses, resumeHeader, resumeParameter } from '../openapi/event-stream.ts'
import { problemResponses } from '../openapi/responses.ts'
import { exampleFlowEvents } from './examples.ts'
import { findFlow, flowNotFound, flowParams } from './find-flow.ts'
import { inGroups, memberResources } from './flow-job-resources.ts'
import { flowResource, treeQuery } from './flow-resource.ts'
import { FlowFollower } from './follow-flow.ts'

/** An event's id is the run, followed by the number of jobs that had ended by then. */
const idsPerRun = 1_000_000

const query = z.strictObject({ token: tokenParameter, ...treeQuery, after: resumeParameter })

/** `GET /v1/flows/{id}/events`: the flow, each of its jobs as it ends, and the finished flow, as server-sent events. */
export function streamFlowEvents(app: FastifyInstance, deps: RouteDeps): void {
  const { flows, retention } = deps

  const readFlow = async (id: string, withTree: boolean) => {
    const progress = await flows.read(id)
    if (!progress) throw flowNotFound(id)
    return JSON.stringify(flowResource(progress, withTree ? await flows.open(id) : undefined, retention))
  }

  const stream = async (
    open: LoadedFlow,
    follower: FlowFollower,
    response: SseResponse,
    { after, withTree }: { after: number; withTree: boolean },
  ) => {
    const { id, run } = open.flow
    let place = 0
    for await (const news of follower.news(open, response)) {
      if (news.kind === 'over') {
        const flow = await follower.whenAvailable(response, () => readFlow(id, withTree))
        if (flow !== undefined) response.send(idOfDone(run), 'done', flow)
        return
      }
      const unsent = news.jobs.slice(Math.max(0, after - place))
      place += news.jobs.length - unsent.length
      for (const group of inGroups(unsent)) {
        const members = await follower.whenAvailable(response, () => memberResources(flows, open, group, true))
        for (const member of members ?? []) {
          response.send(run * idsPerRun + ++place, 'member', JSON.stringify(member))
          await response.caughtUp()
        }
      }
    }
  }

  /** How many ends the client knows. An id that this flow cannot have given out, or that Redis has lost, counts as 0. */
  const placeOf = async (open: LoadedFlow, resumed: number | undefined): Promise<number> => {
    // What an earlier run sent may differ in this one.
    if (resumed === undefined || Math.floor(resumed / idsPerRun) !== open.flow.run) return 0
    const place = resumed % idsPerRun
    if (place === 0) return 0
    const { ends, isFinished } = await flows.store.ends(open.flow.id, place - 1, 1)
    const isDone = isFinished && resumed === idOfDone(open.flow.run)
    return isDone || ends.length > 0 ? place : 0
  }

  app.get<{ Params: z.output<typeof flowParams>; Querystring: z.output<typeof query> }>('/v1/flows/:id/events', {
    config: { access: 'read', watch: 'flow' },
    schema: {
      operationId: 'streamFlowEvents',
      summary: 'Watch a flow',
      description:
        'Server-sent events: the flow, each of its jobs as it ends, then `done`. A client that resumes after the last `id` that it has misses nothing.',
      tags: ['flows'],
      params: flowParams,
      querystring: query,
      headers: resumeHeader,
      response: {
        ...eventStreamResponses(
          'Events: snapshot, member, done; problem when the key of the request ends',
          exampleFlowEvents,
        ),
        ...problemResponses('flow_not_found', 'flow_evicted', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const { flow } = await findFlow(flows, request, id)
      const resumed = lastEventId(request.query.after, request.headers['last-event-id'])
      if (flow.finished && resumed === idOfDone(flow.run)) return reply.code(204).send()
      if (request.method === 'HEAD') return answerHeadOfStream(reply, 'text/event-stream')
      const withTree = request.query.tree === 'full'
      const follower = await FlowFollower.listen(deps, id)
      try {
        const open = await flows.begin(id)
        if (!open) throw flowNotFound(id)
        checkWatchedRun(request, open.flow.run)
        const after = await placeOf(open, resumed)
        const snapshot = await readFlow(id, withTree)
        const response = deps.streams.open(reply, deps.holds.open('stream', request, reply))
        response.send(open.flow.run * idsPerRun + after, 'snapshot', snapshot)
        try {
          await stream(open, follower, response, { after, withTree })
          // A client that wants more reconnects with its last id.
          response.end()
        } catch (error) {
          request.log.warn({ err: error, flow: id }, 'event stream broken off')
          response.abort()
        }
      } finally {
        follower.stop()
      }
      return reply
    },
  })
}

function idOfDone(run: number): number {
  return run * idsPerRun + idsPerRun - 1
}
