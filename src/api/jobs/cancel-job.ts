import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../deps.ts'
import { Problem } from '../http/problem.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { cancelOne } from './act-on-job.ts'
import { findJob, jobNotFound, jobParams } from './find-job.ts'
import { jobResource, jobSchema } from './job-resource.ts'

/** `POST /v1/jobs/{id}/cancel`: end a waiting job, or stop a running one. Idempotent. */
export function cancelJob(app: FastifyInstance, deps: RouteDeps): void {
  const { queue, retention } = deps
  app.post<{ Params: z.output<typeof jobParams> }>('/v1/jobs/:id/cancel', {
    config: { access: 'cancel' },
    schema: {
      operationId: 'cancelJob',
      summary: 'Cancel a job',
      description:
        '200: the job had not started and never will. 202: its worker was notified, and the job can only end as canceled. Cancel is idempotent until the job is done.',
      tags: ['jobs'],
      params: jobParams,
      querystring: z.strictObject({}),
      response: {
        200: jsonResponse('The job is canceled and will never run', jobSchema),
        202: jsonResponse('The worker is stopping the job: it can only end canceled', jobSchema),
        ...problemResponses('job_not_found', 'job_evicted', 'job_already_done', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const before = await findJob(queue, request, id)
      const result = await cancelOne(deps, before)
      const job = await queue.read(before, undefined, 'small')
      if (!job || result === 'missing') throw jobNotFound(id)
      if (result === 'done' && job.state !== 'canceled') {
        throw new Problem('job_already_done', `The job is done: it ended as ${job.state}.`)
      }
      return reply.code(result === 'signaled' ? 202 : 200).send(jobResource(job, retention, request.caller))
    },
  })
}
