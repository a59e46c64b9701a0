import type { FastifyReply } from 'fastify'
import type { StoredSchedule } from '../../queue/schedules/schedule-record.ts'
import { asJsonText } from '../http/answer-when-done.ts'
import { knownTag } from '../http/etag.ts'
import { scheduleEtag } from './schedule-etag.ts'
import { scheduleResource } from './schedule-resource.ts'

/** The documented `ETag` of a schedule. */
export const etagHeader = 'Identifies this state of the schedule, for `If-Match` and `If-None-Match`'

/** Answers with a schedule and its `ETag`; with 304 when `ifNoneMatch` names it. */
export function sendSchedule(reply: FastifyReply, schedule: StoredSchedule, ifNoneMatch?: string): FastifyReply {
  const body = JSON.stringify(scheduleResource(schedule))
  const etag = scheduleEtag(schedule, body)
  const known = knownTag(ifNoneMatch, etag)
  if (known !== undefined) return reply.header('etag', known).code(304).send()
  return reply.header('etag', etag).type('application/json; charset=utf-8').serializer(asJsonText).send(body)
}
