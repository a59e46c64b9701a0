import { createHash } from 'node:crypto'
import { decodeTime, encodeTime } from 'ulid'
import { queueNamePattern } from '../../jobs/define-job.ts'
import { newUlid } from './ulid.ts'

/** The id of a job, and its queue, which the id begins with. */
export interface JobRef {
  queue: string
  id: string
  /** BullMQ's id of a job that a plain BullMQ producer added; other jobs have the same id there. */
  bullId?: string | undefined
}

/** A new id in `queue`, created at `now` (epoch ms): `io_01k…`, the name of the queue and a lower-case ULID. Ids rise within a process. */
export function newJobRef(queue: string, now: number): JobRef {
  return { queue, id: `${queue}_${newUlid(now)}` }
}

/** The ULID of a job id, which rises with time across queues. */
export function ulidOf(id: string): string {
  return id.slice(-26)
}

let lastTime = { ms: -1, text: '' }

/** The prefix of all ULIDs of a millisecond. Many in a row have the same. */
export function ulidTime(ms: number): string {
  if (lastTime.ms !== ms) lastTime = { ms, text: encodeTime(ms).toLowerCase() }
  return lastTime.text
}

/** The time of a ULID, in epoch ms. */
export function timeOfUlid(ulid: string): number {
  return decodeTime(ulid)
}

export const ulidPattern = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/

export function isUlid(text: string): boolean {
  return ulidPattern.test(text)
}

/** Reads the name of the queue from a job id; undefined when the id is not of the shape of {@link newJobRef}. */
export function parseJobId(id: string): JobRef | undefined {
  const cut = id.length - 27
  const queue = id.slice(0, cut)
  if (cut < 1 || !queueNamePattern.test(queue) || id[cut] !== '_' || !isUlid(ulidOf(id))) return undefined
  return { queue, id }
}

/** The id that BullMQ's keys and sets have for a job. */
export const bullIdOf = ({ id, bullId }: JobRef): string => bullId ?? id

/** BullMQ's own keys of a queue, which no job has as its id. */
const reservedIds = new Set(
  'wait active paused delayed prioritized held completed failed stalled stalled-check waiting-children repeat limiter meta events pc marker id de'.split(
    ' ',
  ),
)

/**
 * Reads the id of a job that a plain BullMQ producer added: `<queue>_<its id>`. An id of the shape of {@link newJobRef} is a job of ours,
 * under any name: as a plain one it would be read without its tenant and its secrets.
 */
export function parsePlainJobId(id: string): JobRef | undefined {
  const [, queue = '', bullId = ''] = /^([^_]+)_([^:\s]{1,200})$/.exec(id) ?? []
  const isOther = reservedIds.has(bullId) || parseJobId(bullId) !== undefined
  return queueNamePattern.test(queue) && !isOther ? { queue, id, bullId } : undefined
}

/** What such a job has in lists for a ULID: it sorts by the time of the job, and is its own. */
function plainUlid(bullId: string, createdAt: number): string {
  const digits = Array.from(createHash('sha256').update(bullId).digest().subarray(0, 16), (byte) => base32[byte % 32])
  return `${ulidTime(createdAt)}${digits.join('')}`
}
const base32 = '0123456789abcdefghjkmnpqrstvwxyz'

/** The entry of a job in the index of its queue. `createdAt` in epoch ms. Of a job that a plain BullMQ producer added, its id stands behind. */
export function indexEntryOf({ id, bullId }: JobRef, tenant: string, createdAt: number): string {
  if (bullId === undefined) return indexEntry(tenant, ulidOf(id))
  return `${indexEntry(tenant, plainUlid(bullId, createdAt))}:${bullId}`
}

/** The job of an entry in an index of a queue, by what the entry has behind tenant and label; and the ULID by which it sorts. */
export function refOfPlace(queue: string, place: string): { ref: JobRef; ulid: string } {
  const ulid = place.slice(0, 26)
  const bullId = place.length > 27 ? place.slice(27) : undefined
  const ref = bullId === undefined ? { queue, id: `${queue}_${ulid}` } : { queue, id: `${queue}_${bullId}`, bullId }
  return { ref, ulid }
}

/** The entry of a job in the index of its queue, which sorts by tenant, then by time. */
export function indexEntry(tenant: string, ulid: string): string {
  return `${tenant}:${ulid}`
}
