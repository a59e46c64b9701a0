import type { HeldBack } from '../model/held-back.ts'
import { type JobEnd, jobEnds } from '../model/job-states.ts'
import { redisNow } from '../model/redis-time.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import { wasEvicted } from '../store/evicted-ids.ts'
import { FlowIndex } from './flow-index.ts'
import {
  decodeEnd,
  decodeHead,
  encodeEnd,
  encodeExpansions,
  encodeFlow,
  headFields,
  type NewFlow,
  type NodeEnded,
  type RecordedEnd,
  type Reopening,
  stoppedEnds,
} from './flow-record.ts'
import { MapStore } from './map-store.ts'
import { type FlowError, type FlowHead, type FlowNode, type FlowStop, type StoredFlow } from './model/document.ts'
import { OpenFlowList } from './open-flow-list.ts'

const createFlow = loadScript('flows/create-flow')
const recordEnds = loadScript('flows/record-ends')
const stopFlow = loadScript('flows/stop-flow')
const finishFlow = loadScript('flows/finish-flow')
const reopenFlow = loadScript('flows/reopen-flow')
const setFields = loadScript('flows/set-fields')
const markNotified = loadScript('flows/mark-notified')

/** So many evicted flows are known. */
const maxEvicted = 10_000
/** Ends in one call. */
const maxEndsPerCall = 500

/** What tells whether a flow in memory is up to date. */
export interface FlowStatus {
  /** 0: there is no such flow. */
  run: number
  isFinished: boolean
  isStopping: boolean
  isStored: boolean
  /** How many jobs it has, and how many entries the order of its ends. */
  jobs: number
  ends: number
}

/**
 * Flows in Redis: for each a document that says what to do, and what has ended of it. Each step is written first and acted upon then,
 * so that the next process that reads the document finds what a crash left undone. All methods throw QueueUnavailableError.
 */
