import { randomFillSync } from 'node:crypto'
import { encodeTime, monotonicFactory } from 'ulid'
import { queueNamePattern } from '../../jobs/define-job.ts'

/** Where a job lives: its id and the queue that the id names. */
export interface JobRef {
  queue: string
  id: string
}

/** Random numbers from 0 to 1 out of a store: asking the system for each of the sixteen in an id takes longer than all else. */
const randomStore = new Uint32Array(1024)
let randomLeft = 0
function random(): number {
  if (randomLeft === 0) {
    randomFillSync(randomStore)
    randomLeft = randomStore.length
  }
  return (randomStore[--randomLeft] ?? 0) / 2 ** 32
}

const nextUlid = monotonicFactory(random)

/** A new id in `queue`: `io_01k…`, a lower-case ULID (https://github.com/ulid/spec) behind the queue's name. Created at `now` (epoch ms); rising within a process. */
export function newJobRef(queue: string, now: number): JobRef {
  return { queue, id: `${queue}_${nextUlid(now).toLowerCase()}` }
}

/** The part of an id that rises with time, whatever the queue. */
export function ulidOf(id: string): string {
  return id.slice(-26)
}

/** What all ULIDs of a millisecond begin with. */
export function ulidTime(ms: number): string {
  return encodeTime(ms).toLowerCase()
}

export function isUlid(text: string): boolean {
  return /^[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(text)
}

/** Reads the queue's name off an id; undefined when the id has not the shape that {@link newJobRef} gives. */
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
