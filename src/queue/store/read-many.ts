import type { JobRef } from '../model/job-id.ts'
import type { StoredJob } from '../model/stored-job.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'

/** The records of jobs that are read at once have at most so many bytes; a larger record is read alone. */
const maxBytesAtOnce = 2 * 1024 * 1024

/**
 * Reads jobs in the order of `refs`, undefined for a missing one. Inputs may have megabytes: the sizes of the records are read first, so
 * that only a few megabytes are read at once, and no more than the caller consumes.
 *
 * @throws QueueUnavailableError
 */
export async function* readMany(
  deps: { redis: Redis; keys: Keys; read: (ref: JobRef) => Promise<StoredJob | undefined> },
  refs: JobRef[],
): AsyncGenerator<{ ref: JobRef; job: StoredJob | undefined }, void, undefined> {
  const { redis, keys, read } = deps
  const sizes = await whenAvailable(Promise.all(refs.map((ref) => redis.hstrlen(keys.job(ref), 'data'))))
  for (let from = 0; from < refs.length; ) {
    let to = from
    let bytes = 0
    do bytes += sizes[to++] ?? 0
    while (to < refs.length && bytes + (sizes[to] ?? 0) <= maxBytesAtOnce)
    const some = refs.slice(from, to)
    const jobs = await Promise.all(some.map(read))
    for (const [n, ref] of some.entries()) yield { ref, job: jobs[n] }
    from = to
  }
}
