import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../deps.ts'
import { documentedOnly } from '../http/validation.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { parseJob, submissionSchema } from '../submission/parse-job.ts'
import { submissionContext } from '../submission/submission-context.ts'
import {
  byBodyAndPrefer,
  submissionHeaders,
  submissionProblems,
  submit,
  submittedHeaders,
} from '../submission/submit.ts'
import { jobResource, jobSchema } from './job-resource.ts'
import { jobSubmissions, withHeldBy } from './job-submissions.ts'

const responseHeaders = submittedHeaders('job')

/** `POST /v1/jobs`: store a job, and wait for it when asked to. */
export function submitJob(app: FastifyInstance, deps: RouteDeps): void {
  const { registry, retention, schemas } = deps
  const jobs = jobSubmissions(deps, byBodyAndPrefer)
  app.post('/v1/jobs', {
    config: { access: 'submit', isSubmission: true },
    schema: {
      operationId: 'submitJob',
      summary: 'Submit a job',
      description:
        'Stores a job and answers at once, or with its end where `Prefer: wait` asks for it. Send an `Idempotency-Key`: a repeated request stores no second job.',
      tags: ['jobs'],
      headers: submissionHeaders('job'),
      body: documentedOnly(submissionSchema(registry, schemas, retention)),
      querystring: z.strictObject({}),
      response: {
        200: jsonResponse(
          'With `Prefer: wait`: the finished job. With `Deduplicated`: the job that stands for the submission',
          jobSchema,
          { headers: responseHeaders.done },
        ),
        202: jsonResponse('The job was accepted', jobSchema, { headers: responseHeaders.accepted }),
        ...problemResponses(
          ...submissionProblems,
          'job_not_found',
          'job_evicted',
          'unique_conflict',
          'concurrency_full',
        ),
      },
    },
    handler: async (request, reply) => {
      const job = parseJob(request.body, submissionContext(request, deps))
      const accepted = await withHeldBy(deps.queue, await submit(request, reply, deps, jobs, job))
      return reply.send(jobResource(accepted, retention, request.caller))
    },
  })
}
