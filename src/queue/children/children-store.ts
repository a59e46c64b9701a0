import { z } from 'zod'
import { childLimits } from '../../jobs/child-job.ts'
import { type JobRef, parseJobId } from '../model/job-id.ts'
import { redisNow } from '../model/redis-time.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import { type Parent, rootOf } from './parent.ts'

const register = loadScript('children/register-children')
const withdraw = loadScript('children/withdraw-children')
const countDescendants = loadScript('children/count-descendants')
const readParent = loadScript('children/read-parent')
const forget = loadScript('children/forget-children')
const endChildren = loadScript('bullmq/end-children')

/** A call of a handler, with an id for its child, and the id of one that it replaces. */
export interface NotedCall {
  n: number
  id: string
  replaces?: string | undefined
}

/** What is noted of a call: its child, which may be of an earlier start, and the attempt that submitted it. */
export interface NotedChild {
  ref: JobRef
  attempt: number
  isNew: boolean
}

/** An entry on the list of parents: a run of a job. */
export interface ParentEntry {
  id: string
  run: number
}

const parentSchema = z.tuple([
  z.enum(['gone', 'ended', 'open', 'parked']),
  z.coerce.number(),
  z.string(),
  z.array(z.string()),
])

/** Which jobs a job has submitted, in the slot of that one. Its methods throw QueueUnavailableError. */
export class ChildrenStore {
  readonly #redis: Redis
  readonly #keys: Keys

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
  }

  #keysOf(ref: JobRef): { job: string; children: string; awaited: string } {
    const keys = this.#keys
    return { job: keys.job(ref), children: keys.children(ref), awaited: keys.awaitedChildren(ref) }
  }

  /** Lists a run that is about to submit jobs: the coordinator looks after it until it has ended. */
  async list({ id, run }: ParentEntry): Promise<void> {
    await whenAvailable(this.#redis.zadd(this.#keys.openParents, 'NX', redisNow(), `${id} ${run}`))
  }

  /** So many runs of the list from rank `from` on, the oldest first. */
  async listed(from: number, count: number): Promise<ParentEntry[]> {
    const entries = await whenAvailable(this.#redis.zrange(this.#keys.openParents, from, `${from + count - 1}`))
    return entries.map((entry) => {
      const [id = '', run] = entry.split(' ')
      return { id, run: Number(run) }
    })
  }

  async unlist({ id, run }: ParentEntry): Promise<void> {
    await whenAvailable(this.#redis.zrem(this.#keys.openParents, `${id} ${run}`))
  }

  /**
   * Notes calls, all or none, before their jobs are stored. Those that earlier starts have noted keep their children.
   *
   * @param wait the answer that the job gets when those noted here and `also` have ended; absent: it goes on
   * @returns how many jobs it has submitted, and what is noted; or that this worker has lost the job, or that there are too many below the first
   */
  async note(
    parent: Parent,
    calls: readonly NotedCall[],
    wait: { field: string; failFast: boolean; also: string[] } | undefined,
  ): Promise<{ own: number; noted: NotedChild[] } | 'lost' | 'full'> {
    const { ref, lockToken, starts, run, attempt } = parent
    const { job, children, awaited } = this.#keysOf(ref)
    const { depth } = rootOf(parent)
    const also = wait?.also ?? []
    const args = [
      lockToken,
      starts,
      run,
      attempt,
      ref.id,
      depth === 0 ? childLimits.descendants : '',
      wait?.field ?? '',
    ]
    const more = calls.flatMap(({ n, id, replaces = '' }) => [n, id, replaces])
    const names = [job, this.#keys.lock(ref), children, awaited, this.#keys.checkpoint(ref)]
    const reply = await whenAvailable(
      register(this.#redis, names, [...args, wait?.failFast ? '1' : '', also.length, ...also, ...more]),
    )
    if (!Array.isArray(reply)) return reply === 'full' ? 'full' : 'lost'
    const [own, ...pairs] = reply.map(String)
    const noted = calls.map((_, at): NotedChild => {
      const [id = '', of] = (pairs[2 * at] ?? '').split(' ')
      const known = parseJobId(id)
      if (!known) throw new TypeError(`register-children.lua has answered something else: ${id}`)
      return { ref: known, attempt: Number(of), isNew: pairs[2 * at + 1] === '1' }
    })
    return { own: Number(own), noted }
  }

  /** Takes back what was noted of jobs that are not stored. */
  async withdraw({ ref, run, record }: Parent, calls: readonly NotedCall[]): Promise<void> {
    if (calls.length === 0) return
    const { job, children, awaited } = this.#keysOf(ref)
    const args = [run, ref.id, record.parent ? '' : '1', ...calls.flatMap(({ n, id }) => [n, id])]
    await whenAvailable(withdraw(this.#redis, [job, children, awaited], args))
  }

  /** Counts the jobs that a job has submitted among all below the first one. `over`: that one has ended. */
  async count(root: JobRef, id: string, own: number): Promise<'counted' | 'full' | 'over'> {
    const { job, children } = this.#keysOf(root)
    const reply = await whenAvailable(
      countDescendants(this.#redis, [job, children], [id, own, childLimits.descendants]),
    )
    return z.enum(['counted', 'full', 'over']).parse(reply)
  }

  /** Whether a job is there, has not ended, and is not canceled. */
  async isOpen(ref: JobRef): Promise<boolean> {
    const fields = ['name', 'finishedOn', 'cancelRequestedAt']
    const [name, ...ends] = await whenAvailable(this.#redis.hmget(this.#keys.job(ref), ...fields))
    return name !== null && ends.every((end) => end === null)
  }

  /** A job that has submitted others, and at most `count` of those that it waits for. */
  async readParent(
    ref: JobRef,
    count: number,
  ): Promise<{ state: 'gone' | 'ended' | 'open' | 'parked'; run: number; hasSucceeded: boolean; awaited: string[] }> {
    const { job, children, awaited } = this.#keysOf(ref)
    const reply = await whenAvailable(readParent(this.#redis, [job, children, awaited], [count]))
    const [state, run, succeeded, some] = parentSchema.parse(reply)
    return { state, run, hasSucceeded: succeeded === '1', awaited: some }
  }

  /** Notes the ends of children: their parent goes on when it waits for no more. */
  async end(ref: JobRef, ends: { id: string; hasSucceeded: boolean }[]): Promise<void> {
    const { job, children, awaited } = this.#keysOf(ref)
    const args = [this.#keys.bull(ref.queue, ''), ref.id, redisNow()]
    const more = ends.flatMap(({ id, hasSucceeded }) => [id, hasSucceeded ? '' : '1'])
    await whenAvailable(endChildren(this.#redis, [job, children, awaited], [...args, ...more]))
  }

  /** Some of the children of runs up to `run`, with the fields by which they are noted. */
  async *childrenOf(ref: JobRef, run: number): AsyncGenerator<{ field: string; ref: JobRef }[], void, undefined> {
    const { children } = this.#keysOf(ref)
    for (let cursor = '0'; ; ) {
      const [next, found] = await whenAvailable(this.#redis.hscan(children, cursor, 'MATCH', '*:*', 'COUNT', 200))
      yield childrenIn(found, run)
      if (next === '0') return
      cursor = next
    }
  }

  /** Forgets children that are looked after. @returns whether the run has no more, and has ended */
  async forget({ id, run }: ParentEntry, ref: JobRef, fields: string[]): Promise<boolean> {
    const { job, children, awaited } = this.#keysOf(ref)
    return (await whenAvailable(forget(this.#redis, [job, children, awaited], [run, id, ...fields]))) === 1
  }

  /** Asks the coordinator to look at a job that waits for others. */
  async hint(id: string): Promise<void> {
    await whenAvailable(this.#redis.publish(this.#keys.flowHints, id))
  }
}

/** Field and value in turn, as Redis has them. */
function childrenIn(found: string[], run: number): { field: string; ref: JobRef }[] {
  const children: { field: string; ref: JobRef }[] = []
  for (let at = 0; at + 1 < found.length; at += 2) {
    const [, of] = /^(\d+):\d+$/.exec(found[at] ?? '') ?? []
    const ref = parseJobId((found[at + 1] ?? '').split(' ', 1)[0] ?? '')
    if (ref && of !== undefined && Number(of) <= run) children.push({ field: found[at] ?? '', ref })
  }
  return children
}
