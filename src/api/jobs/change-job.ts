import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { redisNow } from '../../queue/model/redis-time.ts'
import { checkMaySubmit, priorityAbove } from '../access/may-submit.ts'
import type { RouteDeps } from '../deps.ts'
import { Mistakes } from '../http/mistakes.ts'
import { Problem } from '../http/problem.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { maxDelayMs } from '../submission/job-options.ts'
import { findJob, jobGone, jobNotFound, jobParams } from './find-job.ts'
import { jobResource, jobSchema } from './job-resource.ts'

const body = z
  .strictObject({
    run_at: z.iso
      .datetime({ offset: true })
      .optional()
      .describe('Do not start before this time. A time that is over: start as soon as a worker is free'),
    priority: z.int().min(0).max(9).optional().describe('Behind the waiting jobs of this priority'),
  })
  .refine(({ run_at, priority }) => run_at !== undefined || priority !== undefined, 'run_at or priority is required')
  .meta({ component: 'JobChange', examples: [{ priority: 9 }, { run_at: '2026-12-01T08:00:00.000Z' }] })
type Body = z.output<typeof body>

/** `PATCH /v1/jobs/{id}`: change when a waiting job starts. */
export function changeJob(app: FastifyInstance, { queue, retention }: RouteDeps): void {
  app.patch<{ Params: z.output<typeof jobParams>; Body: Body }>('/v1/jobs/:id', {
    config: { access: 'submit' },
    schema: {
      operationId: 'changeJob',
      summary: 'Change when a waiting job starts',
      description:
        'Sets the time or the priority of a job that is scheduled or queued. Its time limits count from the new time, unless it has started before.',
      tags: ['jobs'],
      params: jobParams,
      querystring: z.strictObject({}),
      body,
      response: {
        200: jsonResponse('The job as it is now', jobSchema),
        ...problemResponses(
          'job_not_found',
          'job_evicted',
          'job_not_waiting',
          'payload_too_large',
          'too_many_members',
          'unsupported_media_type',
          'queue_unavailable',
        ),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const { run_at, priority } = request.body
      const now = redisNow()
      const runAt = run_at === undefined ? undefined : Date.parse(run_at)
      const mistakes = new Mistakes()
      if ((runAt ?? now) > now + maxDelayMs) mistakes.add('/run_at', 'is more than a year ahead')
      const tooHigh = priorityAbove(request.caller, priority)
      if (tooHigh !== undefined) mistakes.add('/priority', tooHigh)
      if (mistakes.count > 0) throw mistakes.toProblem()
      const before = await findJob(queue, request, id)
      checkMaySubmit(request.caller, before)
      const changed =
        before.bullId === undefined ? await queue.changeWaiting(before, { runAt, priority }, now) : 'not_waiting'
      if (changed === 'missing') throw await jobGone(queue, before, before.record.tenant)
      const job = await queue.read(before, undefined, 'small')
      if (!job) throw jobNotFound(id)
      if (changed === 'not_waiting')
        throw new Problem(
          'job_not_waiting',
          `The job is ${job.state}: only one that is scheduled or queued can be changed.`,
        )
      return reply.send(jobResource(job, retention, request.caller))
    },
  })
}
