import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../deps.ts'
import { Problem } from '../http/problem.ts'
import { emptyResponse, problemResponses } from '../openapi/responses.ts'
import { deleteOne } from './act-on-job.ts'
import { findJob, jobNotFound, jobParams } from './find-job.ts'

/** `DELETE /v1/jobs/{id}`: delete a finished job before it expires. */
export function deleteJob(app: FastifyInstance, deps: RouteDeps): void {
  app.delete<{ Params: z.output<typeof jobParams> }>('/v1/jobs/:id', {
    config: { access: 'cancel' },
    schema: {
      operationId: 'deleteJob',
      summary: 'Delete a finished job',
      description: 'Deletes the job with its input, output, values, logs and deliveries.',
      tags: ['jobs'],
      params: jobParams,
      querystring: z.strictObject({}),
      response: {
        204: emptyResponse('The job is deleted'),
        ...problemResponses('job_not_found', 'job_evicted', 'job_not_done', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const job = await findJob(deps.queue, request, id)
      const result = await deleteOne(deps, job)
      if (result === 'of_open_flow')
        throw new Problem('job_not_done', `The job belongs to flow ${job.record.flow?.id}, which is not done.`)
      if (result === 'of_open_parent')
        throw new Problem('job_not_done', `The job ${job.record.parent?.id} has submitted it, and is not done.`)
      if (result === 'missing') throw jobNotFound(id)
      if (result === 'not_done') throw new Problem('job_not_done', `The job is ${job.state}: cancel it first.`)
      return reply.code(204).send()
    },
  })
}
