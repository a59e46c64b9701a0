import type { Redis } from 'ioredis'
import { whenAvailable } from './connection.ts'
import { type JobRef, parseJobId } from './job-id.ts'
import type { Keys } from './keys.ts'

/** A place in the list of all jobs, newest first: behind the job that was created then and has this id. */
export interface IndexPlace {
  createdAt: number
  id: string
}

/** A job in the list; whether it is still there is known when it is read. */
export interface IndexEntry extends IndexPlace {
  ref: JobRef
}

/** The ULID of an id: rising with time, whatever the queue. */
const ulidOf = (id: string) => id.slice(-26)

/** Newer first; within a millisecond by id. */
function byPlace(a: IndexPlace, b: IndexPlace): number {
  return b.createdAt - a.createdAt || (a.id === b.id ? 0 : ulidOf(a.id) < ulidOf(b.id) ? 1 : -1)
}

/** Jobs of one millisecond that a page may have to step over again. */
const mostTies = 100

/**
 * All jobs by the time of their creation: a sorted set for each queue. An entry is written with its job and removed with it.
 * A crash between the two leaves an entry without a job, which readers step over and sweepers remove.
 */
export class JobIndex {
  readonly #redis: Redis
  readonly #keys: Keys

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
  }

  /** Sent with the job's own add, of which the first counts, as here; resolves when it is stored. @throws QueueUnavailableError */
  async add(ref: JobRef, createdAt: number): Promise<void> {
    await whenAvailable(this.#redis.zadd(this.#keys.index(ref.queue), 'NX', createdAt, ref.id))
  }

  /**
   * The next `count` entries of all `queues` behind a place, newest first, created within `from` and `to` (epoch ms, both
   * included). One call for each queue. @throws QueueUnavailableError
   */
  async next(options: {
    queues: string[]
    behind: IndexPlace | undefined
    from: number
    to: number
    count: number
  }): Promise<IndexEntry[]> {
    const { queues, behind, from, to, count } = options
    const newest = Math.min(to, behind?.createdAt ?? to)
    const replies = await whenAvailable(
      Promise.all(
        queues.map((queue) =>
          this.#redis.zrevrangebyscore(
            this.#keys.index(queue),
            newest,
            from,
            'WITHSCORES',
            'LIMIT',
            0,
            count + mostTies,
          ),
        ),
      ),
    )
    return replies
      .flatMap(readEntries)
      .filter((entry) => !behind || byPlace(behind, entry) < 0)
      .sort(byPlace)
      .slice(0, count)
  }
}

function readEntries(reply: string[]): IndexEntry[] {
  const entries: IndexEntry[] = []
  for (let i = 0; i + 1 < reply.length; i += 2) {
    const ref = parseJobId(reply[i] ?? '')
    if (ref) entries.push({ ref, id: ref.id, createdAt: Number(reply[i + 1]) })
  }
  return entries
}
