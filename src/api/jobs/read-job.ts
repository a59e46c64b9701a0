import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../deps.ts'
import { answerWhenDone } from '../http/answer-when-done.ts'
import { problemResponses } from '../openapi/responses.ts'
import { readingWithWait } from '../openapi/waiting.ts'
import { awaitedJob } from './awaited-job.ts'
import { findJob, jobNotFound, jobParams, jobPath } from './find-job.ts'
import { jobResource, jobSchema } from './job-resource.ts'

/** `GET /v1/jobs/{id}`: the job as it is, or its end when asked to wait. */
export function readJob(app: FastifyInstance, deps: RouteDeps): void {
  const { headers, response } = readingWithWait('job', jobSchema)
  app.get<{ Params: z.output<typeof jobParams> }>('/v1/jobs/:id', {
    config: { access: 'read' },
    schema: {
      operationId: 'readJob',
      summary: 'Read a job',
      tags: ['jobs'],
      params: jobParams,
      querystring: z.strictObject({}),
      headers,
      response: { ...response, ...problemResponses('job_not_found', 'queue_unavailable') },
    },
    handler: (request, reply) => {
      const { id } = request.params
      const ref = deps.queue.refOf(id)
      if (!ref) throw jobNotFound(id)
      const until = { closing: deps.closing, hold: () => deps.holds.open('wait', request, reply) }
      return answerWhenDone(request, reply, until, {
        path: jobPath(id),
        read: () => findJob(deps.queue, request, id),
        awaited: () => awaitedJob(deps, ref),
        notFound: () => jobNotFound(id),
        resource: (job) => jobResource(job, deps.config.RESULT_TTL_MS, request.caller),
      })
    },
  })
}
