import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../deps.ts'
import { lastEventId } from '../http/event-id.ts'
import { eventStreamResponse, resumeHeader, resumeParameter } from '../openapi/event-stream.ts'
import { problemResponses } from '../openapi/responses.ts'
import { exampleEvents } from './examples.ts'
import { findJob, jobNotFound, jobParams } from './find-job.ts'
import { JobEventStream } from './job-event-stream.ts'

const query = z.strictObject({ after: resumeParameter })

/** `GET /v1/jobs/{id}/events`: what happens to a job, as server-sent events. */
export function streamJobEvents(app: FastifyInstance, deps: RouteDeps): void {
  const streamDeps = { queue: deps.queue, hub: deps.hub, resultTtlMs: deps.config.RESULT_TTL_MS }

  app.get<{ Params: z.output<typeof jobParams>; Querystring: z.output<typeof query> }>('/v1/jobs/:id/events', {
    // It would hold the answer until the job is done.
    exposeHeadRoute: false,
    config: { access: 'read' },
    schema: {
      operationId: 'streamJobEvents',
      summary: 'Watch a job',
      tags: ['jobs'],
      params: jobParams,
      querystring: query,
      headers: resumeHeader,
      response: {
        200: eventStreamResponse(
          'Events: snapshot, state, progress, output, log, gap, done; problem when the key of the request ends',
          exampleEvents,
        ),
        ...problemResponses('job_not_found', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const ref = deps.queue.refOf(id)
      if (!ref) throw jobNotFound(id)
      const after = lastEventId(request.query.after, request.headers['last-event-id'])
      let stream: JobEventStream | undefined
      // What is published before the stream exists is found by its first read.
      const stopWatching = await deps.hub.watch(ref, (message) => stream?.onAnnouncement(message))
      try {
        const job = await findJob(deps.queue, request, id)
        // An end that was not published, because its worker died, is found by the next heartbeat.
        const hold = deps.holds.open('stream', request, reply)
        const response = deps.streams.open(reply, hold, { onBeat: () => stream?.read(), onClose: stopWatching })
        const onError = (error: unknown) =>
          request.log.warn({ err: error, job: id }, 'failed to read for an event stream')
        stream = new JobEventStream({ ...streamDeps, caller: request.caller }, response, job, { after, onError })
        stream.begin(job)
      } catch (error) {
        stopWatching()
        throw error
      }
    },
  })
}
