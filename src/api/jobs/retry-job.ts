import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../deps.ts'
import { Problem } from '../http/problem.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { retryOne } from './act-on-job.ts'
import { findJob, jobGone, jobNotFound, jobParams, jobPath } from './find-job.ts'
import { jobResource, jobSchema } from './job-resource.ts'

/** `POST /v1/jobs/{id}/retry`: queue a failed, canceled or expired job again, as its next run. */
export function retryJob(app: FastifyInstance, deps: RouteDeps): void {
  const { queue, retention } = deps
  app.post<{ Params: z.output<typeof jobParams> }>('/v1/jobs/:id/retry', {
    config: { access: 'submit' },
    schema: {
      operationId: 'retryJob',
      summary: 'Retry a failed, canceled or expired job',
      description: 'Opens the next run of the job: the same id is queued again, with its attempts reset.',
      tags: ['jobs'],
      params: jobParams,
      querystring: z.strictObject({}),
      response: {
        202: jsonResponse('The job is queued again, with its attempts reset', jobSchema, {
          headers: { location: 'Where the job can be read' },
        }),
        ...problemResponses(
          'job_not_found',
          'job_evicted',
          'job_not_retryable',
          'unique_conflict',
          'queue_full',
          'redis_full',
          'queue_unavailable',
        ),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const before = await findJob(queue, request, id)
      const result = await retryOne(deps, request.caller, before)
      if (result === 'of_flow') {
        const flow = before.record.flow?.id
        throw new Problem(
          'job_not_retryable',
          `The job belongs to flow ${flow}: POST /v1/flows/${flow}/retry with { "members": ["${id}"] }.`,
        )
      }
      if (result === 'missing') throw await jobGone(queue, before, before.record.tenant)
      if (result === 'not_retryable') {
        const detail = `The job is ${before.state}: only failed, canceled or expired jobs can be retried.`
        throw new Problem('job_not_retryable', detail)
      }
      const job = await queue.read(before, undefined, 'small')
      if (!job) throw jobNotFound(id)
      return reply
        .code(202)
        .header('location', jobPath(id))
        .send(jobResource(job, retention, request.caller))
    },
  })
}
