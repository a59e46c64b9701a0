import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { maskSecrets } from '../../jobs/secrets.ts'
import { checkWatchedRun } from '../access/watch.ts'
import { tokenParameter } from '../access/watch-tokens.ts'
import type { RouteDeps } from '../deps.ts'
import { answerWhenDone } from '../http/answer-when-done.ts'
import { Problem } from '../http/problem.ts'
import { problemResponses } from '../openapi/responses.ts'
import { readingWithWait } from '../openapi/waiting.ts'
import { awaitedJob } from './awaited-job.ts'
import { findJob, jobNotFound, jobParams, jobPath } from './find-job.ts'
import { jobResource, jobSchema } from './job-resource.ts'
import { jobTiming } from './job-timing.ts'

const query = z.strictObject({
  token: tokenParameter,
  include: z.literal('input').optional().describe('The input whole, whatever its size'),
})
type Request = { Params: z.output<typeof jobParams>; Querystring: z.output<typeof query> }

/** `GET /v1/jobs/{id}`: the job as it is, or its end when asked to wait. */
export function readJob(app: FastifyInstance, deps: RouteDeps): void {
  const { headers, response } = readingWithWait('job', jobSchema)
  app.get<Request>('/v1/jobs/:id', {
    config: { access: 'read', watch: 'job' },
    schema: {
      operationId: 'readJob',
      summary: 'Read a job',
      description: 'The job as it is, or its end where `Prefer: wait` asks for it.',
      tags: ['jobs'],
      params: jobParams,
      querystring: query,
      headers,
      response: { ...response, ...problemResponses('job_not_found', 'job_evicted', 'queue_unavailable') },
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
        timing: jobTiming,
        notFound: () => jobNotFound(id),
        resource: async (job) => {
          // It may have been retried during the wait.
          checkWatchedRun(request, job.run)
          const resource = jobResource(job, deps.retention, request.caller)
          if (request.query.include !== undefined && request.caller.watch?.input === false)
            throw new Problem('forbidden', 'This token does not let you read the input.')
          if (request.query.include === undefined || job.inputBytes === undefined) return resource
          const { record } = await findJob(deps.queue, request, id, 'whole')
          return { ...resource, input: maskSecrets(record.input, record.secrets?.input), input_bytes: null }
        },
      })
    },
  })
}
