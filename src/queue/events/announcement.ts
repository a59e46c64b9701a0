import type { JobRef } from '../model/job-id.ts'
import type { PlainSecrets } from '../model/job-record.ts'
import { decodeJob, hashOf, type StoredJob } from '../model/stored-job.ts'
import { announcedChange, announcedEnd } from '../redis/keys.ts'

/** A stored event: `id` rises within a job, `data` is JSON text. */
export interface WiredEvent {
  id: number
  kind: string
  data: string
}

/**
 * What is published on the channel of a job or flow: new events, or that its state has changed and should be read again. Only some
 * changes may be its end; an end may come with the job as Redis had it then.
 */
export type Announcement =
  | { changed: true; mayBeDone: boolean; job?: StoredJob | undefined }
  | { changed: false; events: WiredEvent[] }

/** Reads a message. @param ref undefined: of a flow */
export function decodeAnnouncement(
  message: string,
  ref: JobRef | undefined,
  plainSecrets?: PlainSecrets,
): Announcement {
  if (message === announcedChange || message === announcedEnd)
    return { changed: true, mayBeDone: message === announcedEnd }
  if (message.startsWith(announcedEnd))
    return { changed: true, mayBeDone: true, job: ref && decodeEnded(ref, message, plainSecrets) }
  const [first = '', ...events] = message.split('\n')
  return { changed: false, events: events.map((text, index) => decodeEvent(Number(first) + index, text)) }
}

/** Reads an end as complete-and-fetch.lua writes it: fields and values of the hash, and the id of the last event. Undefined: it came without the job. */
export function decodeEnded(ref: JobRef, message: string, plainSecrets?: PlainSecrets): StoredJob | undefined {
  if (message.length <= announcedEnd.length) return undefined
  const fields: string[] = JSON.parse(message.slice(announcedEnd.length + 1))
  const lastEventId = Number(fields.pop())
  return decodeJob(ref, hashOf(fields), { place: 'finished', lastEventId, dueAt: undefined, plainSecrets })
}

/** A value of a job as the event that a client gets. `index` counts from 0. */
export function valueEvent(id: number, json: string, index: number, list: number): WiredEvent {
  return { id, kind: 'output', data: `{"value":${json},"index":${index},"list":${list}}` }
}

/** Reads `<kind> <JSON>`. */
export function decodeEvent(id: number, text: string): WiredEvent {
  const space = text.indexOf(' ')
  return { id, kind: text.slice(0, space), data: text.slice(space + 1) }
}
