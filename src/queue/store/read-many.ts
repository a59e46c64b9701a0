import type { JobRef } from '../model/job-id.ts'
import type { StoredJob } from '../model/stored-job.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'

/** Jobs whose records have no more bytes than this together are read at once; a larger one alone. */
const bytesAtOnce = 2 * 1024 * 1024

/**
 * Reads jobs in the order of `refs`, undefined for one that is not there. Inputs may have megabytes: asks first how large the
 * records are, so that no more than a few megabytes come at once, and nothing is read that the caller does not ask for.
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
    while (to < refs.length && bytes + (sizes[to] ?? 0) <= bytesAtOnce)
    const some = refs.slice(from, to)
    const jobs = await Promise.all(some.map(read))
    for (const [n, ref] of some.entries()) yield { ref, job: jobs[n] }
    from = to
  }
}
