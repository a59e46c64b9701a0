import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../deps.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { explanation, explanationSchema } from './explanation.ts'
import { findExplained, jobParams } from './find-job.ts'
import { jobResource } from './job-resource.ts'

/** `GET /v1/jobs/{id}/explain`: why a job waits, or how it came to its end. */
export function explainJob(app: FastifyInstance, { queue, flows, retention }: RouteDeps): void {
  app.get<{ Params: z.output<typeof jobParams> }>('/v1/jobs/:id/explain', {
    config: { access: 'read' },
    schema: {
      operationId: 'explainJob',
      summary: 'Explain why a job waits, or how it ended',
      description:
        'All reasons why the job waits, its place in its queue and an estimate of its start; or how it came to its end. All of it is read at one moment, but for the flow of a job that waits for another step.',
      tags: ['jobs'],
      params: jobParams,
      querystring: z.strictObject({}),
      response: {
        200: jsonResponse('The explanation', explanationSchema),
        ...problemResponses('job_not_found', 'job_evicted', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { job, standing } = await findExplained(queue, request, request.params.id)
      const flow =
        job.state === 'blocked' && !job.parked && job.record.flow ? await flows.placeOf(job.record.flow) : undefined
      const isAdmin = request.caller.scopes.has('admin')
      return reply.send(explanation(jobResource(job, retention, request.caller), job, standing, { isAdmin, flow }))
    },
  })
}
