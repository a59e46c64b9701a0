import { encodeTime } from 'ulid'
import { queueNamePattern } from '../../jobs/define-job.ts'
import { newUlid } from './ulid.ts'

/** The id of a job, and its queue, which the id begins with. */
export interface JobRef {
  queue: string
  id: string
}

/** A new id in `queue`, created at `now` (epoch ms): `io_01k…`, the name of the queue and a lower-case ULID. Ids rise within a process. */
export function newJobRef(queue: string, now: number): JobRef {
  return { queue, id: `${queue}_${newUlid(now)}` }
}

/** The ULID of a job id, which rises with time across queues. */
export function ulidOf(id: string): string {
  return id.slice(-26)
}

/** The prefix of all ULIDs of a millisecond. */
export function ulidTime(ms: number): string {
  return encodeTime(ms).toLowerCase()
}

export function isUlid(text: string): boolean {
  return /^[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(text)
}

/** Reads the name of the queue from a job id; undefined when the id is not of the shape of {@link newJobRef}. */
export function parseJobId(id: string): JobRef | undefined {
  const cut = id.length - 27
  const queue = id.slice(0, cut)
  if (cut < 1 || !queueNamePattern.test(queue) || id[cut] !== '_' || !isUlid(ulidOf(id))) return undefined
  return { queue, id }
}

/** The entry of a job in the index of its queue, which sorts by tenant, then by time. */
export function indexEntry(tenant: string, ulid: string): string {
  return `${tenant}:${ulid}`
}
