import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../deps.ts'
import { Problem } from '../http/problem.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { scheduleNotFound, scheduleParams } from './find-schedule.ts'
import { maxTries, ticksOf } from './put-schedule.ts'
import { checkIfMatch } from './schedule-etag.ts'
import { scheduleSchema } from './schedule-resource.ts'
import { etagHeader, sendSchedule } from './send-schedule.ts'

const body = z
  .strictObject({
    paused: z.boolean().describe('True: no runs. Runs that fall into the pause are not made up for'),
  })
  .meta({ component: 'ScheduleChange', examples: [{ paused: true }] })

const headers = z.object({
  'if-match': z
    .string()
    .optional()
    .describe('The `ETag` of the schedule to change: one that was replaced or deleted since is left as it is'),
})

/** `PATCH /v1/schedules/{id}`: pause or resume a schedule. The rest of it, which a client may be unable to read, stays. */
export function pauseSchedule(app: FastifyInstance, { schedules }: RouteDeps): void {
  app.patch<{ Params: z.output<typeof scheduleParams>; Body: z.output<typeof body> }>('/v1/schedules/:id', {
    config: { access: 'submit' },
    schema: {
      operationId: 'changeSchedule',
      summary: 'Pause or resume a schedule',
      description: 'Changes `paused` alone. Repeating a request changes nothing.',
      tags: ['schedules'],
      params: scheduleParams,
      querystring: z.strictObject({}),
      headers,
      body,
      response: {
        200: jsonResponse('The schedule as it is now', scheduleSchema, {
          headers: { etag: `${etagHeader}; absent where another request has replaced it already` },
        }),
        ...problemResponses(
          'schedule_not_found',
          'precondition_failed',
          'schedule_contended',
          'payload_too_large',
          'too_many_members',
          'unsupported_media_type',
          'queue_unavailable',
        ),
      },
    },
    handler: async (request, reply) => {
      const ref = { tenant: request.caller.tenant, id: request.params.id }
      const { paused } = request.body
      for (let tries = 0; tries < maxTries; tries++) {
        const [now, before] = await Promise.all([schedules.now(), schedules.read(ref)])
        if (!before) throw scheduleNotFound(ref.id)
        checkIfMatch(request.headers['if-match'], before)
        if (before.definition.paused === paused) return sendSchedule(reply, before, {})
        const definition = { ...before.definition, paused, updatedAt: now }
        const outcome = await schedules.put(ref, before, definition, ticksOf(before, definition, now))
        if (typeof outcome === 'string') continue
        const stored = await schedules.read(ref)
        if (!stored) throw scheduleNotFound(ref.id)
        return sendSchedule(reply, stored, { writtenAs: outcome.revision })
      }
      throw new Problem('schedule_contended', 'Other requests are changing this schedule: try again.', {
        retryAfterS: 1,
      })
    },
  })
}
