import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../deps.ts'
import { Problem } from '../http/problem.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { jobTypeResource, jobTypeSchema } from './job-type-resource.ts'

/** `GET /v1/job-types` and `GET /v1/job-types/{type}`: what can be submitted. */
export function jobTypeRoutes(app: FastifyInstance, { registry, schemas }: RouteDeps): void {
  schemas.add(jobTypeSchema, { id: 'JobType', description: 'What can be submitted, and how it is run' })
  app.get('/v1/job-types', {
    config: { access: 'read' },
    schema: {
      operationId: 'listJobTypes',
      summary: 'List the job types',
      tags: ['job types'],
      querystring: z.strictObject({}),
      response: {
        200: jsonResponse('All job types', z.object({ items: z.array(jobTypeSchema) })),
        ...problemResponses(),
      },
    },
    handler: () => ({ items: [...registry.values()].map(({ job }) => jobTypeResource(job)) }),
  })

  app.get<{ Params: { type: string } }>('/v1/job-types/:type', {
    config: { access: 'read' },
    schema: {
      operationId: 'readJobType',
      summary: 'Read a job type',
      tags: ['job types'],
      params: z.object({ type: z.string() }),
      querystring: z.strictObject({}),
      response: { 200: jsonResponse('The job type', jobTypeSchema), ...problemResponses('unknown_job_type') },
    },
    handler: ({ params }) => {
      const loaded = registry.get(params.type)
      if (loaded) return jobTypeResource(loaded.job)
      throw new Problem(
        'unknown_job_type',
        `There is no job type "${params.type.slice(0, 100)}": GET /v1/job-types lists them.`,
      )
    },
  })
}
