import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../deps.ts'
import { emptyResponse, problemResponses } from '../openapi/responses.ts'
import { scheduleNotFound, scheduleParams } from './find-schedule.ts'
import { checkIfMatch } from './schedule-etag.ts'

const headers = z.object({
  'if-match': z
    .string()
    .optional()
    .describe('The `ETag` of the schedule to delete: one that was replaced since is kept'),
})

/** `DELETE /v1/schedules/{id}`: end the runs of a schedule. Its jobs stay. */
export function deleteSchedule(app: FastifyInstance, { schedules }: RouteDeps): void {
  app.delete<{ Params: z.output<typeof scheduleParams> }>('/v1/schedules/:id', {
    config: { access: 'cancel' },
    schema: {
      operationId: 'deleteSchedule',
      summary: 'Delete a schedule',
      description: 'Ends the runs of the schedule. Jobs that it has submitted stay.',
      tags: ['schedules'],
      params: scheduleParams,
      querystring: z.strictObject({}),
      headers,
      response: {
        204: emptyResponse('The schedule is deleted. Its jobs stay'),
        ...problemResponses('schedule_not_found', 'precondition_failed', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const ref = { tenant: request.caller.tenant, id: request.params.id }
      const ifMatch = request.headers['if-match']
      if (ifMatch === undefined) {
        if ((await schedules.remove(ref)) === 'absent') throw scheduleNotFound(ref.id)
        return reply.code(204).send()
      }
      // Each change by others costs another round, and makes the next comparison fail unless the header is `*`.
      for (;;) {
        const stored = await schedules.read(ref)
        if (!stored) throw scheduleNotFound(ref.id)
        checkIfMatch(ifMatch, stored)
        if ((await schedules.remove(ref, stored.revision)) === 'removed') return reply.code(204).send()
      }
    },
  })
}
