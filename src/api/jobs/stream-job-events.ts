import type { OutgoingHttpHeader } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { parseJobId } from '../../queue/model/job-id.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import type { RouteDeps } from '../deps.ts'
import { Problem } from '../http/problem.ts'
import { Rounds } from '../http/staggered-interval.ts'
import { problemResponses } from '../openapi/responses.ts'
import { exampleEvents } from './examples.ts'
import { findJob, jobNotFound, jobParams } from './find-job.ts'
import { JobEventStream } from './job-event-stream.ts'

/** Keeps proxies awake, and finds the end of a job whose announcement was lost with its worker. */
const beatEveryMs = 15_000
const query = z.strictObject({ after: z.string().optional().describe('Resume behind this id; as Last-Event-ID') })

/** `GET /v1/jobs/{id}/events`: what happens to a job, as server-sent events. */
export function streamJobEvents(app: FastifyInstance, deps: RouteDeps): void {
  const streamDeps = { queue: deps.queue, hub: deps.hub, resultTtlMs: deps.config.RESULT_TTL_MS }
  const open = new Rounds<JobEventStream>(beatEveryMs, (stream) => {
    stream.beat()
    stream.look()
  })
  deps.closing.addEventListener('abort', () => {
    for (const stream of open) stream.close()
  })
  app.addHook('onClose', () => open.stop())

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
      headers: z.object({ 'last-event-id': z.string().optional().describe('Resume behind this id') }),
      response: {
        200: {
          description: 'Events: snapshot, state, progress, output, log, gap, done',
          content: { 'text/event-stream': { schema: z.string(), examples: { example: { value: exampleEvents } } } },
        },
        ...problemResponses('job_not_found', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const ref = parseJobId(id)
      if (!ref) throw jobNotFound(id)
      const after = resumeId(request.query.after, request.headers['last-event-id'])
      let stream: JobEventStream | undefined
      // What is announced before the stream exists is found by its first look.
      const stopWatching = await deps.hub.watch(ref, (said) => stream?.onAnnouncement(said))
      let job: StoredJob | undefined
      try {
        job = await findJob(deps.queue, request, id)
        reply.hijack()
        const onError = (error: unknown) => request.log.warn({ err: error, job: id }, 'an event stream was ended')
        stream = new JobEventStream(streamDeps, reply.raw, job, { after, onError })
      } catch (error) {
        stopWatching()
        throw error
      }
      const takeOut = open.add(stream)
      deps.metrics.eventStreams.inc()
      const begun = stream
      const leave = () => {
        stopWatching()
        if (takeOut()) deps.metrics.eventStreams.dec()
      }
      reply.raw.on('close', leave)
      // The client may have left before there was anybody to tell.
      if (reply.raw.closed) return leave()
      const common: Record<string, OutgoingHttpHeader | undefined> = reply.getHeaders()
      // Headers that were set one by one would be kept beside the head; and written by itself, though in one call with what
      // follows, that is kept as one string and not as all its pieces.
      reply.raw.writeHead(200, {
        ...common,
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
      })
      const { socket } = reply.raw
      socket?.cork()
      process.nextTick(() => socket?.uncork())
      reply.raw.flushHeaders()
      reply.raw.write('retry: 2000\n\n')
      begun.begin(job)
      if (deps.closing.aborted) begun.close()
    },
  })
}

/** The query's `after` comes before the header, which a browser sets by itself. A header that is not ours is ignored. */
export function resumeId(after: string | undefined, header: string | string[] | undefined): number | undefined {
  const isId = (text: unknown): text is string => typeof text === 'string' && /^\d{1,15}$/.test(text)
  if (after !== undefined && !isId(after)) {
    const mistakes = [{ pointer: 'after', detail: 'must be the id of an event of this job' }]
    throw new Problem('invalid_request', 'after: must be the id of an event of this job', { mistakes })
  }
  if (after !== undefined) return Number(after)
  return isId(header) ? Number(header) : undefined
}
