import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { newJobRef } from '../../queue/model/job-id.ts'
import type { NewJob } from '../../queue/model/new-job.ts'
import { redisNow } from '../../queue/model/redis-time.ts'
import type { StoredSchedule } from '../../queue/schedules/schedule-record.ts'
import { checkMaySubmit } from '../access/may-submit.ts'
import type { RouteDeps } from '../deps.ts'
import { preferredWaitS } from '../http/prefer-header.ts'
import { jobResource, jobSchema } from '../jobs/job-resource.ts'
import { jobSubmissions, withHeldBy } from '../jobs/job-submissions.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { submissionHeaders, submit, submittedHeaders } from '../submission/submit.ts'
import { scheduleNotFound, scheduleParams } from './find-schedule.ts'

type Params = z.output<typeof scheduleParams>

const responseHeaders = submittedHeaders('job')

/** `POST /v1/schedules/{id}/run`: submit the job of a schedule now, beside its ticks. */
export function runSchedule(app: FastifyInstance, deps: RouteDeps): void {
  const jobs = jobSubmissions(deps, {
    waitS: ({ headers }) => preferredWaitS(headers['prefer']),
    claimed: ({ params }) => ({ schedule: params }),
  })
  app.post<{ Params: Params }>('/v1/schedules/:id/run', {
    config: { access: 'submit' },
    schema: {
      operationId: 'runSchedule',
      summary: 'Run the job of a schedule now',
      description:
        'Submits the job of the schedule, also of a paused one. Its ticks, `last_job_id` and `overlap` stay as they are.',
      tags: ['schedules'],
      params: scheduleParams,
      querystring: z.strictObject({}),
      headers: submissionHeaders('job'),
      response: {
        200: jsonResponse('With `Prefer: wait`: the finished job', jobSchema, { headers: responseHeaders.done }),
        202: jsonResponse('The job was accepted', jobSchema, { headers: responseHeaders.accepted }),
        ...problemResponses(
          'schedule_not_found',
          'idempotency_key_reused',
          'job_not_found',
          'job_evicted',
          'queue_full',
          'redis_full',
          'queue_unavailable',
        ),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const schedule = await deps.schedules.read({ tenant: request.caller.tenant, id })
      if (!schedule) throw scheduleNotFound(id)
      checkMaySubmit(request.caller, schedule.definition.job)
      const accepted = await submit(request, reply, deps, jobs, jobOf(schedule, request))
      return reply.send(jobResource(await withHeldBy(deps.queue, accepted), deps.retention, request.caller))
    },
  })
}

/** The job that a tick would store. */
function jobOf({ definition }: StoredSchedule, { caller, id }: FastifyRequest): NewJob {
  const { type, queue, attempts, record } = definition.job
  const now = redisNow()
  const hasLimits = record.startWithinMs !== undefined || record.deadlineMs !== undefined
  const isLimited = caller.limits.max_queued !== undefined
  const stored = {
    ...record,
    requestId: id,
    ...(isLimited && { limited: true as const }),
    ...(hasLimits && { countsFrom: now }),
  }
  return { ref: newJobRef(queue, now), type, attempts, createdAt: now, record: stored }
}
