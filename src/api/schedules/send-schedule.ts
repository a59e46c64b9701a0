import type { FastifyReply } from 'fastify'
import type { StoredSchedule } from '../../queue/schedules/schedule-record.ts'
import { asJsonText } from '../http/answer-when-done.ts'
import { varyAsWith } from '../http/compress-answers.ts'
import { knownTag } from '../http/etag.ts'
import { scheduleEtag } from './schedule-etag.ts'
import { scheduleResource } from './schedule-resource.ts'

/** The documented `ETag` of a schedule. */
export const etagHeader = 'Identifies this state of the schedule, for `If-Match` and `If-None-Match`'

/**
 * Answers with a schedule and its `ETag`; with 304 when `ifNoneMatch` names it. Without an `ETag` when `writtenAs`, the revision that the
 * request stored, has been replaced since: with the tag of another client's revision this one would overwrite it unseen.
 */
export function sendSchedule(
  reply: FastifyReply,
  schedule: StoredSchedule,
  { ifNoneMatch, writtenAs = schedule.revision }: { ifNoneMatch?: string | undefined; writtenAs?: string },
): FastifyReply {
  const body = JSON.stringify(scheduleResource(schedule))
  const etag = scheduleEtag(schedule, body)
  const known = knownTag(ifNoneMatch, etag)
  if (known !== undefined) return varyAsWith(reply, body).header('etag', known).code(304).send()
  if (writtenAs === schedule.revision) reply.header('etag', etag)
  return reply.type('application/json; charset=utf-8').serializer(asJsonText).send(body)
}
