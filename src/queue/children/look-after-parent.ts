import PQueue from 'p-queue'
import { cancelGraceMs } from '../../jobs/cancel-grace.ts'
import type { Registry } from '../../jobs/registry.ts'
import type { TenantQuotas } from '../admission/tenant-quotas.ts'
import { type JobRef, parseJobId } from '../model/job-id.ts'
import type { JobEnd } from '../model/job-states.ts'
import { redisNow } from '../model/redis-time.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import type { JobControl } from '../store/cancel-and-retry.ts'
import type { JobQueue } from '../store/job-queue.ts'
import type { ChildResults } from './child-results.ts'
import type { ChildrenStore, ParentEntry } from './children-store.ts'

export interface ParentDeps {
  redis: Redis
  keys: Keys
  store: ChildrenStore
  results: ChildResults
  jobs: JobQueue
  control: JobControl
  quotas: TenantQuotas
  registry: Registry
  /** A child was canceled before it had started. */
  onEnded?: ((type: string, end: JobEnd) => void) | undefined
}

/** So many of those that a job waits for are looked at at once. */
const maxAwaited = 500
/** Children of an ended job that are read at once: each may have a large record. */
const maxAtOnce = 10

/**
 * Does what follows from the ends of a job and of the jobs that it has submitted. While it is open, it gets the ends of those that it waits for. When it has
 * ended without success, those that are open are canceled; all are let go: from then on they are kept as other jobs are. Repeated after a crash
 * it changes nothing.
 *
 * @param about `run`: a run of the list; absent: the present one. `hinted`: children that may have ended; absent: any
 * @returns the run where it is over and its children are let go. @throws QueueUnavailableError
 */
export async function lookAfterParent(
  deps: ParentDeps,
  { id, run: listed, hinted }: { id: string; run?: number; hinted?: ReadonlySet<string> | undefined },
): Promise<ParentEntry | undefined> {
  const { store } = deps
  const ref = parseJobId(id)
  if (!ref) return { id, run: listed ?? 1 }
  const parent = await store.readParent(ref, hinted ? 0 : maxAwaited)
  const run = listed ?? parent.run
  const isLive = (parent.state === 'open' || parent.state === 'parked') && parent.run <= run
  if (!isLive) {
    const mayGoOn = parent.hasSucceeded && parent.run === run
    return (await release(deps, { id, run }, ref, mayGoOn)) ? { id, run } : undefined
  }
  const refs = [...(hinted ?? parent.awaited)].flatMap((id) => parseJobId(id) ?? [])
  const found = await deps.results.ends(refs)
  const isCheck = parent.state === 'parked' && !hinted
  const ends = refs.flatMap((child) => {
    const end = found.get(child.id)
    // All that a parked job waits for was stored: what is missing was lost with its Redis, and the parent submits it anew.
    const isOver = end ? end.state !== 'open' : isCheck
    return isOver ? [{ id: child.id, hasSucceeded: end?.state === 'succeeded' }] : []
  })
  // What it waited for may have been taken back, by a refusal of another call, after the rest had ended.
  const mayWaitForNone = isCheck && parent.awaited.length === 0
  if (ends.length > 0 || mayWaitForNone) await store.end(ref, ends)
  return undefined
}

async function release(deps: ParentDeps, entry: ParentEntry, ref: JobRef, mayGoOn: boolean): Promise<boolean> {
  const { store } = deps
  const queue = new PQueue({ concurrency: maxAtOnce })
  for await (const some of store.childrenOf(ref, entry.run)) {
    await queue.addAll(some.map((child) => () => letGo(deps, child.ref, mayGoOn)))
    for (let from = 0; from < some.length; from += maxAwaited) {
      const fields = some.slice(from, from + maxAwaited).map(({ field }) => field)
      await store.forget(entry, ref, fields)
    }
  }
  return store.forget(entry, ref, [])
}

/** From now on a child is a job like others; where its parent has not succeeded, it is canceled. */
async function letGo(deps: ParentDeps, ref: JobRef, mayGoOn: boolean): Promise<void> {
  const { redis, keys, jobs, control, quotas, registry, onEnded } = deps
  const job = mayGoOn ? undefined : await jobs.read(ref, undefined, 'small')
  if (job && !job.done) {
    const result = await control.cancel(ref, cancelGraceMs(registry, job.type), redisNow())
    if (result === 'ended') onEnded?.(job.type, 'canceled')
    if (result === 'ended' && job.record.limited) await quotas.leave(job.record.tenant, [job.id])
  }
  const key = keys.job(ref)
  const [, [keepMs, failure]] = await whenAvailable(
    Promise.all([redis.hdel(key, 'flow', 'flowHints', 'flowRun'), redis.hmget(key, 'keepMs', 'failedReason')]),
  )
  // Those that are kept for a shorter time than others are looked at again: the sweep has passed over it while its parent was open.
  if (keepMs != null || failure != null) await whenAvailable(redis.zadd(keys.retention(ref.queue), 0, ref.id))
}
