import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../deps.ts'
import { emptyResponse, problemResponses } from '../openapi/responses.ts'
import { scheduleNotFound, scheduleParams } from './find-schedule.ts'

/** `DELETE /v1/schedules/{id}`: end the runs of a schedule. Its jobs stay. */
export function deleteSchedule(app: FastifyInstance, { schedules }: RouteDeps): void {
  app.delete<{ Params: z.output<typeof scheduleParams> }>('/v1/schedules/:id', {
    config: { access: 'cancel' },
    schema: {
      operationId: 'deleteSchedule',
      summary: 'Delete a schedule',
      tags: ['schedules'],
      params: scheduleParams,
      querystring: z.strictObject({}),
      response: {
        204: emptyResponse('The schedule is deleted. Its jobs stay'),
        ...problemResponses('schedule_not_found', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      if (!(await schedules.remove({ tenant: request.caller.tenant, id }))) throw scheduleNotFound(id)
      return reply.code(204).send()
    },
  })
}
