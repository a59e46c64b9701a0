import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { next } from '../../queue/model/job-states.ts'
import { redisNow } from '../../queue/model/redis-time.ts'
import { admitJobs, withdrawJobs } from '../access/admission.ts'
import { checkMaySubmit } from '../access/may-submit.ts'
import type { RouteDeps } from '../deps.ts'
import { Problem } from '../http/problem.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { findJob, jobGone, jobNotFound, jobParams, jobPath, uniqueConflict } from './find-job.ts'
import { jobResource, jobSchema } from './job-resource.ts'

/** `POST /v1/jobs/{id}/retry`: queue a failed, canceled or expired job again, as its next run. */
export function retryJob(app: FastifyInstance, { queue, control, outbox, retention, admission }: RouteDeps): void {
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
      const before = await findJob(queue, request, id, 'whole')
      checkMaySubmit(request.caller, before)
      const flow = before.record.flow?.id
      if (flow !== undefined) {
        throw new Problem(
          'job_not_retryable',
          `The job belongs to flow ${flow}: POST /v1/flows/${flow}/retry with { "members": ["${id}"] }.`,
        )
      }
      const mayRetry = next(before.state, 'retry') !== undefined
      const { caller } = request
      if (mayRetry) await admitJobs(admission, caller, [before], 0)
      // The webhook of this run is released before the next run begins, or nothing would ever release it.
      if (mayRetry && before.record.webhook) await outbox.release(before)
      const isLimited = caller.limits.max_queued !== undefined
      const result = mayRetry ? await control.reopen(before, redisNow(), { isLimited }) : 'not_retryable'
      if (mayRetry && result !== 'reopened') await withdrawJobs(admission, caller, [before], 0)
      if (typeof result === 'object') throw uniqueConflict(result.claimedBy)
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
