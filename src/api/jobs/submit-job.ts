import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import type { RouteDeps } from '../deps.ts'
import { applyPreference, preferredReturn, preferredWaitS } from '../http/prefer-header.ts'
import { documentedOnly } from '../http/validation.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { minimalHeader } from '../openapi/waiting.ts'
import { parseJob, submissionSchema } from '../submission/parse-job.ts'
import { submissionContext } from '../submission/submission-context.ts'
import {
  byBodyAndPrefer,
  submissionHeaders,
  submissionProblems,
  submit,
  submittedHeaders,
} from '../submission/submit.ts'
import { jobResource, jobSchema, smallJob } from './job-resource.ts'
import { jobSubmissions, withHeldBy } from './job-submissions.ts'
import { NewJobTexts } from './new-job-text.ts'
import { sendOutput } from './read-job-output.ts'

const responseHeaders = submittedHeaders('job')

const hasOutput = (job: StoredJob): boolean => job.state === 'succeeded' && !('isHidden' in job)

/**
 * Whether the answer is to be short. A job that was waited for and has not succeeded says why, at length; so does one that a submission joined and
 * that is not done, since its answer is 200, too, and a short one would be taken for an output.
 */
function isMinimal(prefer: string | string[] | undefined, { statusCode }: FastifyReply, job: StoredJob): boolean {
  if (prefer === undefined || preferredReturn(prefer) !== 'minimal') return false
  return preferredWaitS(prefer) === undefined || hasOutput(job) || statusCode !== 200
}

/** Answers with the output of a job that was waited for, else with what it takes to find it. */
function answerMinimally(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  job: StoredJob,
  deps: RouteDeps,
): string | Promise<FastifyReply> {
  applyPreference(reply, 'return=minimal')
  if (hasOutput(job) && preferredWaitS(headers['prefer']) !== undefined) return sendOutput(reply, job, deps)
  reply.type('application/json; charset=utf-8')
  return smallJob(job)
}

/** `POST /v1/jobs`: store a job, and wait for it when asked to. */
export function submitJob(app: FastifyInstance, deps: RouteDeps): void {
  const { registry, retention, schemas } = deps
  const jobs = jobSubmissions(deps, byBodyAndPrefer)
  const texts = new NewJobTexts(retention)
  app.post('/v1/jobs', {
    config: { access: 'submit', isSubmission: true },
    schema: {
      operationId: 'submitJob',
      summary: 'Submit a job',
      description:
        'Stores a job and answers at once, or with its end where `Prefer: wait` asks for it. Send an `Idempotency-Key`: a repeated request stores no second job. With `Prefer: return=minimal` the answer has `id`, `state` and `links` (`self`, `events`) alone, and after a wait for a job that succeeded its output alone; `Preference-Applied` says so. The schemas of the answers do not have these forms: ask for them in a client that knows them.',
      tags: ['jobs'],
      headers: submissionHeaders('job', true),
      body: documentedOnly(submissionSchema(registry, schemas, retention)),
      querystring: z.strictObject({}),
      response: {
        200: jsonResponse(
          'With `Prefer: wait`: the finished job. With `Deduplicated`: the job that stands for the submission',
          jobSchema,
          { headers: { ...responseHeaders.done, ...minimalHeader } },
        ),
        202: jsonResponse('The job was accepted', jobSchema, {
          headers: { ...responseHeaders.accepted, ...minimalHeader },
        }),
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
      const accepted = await submit(request, reply, deps, jobs, job)
      if (isMinimal(request.headers['prefer'], reply, accepted)) return answerMinimally(request, reply, accepted, deps)
      const holding = withHeldBy(deps.queue, accepted)
      const shown = holding instanceof Promise ? await holding : holding
      const text = texts.textOf(shown, request.caller)
      if (text === undefined) return jobResource(shown, retention, request.caller)
      reply.type('application/json; charset=utf-8')
      return text
    },
  })
}