export class FlowStore {
  readonly openList: OpenFlowList
  readonly maps: MapStore
  readonly index: FlowIndex
  readonly #redis: Redis
  readonly #keys: Keys

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.openList = new OpenFlowList(deps)
    this.maps = new MapStore(deps)
    this.index = new FlowIndex(deps)
    this.#redis = deps.redis
    this.#keys = deps.keys
  }

  /** Stores a flow, unless its id exists. @returns false when it did */
  async create(flow: NewFlow): Promise<boolean> {
    await Promise.all([this.openList.add(flow.id, 1, flow.createdAt), this.index.add(flow)])
    const fields = Object.entries(encodeFlow(flow)).flat()
    const names = [this.#keys.flow(flow.id), this.#keys.flowExpansions(flow.id)]
    const args = [fields.length, ...fields, ...encodeExpansions(flow.expansions)]
    return (await whenAvailable(createFlow(this.#redis, names, args))) === 1
  }

  /** A flow with its tree; undefined when there is none. */
  async read(id: string): Promise<StoredFlow | undefined> {
    const hash = await whenAvailable(this.#redis.hgetall(this.#keys.flow(id)))
    const head = decodeHead(id, hash)
    // The tree was validated when it was submitted, and this version wrote it.
    return head && { ...head, tree: JSON.parse(hash['tree'] ?? '') as FlowNode }
  }

  /** A flow without its tree; undefined when there is none. */
  async head(id: string): Promise<FlowHead | undefined> {
    const values = await whenAvailable(this.#redis.hmget(this.#keys.flow(id), ...headFields))
    const hash: Record<string, string> = {}
    for (const [i, field] of headFields.entries()) if (typeof values[i] === 'string') hash[field] = values[i]
    return decodeHead(id, hash)
  }

  async readStatus(id: string): Promise<FlowStatus> {
    const fields = ['run', 'finishedAt', 'stop', 'stored', 'jobs']
    const [values, ends] = await whenAvailable(
      Promise.all([this.#redis.hmget(this.#keys.flow(id), ...fields), this.#redis.llen(this.#keys.flowOrder(id))]),
    )
    const [run, isFinished, isStopping, isStored, jobs] = values.map((value) => value ?? undefined)
    return {
      jobs: Number(jobs ?? 0),
      ends,
      run: Number(run ?? 0),
      isFinished: isFinished !== undefined,
      isStopping: isStopping !== undefined,
      isStored: isStored !== undefined,
    }
  }

  /** At most `limit` ended nodes from place `from` of their order on; whether the flow had ended, and how many jobs it had, before they were read. */
  async ends(
    id: string,
    from: number,
    limit: number,
  ): Promise<{ run: number; isFinished: boolean; jobs: number; ends: RecordedEnd[] }> {
    const [run, finished, jobs] = await whenAvailable(
      this.#redis.hmget(this.#keys.flow(id), 'run', 'finishedAt', 'jobs'),
    )
    const nodes = await whenAvailable(this.#redis.lrange(this.#keys.flowOrder(id), from, from + limit - 1))
    const texts = nodes.length > 0 ? await whenAvailable(this.#redis.hmget(this.#keys.flowEnds(id), ...nodes)) : []
    const ends = nodes.flatMap((node, i) => decodeEnd(node, texts[i] ?? undefined) ?? [])
    return { run: Number(run ?? 0), isFinished: run === null || finished !== null, jobs: Number(jobs ?? 0), ends }
  }

  /**
   * Records ends; the first end of a node counts.
   *
   * @param known how many entries of the order of ends the caller has
   * @returns the entries that the caller does not have, with those of this call; undefined when the caller is out of date: see
   *   record-ends.lua
   */
  async recordEnds(
    { id, run, jobs }: { id: string; run: number; jobs: number },
    known: number,
    ends: NodeEnded[],
  ): Promise<RecordedEnd[] | undefined> {
    const names = [this.#keys.flow(id), this.#keys.flowEnds(id), this.#keys.flowOrder(id)]
    const recorded: RecordedEnd[] = []
    for (let i = 0; i === 0 || i < ends.length; i += maxEndsPerCall) {
      const args = ends
        .slice(i, i + maxEndsPerCall)
        .flatMap((end) => [end.node, encodeEnd(end), end.isJob ? end.state : ''])
      const reply = await whenAvailable(recordEnds(this.#redis, names, [run, known + recorded.length, jobs, ...args]))
      if (!Array.isArray(reply)) return undefined
      for (let k = 0; k + 1 < reply.length; k += 2) {
        const end = decodeEnd(String(reply[k]), String(reply[k + 1]))
        if (end) recorded.push(end)
      }
    }
    return recorded
  }

  /** The error of a node that ended without a job. */
  async errorOf(id: string, node: number): Promise<FlowError | undefined> {
    const text = await whenAvailable(this.#redis.hget(this.#keys.flowEnds(id), String(node)))
    return decodeEnd(String(node), text ?? undefined)?.error
  }

  /** Writes how many jobs of the flow are blocked; read by clients that ask for the counts. */
  async setBlocked(id: string, blocked: number): Promise<void> {
    await whenAvailable(setFields(this.#redis, [this.#keys.flow(id), this.#keys.flow(id)], ['blocked', blocked]))
  }

  /** Marks that all jobs of the tree are stored. @returns false when the flow is gone */
  async markStored(id: string): Promise<boolean> {
    const key = this.#keys.flow(id)
    return (await whenAvailable(setFields(this.#redis, [key, key], ['stored', 1]))) === 1
  }

  /** Writes why maps of the flow wait for room, for clients; undefined: none does. */
  async setHeldBack(id: string, held: HeldBack | undefined): Promise<void> {
    const key = this.#keys.flow(id)
    await whenAvailable(
      held ? setFields(this.#redis, [key, key], ['heldBack', JSON.stringify(held)]) : this.#redis.hdel(key, 'heldBack'),
    )
  }

  /** Asks the coordinator to look at a flow. */
  async hint(id: string): Promise<void> {
    await whenAvailable(this.#redis.publish(this.#keys.flowHints, id))
  }

  /** Marks a flow: its driver cancels its jobs, and starts none. A step that a worker releases may start until then. */
  async stop(id: string, why: FlowStop, now: number): Promise<'missing' | 'done' | 'stopping'> {
    const args = [why, now, this.#keys.flowHints, id]
    return (await whenAvailable(stopFlow(this.#redis, [this.#keys.flow(id)], args))) as 'missing' | 'done' | 'stopping'
  }

  /**
   * Writes the end of a flow, which is final within its run. The flow stays on the list of open flows until what follows from its end
   * is done, too.
   *
   * @returns how it has ended, also by an earlier call; undefined when it is gone, or in another run
   */
  async finish(
    flow: { id: string; run: number },
    state: JobEnd,
    error: FlowError | undefined,
    now: number,
  ): Promise<JobEnd | undefined> {
    const args = [flow.run, state, error ? JSON.stringify(error) : '', now, ...stoppedEnds.flat()]
    const ended = await whenAvailable(finishFlow(this.#redis, [this.#keys.flow(flow.id)], args))
    return jobEnds.find((name) => name === ended)
  }

  /** Notes that a flow was evicted, as note-evicted.lua does of jobs. It would have been kept for `ttlMs`. */
  async noteEvicted({ id, tenant }: { id: string; tenant: string }, ttlMs: number): Promise<void> {
    const key = this.#keys.evictedFlows
    await whenAvailable(this.#redis.zadd(key, 0, `${id}:${tenant}`))
    await whenAvailable(this.#redis.zremrangebyrank(key, 0, -1 - maxEvicted))
    // Another one may have been promised for longer.
    await whenAvailable(this.#redis.pexpire(key, ttlMs, 'NX'))
    await whenAvailable(this.#redis.pexpire(key, ttlMs, 'GT'))
  }

  /** Whether a flow of the tenant, or of any where that is undefined, was evicted lately. */
  async wasEvicted(id: string, tenant: string | undefined): Promise<boolean> {
    return wasEvicted(this.#redis, this.#keys.evictedFlows, id, tenant)
  }

  /** Marks that the webhook of a run is stored, or that none is wanted. */
  async markNotified(id: string, run: number): Promise<void> {
    await whenAvailable(markNotified(this.#redis, [this.#keys.flow(id)], [run]))
  }

  /**
   * Opens the next run of a flow: {@link Reopening} says what is not kept of its ends and expansions.
   *
   * @returns false when the flow has changed since the caller read it
   */
  async reopen(flow: StoredFlow, how: Reopening): Promise<boolean> {
    const now = redisNow()
    await this.openList.add(flow.id, flow.run + 1, now)
    const { id } = flow
    const names = [
      this.#keys.flow(id),
      this.#keys.flowEnds(id),
      this.#keys.flowOrder(id),
      this.#keys.flowExpansions(id),
    ]
    const { blocked, deadlineAt = '', nodesGone, jobsGone, collapsed } = how
    // One call is enough: the number of nodes is bounded.
    const anew = how.anew.flatMap(({ node, state }) => [node, state ?? ''])
    const args = [flow.run, blocked, deadlineAt, nodesGone, jobsGone, collapsed.length, ...collapsed, ...anew]
    if ((await whenAvailable(reopenFlow(this.#redis, names, args))) !== 1) return false
    await this.openList.reopen(flow.id, now)
    return true
  }
}
