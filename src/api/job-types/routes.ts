import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../deps.ts'
import { named } from '../openapi/fields.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { unknownJobType } from '../submission/job-options.ts'
import { jobTypeResource, jobTypeSchema } from './job-type-resource.ts'

/** `GET /v1/job-types` and `GET /v1/job-types/{type}`: the types of jobs that can be submitted. */
export function jobTypeRoutes(app: FastifyInstance, { registry, schemas }: RouteDeps): void {
  schemas.add(jobTypeSchema, { id: 'JobType', description: 'A type of job that can be submitted, and how it runs' })
  app.get('/v1/job-types', {
    config: { access: 'read' },
    schema: {
      operationId: 'listJobTypes',
      summary: 'List the job types',
      description:
        'All types that can be submitted, each with the JSON Schemas of its input and output and its defaults.',
      tags: ['job types'],
      querystring: z.strictObject({}),
      response: {
        200: jsonResponse('All job types', named('JobTypeList', z.object({ items: z.array(jobTypeSchema) }))),
        ...problemResponses(),
      },
    },
    handler: () => ({ items: [...registry.values()].map(jobTypeResource) }),
  })

  app.get<{ Params: { type: string } }>('/v1/job-types/:type', {
    config: { access: 'read' },
    schema: {
      operationId: 'readJobType',
      summary: 'Read a job type',
      description: 'One type with the JSON Schemas of its input and output, its defaults and examples.',
      tags: ['job types'],
      params: z.object({ type: z.string() }),
      querystring: z.strictObject({}),
      response: { 200: jsonResponse('The job type', jobTypeSchema), ...problemResponses('unknown_job_type') },
    },
    handler: ({ params }) => {
      const loaded = registry.get(params.type)
      if (loaded) return jobTypeResource(loaded)
      throw unknownJobType(params.type)
    },
  })
}
