import { createHash } from 'node:crypto'
import type { StoredSchedule } from '../../queue/schedules/schedule-record.ts'
import { entityTags } from '../http/etag.ts'
import { Problem } from '../http/problem.ts'

/** The entity tag of a schedule as `body`: which PUT it is of, and what has changed since, such as its last run. */
export function scheduleEtag({ revision }: StoredSchedule, body: string): string {
  return `"${revision}.${createHash('sha1').update(body).digest('base64url')}"`
}

/**
 * Refuses a write unless its `If-Match` (https://www.rfc-editor.org/rfc/rfc9110#name-if-match) names the schedule that is stored. A run
 * does not count as a change: a client that has read the schedule before it may still replace it.
 *
 * @throws Problem `precondition_failed`
 */
export function checkIfMatch(header: string | undefined, stored: StoredSchedule | undefined): void {
  if (header === undefined) return
  const isNamed = entityTags(header).some((tag) => tag.isAny || (!tag.isWeak && isOf(tag.text, stored)))
  if (!stored || !isNamed) throw failed('If-Match names another state of it')
}

/** … and its `If-None-Match` (https://www.rfc-editor.org/rfc/rfc9110#name-if-none-match) does not. @throws Problem `precondition_failed` */
export function checkIfNoneMatch(header: string | undefined, stored: StoredSchedule | undefined): void {
  if (header === undefined || !stored) return
  const isNamed = entityTags(header).some((tag) => tag.isAny || isOf(tag.text, stored))
  if (isNamed) throw failed('If-None-Match names what is stored')
}

function isOf(tag: string, stored: StoredSchedule | undefined): boolean {
  return tag.split('.', 1)[0] === stored?.revision
}

function failed(why: string): Problem {
  return new Problem('precondition_failed', `The schedule was not changed: ${why}.`)
}
