import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { readableTenant, tenantParameter } from '../access/readable-tenant.ts'
import type { RouteDeps } from '../deps.ts'
import { linkNextPage } from '../http/next-page.ts'
import { answerPayload, payloadOf } from '../http/payload.ts'
import { limitParameter, pageHeaders, pageOf } from '../openapi/fields.ts'
import { payloadRequestHeaders, payloadResponses } from '../openapi/payload.ts'
import { emptyResponse, jsonResponse, problemResponses } from '../openapi/responses.ts'
import { scheduleNotFound, scheduleParams } from './find-schedule.ts'
import { type ScheduleResource, scheduleInput, scheduleResource, scheduleSchema } from './schedule-resource.ts'
import { etagHeader, sendSchedule } from './send-schedule.ts'

const query = z.strictObject({
  tenant: tenantParameter,
  limit: limitParameter,
  cursor: scheduleParams.shape.id.optional().describe('`next_cursor` of the page before'),
})
const oneQuery = z.strictObject({ tenant: tenantParameter })
const page = pageOf('Schedule', scheduleSchema)

/** `GET /v1/schedules`, in order of their ids, and `GET /v1/schedules/{id}`. */
export function readSchedules(app: FastifyInstance, { schedules }: RouteDeps): void {
  app.get<{ Querystring: z.output<typeof query> }>('/v1/schedules', {
    config: { access: 'read' },
    schema: {
      operationId: 'listSchedules',
      summary: 'List the schedules, in order of their ids',
      description: 'Schedules of the tenant. `cursor` is the id behind which a page begins.',
      tags: ['schedules'],
      querystring: query,
      response: {
        200: jsonResponse('One page', page, { headers: pageHeaders }),
        ...problemResponses('queue_unavailable'),
      },
    },
    handler: async (request, reply): Promise<z.output<typeof page>> => {
      const { limit, cursor, tenant } = request.query
      const items: ScheduleResource[] = []
      let isMore = false
      // Not all definitions are in memory at once.
      for await (const schedule of schedules.list(readableTenant(request, tenant), cursor, limit + 1)) {
        if (items.length < limit) items.push(scheduleResource(schedule))
        else isMore = true
      }
      const next_cursor = isMore ? (items.at(-1)?.id ?? null) : null
      linkNextPage(request, reply, next_cursor)
      return { items, next_cursor }
    },
  })
  app.get<{ Params: z.output<typeof scheduleParams>; Querystring: z.output<typeof oneQuery> }>('/v1/schedules/:id', {
    config: { access: 'read' },
    schema: {
      operationId: 'readSchedule',
      summary: 'Read a schedule',
      description: 'The schedule with its next and its last run.',
      tags: ['schedules'],
      params: scheduleParams,
      querystring: oneQuery,
      headers: z.object({
        'if-none-match': z.string().optional().describe('The `ETag` of the schedule that the client has'),
      }),
      response: {
        200: jsonResponse('The schedule', scheduleSchema, { headers: { etag: etagHeader } }),
        304: emptyResponse('The schedule is as the client has it', { etag: etagHeader }),
        ...problemResponses('schedule_not_found', 'queue_unavailable'),
      },
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const schedule = await schedules.read({ tenant: readableTenant(request, request.query.tenant), id })
      if (!schedule) throw scheduleNotFound(id)
      return sendSchedule(reply, schedule, { ifNoneMatch: request.headers['if-none-match'] })
    },
  })
  app.get<{ Params: z.output<typeof scheduleParams>; Querystring: z.output<typeof oneQuery> }>(
    '/v1/schedules/:id/input',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'readScheduleInput',
        summary: "Read the input of a schedule's job",
        description:
          'The `input` of `job` alone, as JSON of any size, in parts where the client asks for a range. Secrets are masked.',
        tags: ['schedules'],
        params: scheduleParams,
        querystring: oneQuery,
        headers: payloadRequestHeaders('input'),
        response: {
          ...payloadResponses('input', { limit: 100 }),
          ...problemResponses('schedule_not_found', 'range_not_satisfiable', 'queue_unavailable'),
        },
      },
      handler: async (request, reply) => {
        const { id } = request.params
        const schedule = await schedules.read({ tenant: readableTenant(request, request.query.tenant), id })
        if (!schedule) throw scheduleNotFound(id)
        return answerPayload(request, reply, payloadOf(scheduleInput(schedule)), 'input')
      },
    },
  )
}
