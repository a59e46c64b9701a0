import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { RouteDeps } from '../deps.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { scheduleNotFound, scheduleParams } from './find-schedule.ts'
import { scheduleResource, scheduleSchema } from './schedule-resource.ts'

const query = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50).describe('1 to 200'),
  cursor: scheduleParams.shape.id.optional().describe('`next_cursor` of the page before'),
})
const page = z.object({ items: z.array(scheduleSchema), next_cursor: z.string().nullable() })

/** `GET /v1/schedules`, by id, and `GET /v1/schedules/{id}`. */
export function readSchedules(app: FastifyInstance, { schedules }: RouteDeps): void {
  app.get<{ Querystring: z.output<typeof query> }>('/v1/schedules', {
    config: { access: 'read' },
    schema: {
      operationId: 'listSchedules',
      summary: 'List the schedules, by id',
      tags: ['schedules'],
      querystring: query,
      response: { 200: jsonResponse('A page', page), ...problemResponses('queue_unavailable') },
    },
    handler: async (request, reply): Promise<z.output<typeof page>> => {
      const { limit, cursor } = request.query
      const found = await schedules.list(request.caller.tenant, cursor, limit + 1)
      const items = found.slice(0, limit).map(scheduleResource)
      const next_cursor = found.length > limit ? (items.at(-1)?.id ?? null) : null
      if (next_cursor !== null) reply.header('link', `</v1/schedules?limit=${limit}&cursor=${next_cursor}>; rel="next"`)
      return { items, next_cursor }
    },
  })
  app.get<{ Params: z.output<typeof scheduleParams> }>('/v1/schedules/:id', {
    config: { access: 'read' },
    schema: {
      operationId: 'readSchedule',
      summary: 'Read a schedule',
      tags: ['schedules'],
      params: scheduleParams,
      querystring: z.strictObject({}),
      response: {
        200: jsonResponse('The schedule', scheduleSchema),
        ...problemResponses('schedule_not_found', 'queue_unavailable'),
      },
    },
    handler: async (request) => {
      const { id } = request.params
      const schedule = await schedules.read({ tenant: request.caller.tenant, id })
      if (!schedule) throw scheduleNotFound(id)
      return scheduleResource(schedule)
    },
  })
}
