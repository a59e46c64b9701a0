import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { type Job, longestTimeoutMs } from '../../jobs/define-job.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import type { RouteDeps } from '../deps.ts'
import { maxWaitS, preferredWaitS } from '../http/prefer-header.ts'
import { Problem, type ProblemCode } from '../http/problem.ts'
import { documentedOnly } from '../http/validation.ts'
import { integerParameter, named } from '../openapi/fields.ts'
import { pascalCase } from '../openapi/pascal-case.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { durationMs, maxDelayMs, unknownJobType } from '../submission/job-options.ts'
import { parseJob } from '../submission/parse-job.ts'
import { submissionContext } from '../submission/submission-context.ts'
import { submissionHeaders, submissionProblems, submit, submittedHeaders } from '../submission/submit.ts'
import { jobPath } from './find-job.ts'
import { jobResource, jobSchema } from './job-resource.ts'
import { jobSubmissions, withHeldBy } from './job-submissions.ts'
import { sendOutput } from './read-job-output.ts'

/** How long a run is waited for where the client does not say. */
const defaultWaitS = 25

const options = z.strictObject({
  priority: integerParameter(z.int().min(0).max(9))
    .optional()
    .describe('Jobs of a higher priority start first. Default: 0'),
  attempts: integerParameter(z.int().min(1).max(1000)).optional().describe('The most attempts, the first one included'),
  timeout_ms: integerParameter(z.int().min(1).max(longestTimeoutMs))
    .optional()
    .describe('The time limit of one attempt'),
  deadline_ms: integerParameter(durationMs).optional().describe('The time limit of the whole job'),
  delay_ms: integerParameter(z.int().min(0).max(maxDelayMs))
    .optional()
    .describe('Do not start before this much time has passed'),
  tag: z.string().min(1).max(100).optional().describe('A tag of the job'),
  wait: integerParameter(z.int().min(0))
    .optional()
    .describe(
      `How many seconds to wait for the end, ${maxWaitS} at most. Default: \`Prefer: wait\`, else ${defaultWaitS}`,
    ),
})
type Options = z.output<typeof options>

const responseHeaders = submittedHeaders('job')

/** `POST /v1/job-types/{type}/run`: a job as a function. The body is its input, the answer its output. One operation for each type. */
export function runJob(app: FastifyInstance, deps: RouteDeps): void {
  for (const { job } of deps.registry.values()) runType(app, deps, job)
  app.post<{ Params: { type: string } }>('/v1/job-types/:type/run', {
    config: { access: 'submit', isSubmission: true },
    schema: { hide: true },
    handler: ({ params }) => {
      throw unknownJobType(params.type)
    },
  })
}

function runType(app: FastifyInstance, deps: RouteDeps, { type, title, description, input, output }: Job): void {
  const { retention, queue } = deps
  const name = pascalCase(type)
  const jobs = jobSubmissions(deps, {
    waitS: (request) => waitOf(request),
    claimed: (request) => submissionOf(type, request),
  })
  app.post<{ Querystring: Options }>(`/v1/job-types/${type}/run`, {
    config: { access: 'submit', isSubmission: true },
    schema: {
      operationId: `run${name}`,
      summary: title,
      description: `${description}\n\nWaits for the end of the job and answers with its output.`,
      tags: ['run'],
      headers: submissionHeaders('job'),
      querystring: options,
      body: documentedOnly(named(`${name}Input`, input)),
      response: {
        200: jsonResponse('The output of the job', named(`${name}Output`, output), { headers: responseHeaders.done }),
        202: jsonResponse('The job was not done when the wait ended', jobSchema, { headers: responseHeaders.accepted }),
        ...problemResponses(
          ...submissionProblems,
          'concurrency_full',
          ...([
            'job_not_found',
            'job_evicted',
            'unique_conflict',
            'job_failed',
            'job_timed_out',
            'job_expired',
            'job_canceled',
          ] satisfies ProblemCode[]),
        ),
      },
    },
    handler: async (request, reply) => {
      const context = submissionContext(request, deps)
      const job = await submit(request, reply, deps, jobs, parseJob(submissionOf(type, request), context, '', ''))
      if (!job.done || 'isHidden' in job)
        return reply.code(202).send(jobResource(await withHeldBy(queue, job), retention, request.caller))
      if (job.state !== 'succeeded') throw unsuccessful(job)
      return sendOutput(reply, job, deps)
    },
  })
}

/** The submission that a run stands for. Under one idempotency key, it and the same body of `POST /v1/jobs` are one job. */
function submissionOf(type: string, { body, query }: Pick<FastifyRequest, 'body' | 'query'>): Record<string, unknown> {
  const { tag, wait: _, ...fields } = query as Options
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  return { type, input: body, ...Object.fromEntries(given), ...(tag !== undefined && { tags: [tag] }) }
}

function waitOf({ query, headers }: FastifyRequest): number {
  const { wait } = query as Options
  return Math.min(wait ?? preferredWaitS(headers['prefer']) ?? defaultWaitS, maxWaitS)
}

/** Never a 5xx, after which clients and proxies would run the work again. The code of a handler stands in `error` alone. */
function unsuccessful({ id, state, failure }: StoredJob): Problem {
  const error = { code: failure?.code ?? state, message: failure?.message ?? '' }
  const headers = { location: jobPath(id) }
  return new Problem(problemOf(state, error.code), `The job ended as ${state}.`, {
    headers,
    job: { job_id: id, error },
  })
}

function problemOf(state: StoredJob['state'], code: string): ProblemCode {
  if (state === 'canceled') return 'job_canceled'
  if (state === 'expired') return 'job_expired'
  return code === 'timeout' || code === 'deadline_exceeded' ? 'job_timed_out' : 'job_failed'
}
