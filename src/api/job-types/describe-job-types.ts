import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Job } from '../../jobs/define-job.ts'
import { describeSchemas } from '../../jobs/registry.ts'
import type { RouteDeps } from '../app.ts'
import { jsonResponse, Problem, problemResponses } from '../http/problem.ts'

/** A job type as clients see it. */
export const jobTypeSchema = z.object({
  type: z.string(),
  title: z.string(),
  description: z.string(),
  runs_on: z.enum(['event-loop', 'thread', 'process']),
  queue: z.string(),
  defaults: z.object({
    attempts: z.int(),
    backoff: z.object({ type: z.enum(['fixed', 'exponential']), delay_ms: z.int(), jitter: z.number() }),
    timeout_ms: z.int(),
  }),
  input: z.record(z.string(), z.unknown()).describe('JSON Schema of the input'),
  output: z.record(z.string(), z.unknown()).describe('JSON Schema of the output'),
  examples: z.array(z.object({ input: z.unknown(), output: z.unknown() })),
})

function jobTypeResource(job: Job): z.output<typeof jobTypeSchema> {
  const { type, delayMs, jitter } = job.backoff
  return {
    type: job.type,
    title: job.title,
    description: job.description,
    runs_on: job.runsOn,
    queue: job.queue,
    defaults: { attempts: job.attempts, backoff: { type, delay_ms: delayMs, jitter }, timeout_ms: job.timeoutMs },
    ...describeSchemas(job),
    examples: job.examples.map(({ input, output }) => ({ input, output: output ?? null })),
  }
}

/** `GET /v1/job-types` and `GET /v1/job-types/{type}`: what can be submitted. */
export function describeJobTypes(app: FastifyInstance, { registry }: RouteDeps): void {
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
