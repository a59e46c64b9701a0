import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { readTraceparent } from '../../jobs/trace-context.ts'
import { type ScheduleDefinition, type StoredSchedule, sameTicks } from '../../queue/schedules/schedule-record.ts'
import { maxSchedules } from '../../queue/schedules/schedule-store.ts'
import { nextTick } from '../../queue/schedules/ticks.ts'
import type { RouteDeps } from '../deps.ts'
import { Problem } from '../http/problem.ts'
import { jsonResponse, problemResponses } from '../openapi/responses.ts'
import { readHops } from '../submission/hops.ts'
import { scheduleParams, schedulePath } from './find-schedule.ts'
import { parseSchedule, scheduleBody } from './schedule-body.ts'
import { checkIfMatch, checkIfNoneMatch } from './schedule-etag.ts'
import { scheduleSchema } from './schedule-resource.ts'
import { etagHeader, sendSchedule } from './send-schedule.ts'

/** How often a write is tried while other requests change the same schedule. */
export const maxTries = 5

/** `PUT /v1/schedules/{id}`: create or replace a schedule. Repeating a PUT changes no tick. */
export function putSchedule(app: FastifyInstance, { schedules, registry, config, retention }: RouteDeps): void {
  type Body = z.output<typeof scheduleBody>
  const headers = {
    location: 'Where the schedule can be read',
    etag: `${etagHeader}; absent where another request has replaced it already`,
  }
  app.put<{ Params: z.output<typeof scheduleParams>; Body: Body }>('/v1/schedules/:id', {
    config: { access: 'submit' },
    schema: {
      operationId: 'putSchedule',
      summary: 'Create or replace a schedule',
      description:
        'Stores a recurring job under an id that the client chooses. Repeating a request changes no tick. `If-Match` and `If-None-Match` protect what others have stored.',
      tags: ['schedules'],
      params: scheduleParams,
      querystring: z.strictObject({}),
      headers: z.object({
        'if-match': z
          .string()
          .optional()
          .describe('The `ETag` of the schedule to replace: one that was replaced or deleted since is left as it is'),
        'if-none-match': z.string().optional().describe('`*`: create the schedule, and replace none'),
        traceparent: z.string().optional().describe('W3C Trace Context; stored with each job of the schedule'),
      }),
      body: scheduleBody,
      response: {
        200: jsonResponse('The schedule was replaced', scheduleSchema, { headers }),
        201: jsonResponse('The schedule was created', scheduleSchema, { headers }),
        ...problemResponses(
          'too_many_hops',
          'precondition_failed',
          'unknown_job_type',
          'schedule_contended',
          'too_many_schedules',
          'payload_too_large',
          'too_many_members',
          'unsupported_media_type',
          'queue_unavailable',
        ),
      },
    },
    handler: async (request, reply) => {
      const ref = { tenant: request.caller.tenant, id: request.params.id }
      for (let tries = 0; tries < maxTries; tries++) {
        const [now, before] = await Promise.all([schedules.now(), schedules.read(ref)])
        const definition = keepAnchor(
          before,
          parseSchedule(request.body, {
            registry,
            now,
            createdAt: before?.definition.createdAt ?? now,
            caller: request.caller,
            hops: readHops(request.headers),
            traceparent: readTraceparent(request.headers['traceparent']),
            indexed: config.INDEXED_METADATA,
            retention,
            canSign: config.WEBHOOK_SECRETS.length > 0,
          }),
        )
        checkIfMatch(request.headers['if-match'], before)
        checkIfNoneMatch(request.headers['if-none-match'], before)
        const outcome = await schedules.put(ref, before, definition, ticksOf(before, definition, now))
        if (outcome === 'full') {
          throw new Problem(
            'too_many_schedules',
            `Your tenant has ${maxSchedules} schedules, the maximum: delete some first.`,
          )
        }
        if (outcome === 'changed') continue
        const stored = await schedules.read(ref)
        // Stored, and deleted since: another round could create it again.
        if (!stored) break
        reply.code(before ? 200 : 201).header('location', schedulePath(ref.id))
        return sendSchedule(reply, stored, { writtenAs: outcome.revision })
      }
      throw new Problem('schedule_contended', 'Other requests are changing this schedule: try again.', {
        retryAfterS: 1,
      })
    },
  })
}

/** A PUT with the same rule does not restart the interval. */
function keepAnchor(before: StoredSchedule | undefined, definition: ScheduleDefinition): ScheduleDefinition {
  const timing = before?.definition.timing
  return timing && sameTicks(timing, definition.timing) ? { ...definition, timing } : definition
}

/** With the same rule a tick that is due stays due. Ticks that fell into a pause are not made up for. */
export function ticksOf(
  before: StoredSchedule | undefined,
  { timing, paused }: ScheduleDefinition,
  now: number,
): 'goOn' | { first: number | undefined } {
  if (before?.definition.timing === timing && before.definition.paused === paused) return 'goOn'
  return { first: paused ? undefined : nextTick(timing, now) }
}
