import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import { tokenParameter } from '../access/watch-tokens.ts'
import type { RouteDeps } from '../deps.ts'
import { lastEventId } from '../http/event-id.ts'
import { answerHeadOfStream } from '../http/stream-response.ts'
import { eventStreamResponses, resumeHeader, resumeParameter } from '../openapi/event-stream.ts'
import { problemResponses } from '../openapi/responses.ts'
import { exampleEvents } from './examples.ts'
import { findJob, jobNotFound, jobParams } from './find-job.ts'
import { idOfDone, JobEventStream } from './job-event-stream.ts'

const query = z.strictObject({ token: tokenParameter, after: resumeParameter })

/** `GET /v1/jobs/{id}/events`: what happens to a job, as server-sent events. */
export function streamJobEvents(app: FastifyInstance, deps: RouteDeps): void {
  const streamDeps = { queue: deps.queue, hub: deps.hub, retention: deps.retention }

  app.get<{ Params: z.output<typeof jobParams>; Querystring: z.output<typeof query> }>('/v1/jobs/:id/events', {
    config: { access: 'read', watch: 'job' },
    schema: {
      operationId: 'streamJobEvents',
      summary: 'Watch a job',
      description:
        'Server-sent events: the job, what is stored of its run, then what happens until `done`. A client that resumes after the last `id` that it has misses nothing.',
      tags: ['jobs'],
      params: jobParams,
      querystring: query,
      headers: resumeHeader,
      response: {
        ...eventStreamResponses(
          'Events: snapshot, state, progress, output, log, gap, done; problem when the key of the request ends',
          exampleEvents,
        ),
        ...problemResponses('job_not_found', 'job_evicted', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const ref = deps.queue.refOf(id)
      if (!ref) throw jobNotFound(id)
      const after = lastEventId(request.query.after, request.headers['last-event-id'])
      const isComplete = (job: StoredJob) => job.done && after === idOfDone(job)
      if (request.method === 'HEAD') {
        const job = await findJob(deps.queue, request, id)
        return isComplete(job) ? reply.code(204).send() : answerHeadOfStream(reply, 'text/event-stream')
      }
      let stream: JobEventStream | undefined
      // What is published before the stream exists is found by its first read.
      const stopWatching = await deps.hub.watch(ref, (message) => stream?.onAnnouncement(message))
      try {
        const job = await findJob(deps.queue, request, id)
        if (isComplete(job)) {
          stopWatching()
          return reply.code(204).send()
        }
        // An end that was not published, because its worker died, is found by the next heartbeat.
        const hold = deps.holds.open('stream', request, reply)
        const response = deps.streams.open(reply, hold, { onBeat: () => stream?.read(), onClose: stopWatching })
        const onError = (error: unknown) =>
          request.log.warn({ err: error, job: id }, 'failed to read for an event stream')
        stream = new JobEventStream({ ...streamDeps, caller: request.caller }, response, job, { after, onError })
        stream.begin(job)
        return reply
      } catch (error) {
        stopWatching()
        throw error
      }
    },
  })
}
