import { z } from 'zod'
import { anonymousTenant } from '../model/job-record.ts'
import type { JobEnd } from '../model/job-states.ts'
import { type Webhook, webhookSchema } from '../model/webhook-target.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import {
  type FlowError,
  type FlowHead,
  type FlowNode,
  flowBounds,
  flowVersion,
  queuesOfTree,
  type StoredFlow,
} from './model/document.ts'
import type { Expansion } from './model/plan.ts'

const createFlow = loadScript('flows/create-flow')
const recordEnds = loadScript('flows/record-ends')
const expandFlow = loadScript('flows/expand-flow')
const stopFlow = loadScript('flows/stop-flow')
const finishFlow = loadScript('flows/finish-flow')
const reopenFlow = loadScript('flows/reopen-flow')
const noteFlowTold = loadScript('flows/note-flow-told')

/** A flow that is about to be stored. */
export interface NewFlow {
  id: string
  tree: FlowNode
  tenant: string
  tags: string[]
  metadata: Record<string, string>
  webhook: Webhook | undefined
  createdAt: number
  deadlineMs: number | undefined
  nodes: number
  jobs: number
  /** How many of its jobs start at once. */
  ready: number
}

/** A job of a flow, or a map that could not become anything, has ended. */
export interface NodeEnded {
  node: number
  state: JobEnd
  /** Epoch ms. */
  at: number
  /** Where there is no job to read it from. */
  error?: FlowError | undefined
  isJob: boolean
}

/** Without its kind: for those who read it back. */
export type RecordedEnd = Omit<NodeEnded, 'isJob'>

/** A flow that is on the list of those that go on. */
export interface OpenEntry {
  entry: string
  id: string
  run: number
  since: number
}

/** Most ends in one call. */
const atOnce = 500

/**
 * Flows in Redis: a document each, which says what is to be done, and what has ended of it. Written first, and then acted
 * upon: what a crash leaves undone is found by whoever reads the document next. @throws QueueUnavailableError
 */
export class FlowStore {
  readonly #redis: Redis
  readonly #keys: Keys

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
  }

  /** The commit of a flow. @returns false when it was there */
  async create(flow: NewFlow): Promise<boolean> {
    // First its place on the list, so that there is no flow that nobody brings on.
    await this.list(flow.id, 1, flow.createdAt)
    const fields = {
      v: flowVersion,
      tree: JSON.stringify(flow.tree),
      queues: JSON.stringify([...queuesOfTree(flow.tree)]),
      tenant: flow.tenant,
      tags: JSON.stringify(flow.tags),
      metadata: JSON.stringify(flow.metadata),
      ...(flow.webhook && { webhook: JSON.stringify(flow.webhook) }),
      createdAt: flow.createdAt,
      ...(flow.deadlineMs !== undefined && {
        deadlineMs: flow.deadlineMs,
        deadlineAt: flow.createdAt + flow.deadlineMs,
      }),
      run: 1,
      nodes: flow.nodes,
      jobs: flow.jobs,
      blocked: flow.jobs - flow.ready,
    }
    const args = Object.entries(fields).flat()
    return (await whenAvailable(createFlow(this.#redis, [this.#keys.flow(flow.id)], args))) === 1
  }

  /** The whole of a flow; undefined when there is none. */
  async read(id: string): Promise<StoredFlow | undefined> {
    const hash = await whenAvailable(this.#redis.hgetall(this.#keys.flow(id)))
    const head = decodeHead(id, hash)
    // The tree was checked when it was submitted, and this version wrote it.
    return head && { ...head, tree: JSON.parse(hash['tree'] ?? '') as FlowNode }
  }

  /** A flow without its tree: for those who only want to know how it stands. */
  async head(id: string): Promise<FlowHead | undefined> {
    const values = await whenAvailable(this.#redis.hmget(this.#keys.flow(id), ...headFields))
    const hash: Record<string, string> = {}
    for (const [i, field] of headFields.entries()) if (typeof values[i] === 'string') hash[field] = values[i]
    return decodeHead(id, hash)
  }

  /** Whether a flow is still what somebody has in memory. */
  async glance(id: string): Promise<{ run: number; isFinished: boolean; isStopping: boolean; isStored: boolean }> {
    const fields = ['run', 'finishedAt', 'stop', 'stored']
    const [run, finished, stop, stored] = await whenAvailable(this.#redis.hmget(this.#keys.flow(id), ...fields))
    const isThere = (value: string | null | undefined) => typeof value === 'string'
    return {
      run: Number(run ?? 0),
      isFinished: isThere(finished),
      isStopping: isThere(stop),
      isStored: isThere(stored),
    }
  }

  /** What the maps of a flow became; `unstored` are those whose jobs may not all be there. */
  async expansions(id: string): Promise<{ expansions: Expansion[]; unstored: Set<number> }> {
    const hash = await whenAvailable(this.#redis.hgetall(this.#keys.flowExpansions(id)))
    const expansions: Expansion[] = []
    const unstored = new Set<number>()
    for (const [field, text] of Object.entries(hash)) {
      if (field.startsWith('stored:')) continue
      expansions.push(decodeExpansion(Number(field), text))
      if (hash[`stored:${field}`] === undefined) unstored.add(Number(field))
    }
    return { expansions, unstored }
  }

  /** The nodes that have ended from place `from` of the order on, at most `limit`; and whether the flow had ended before they were read. */
  async ends(
    id: string,
    from: number,
    limit: number,
  ): Promise<{ run: number; isFinished: boolean; ends: RecordedEnd[] }> {
    const [run, finished] = await whenAvailable(this.#redis.hmget(this.#keys.flow(id), 'run', 'finishedAt'))
    const nodes = await whenAvailable(this.#redis.lrange(this.#keys.flowOrder(id), from, from + limit - 1))
    const texts = nodes.length > 0 ? await whenAvailable(this.#redis.hmget(this.#keys.flowEnds(id), ...nodes)) : []
    const ends = nodes.flatMap((node, i) => decodeEnd(node, texts[i] ?? undefined))
    return { run: Number(run ?? 0), isFinished: run === null || finished !== null, ends }
  }

  /**
   * Notes ends, each once.
   *
   * @param known how much of the order the caller knows
   * @returns what it does not know of it, with what was noted now; undefined when the flow is gone, over, or in another run
   */
  async record(id: string, run: number, known: number, ends: NodeEnded[]): Promise<RecordedEnd[] | undefined> {
    const names = [this.#keys.flow(id), this.#keys.flowEnds(id), this.#keys.flowOrder(id)]
    const told: RecordedEnd[] = []
    for (let i = 0; i === 0 || i < ends.length; i += atOnce) {
      const args = ends.slice(i, i + atOnce).flatMap(({ node, state, at, error, isJob }) => {
        return [node, `${state} ${at}${error ? ` ${JSON.stringify(error)}` : ''}`, isJob ? state : '']
      })
      const reply = await whenAvailable(recordEnds(this.#redis, names, [run, known + told.length, ...args]))
      if (!Array.isArray(reply)) return undefined
      for (let k = 0; k + 1 < reply.length; k += 2) told.push(...decodeEnd(String(reply[k]), String(reply[k + 1])))
    }
    return told
  }

  /** What is said of the end of a node that is no job. */
  async errorOf(id: string, node: number): Promise<FlowError | undefined> {
    const text = await whenAvailable(this.#redis.hget(this.#keys.flowEnds(id), String(node)))
    return decodeEnd(String(node), text ?? undefined)[0]?.error
  }

  /** How many jobs the flow has not come to: for those who count. */
  async noteBlocked(id: string, blocked: number): Promise<void> {
    await whenAvailable(this.#redis.hset(this.#keys.flow(id), { blocked }))
  }

  /** A map becomes its nodes. `stale`: the flow is over, being stopped, or in another run. */
  async expand(
    flow: { id: string; run: number },
    map: { node: number; size: number; jobs: number; items: unknown[] },
  ): Promise<Expansion | 'stale' | 'too_large'> {
    const args = [flow.run, map.node, map.size, map.jobs, flowBounds.nodes, JSON.stringify(map.items)]
    const names = [this.#keys.flow(flow.id), this.#keys.flowExpansions(flow.id)]
    const reply = String(await whenAvailable(expandFlow(this.#redis, names, args)))
    return reply === 'stale' || reply === 'too_large' ? reply : decodeExpansion(map.node, reply)
  }

  /** Says that all jobs of the tree are stored, or all that a map became. */
  async noteStored(id: string, map?: number): Promise<void> {
    const { flow, field } =
      map === undefined
        ? { flow: this.#keys.flow(id), field: 'stored' }
        : { flow: this.#keys.flowExpansions(id), field: `stored:${map}` }
    await whenAvailable(this.#redis.hset(flow, field, 1))
  }

  /** Asks whoever brings flows on to look at this one. */
  async hint(id: string): Promise<void> {
    await whenAvailable(this.#redis.publish(this.#keys.flowHints, id))
  }

  /** From now on nothing of the flow is to start, whoever brings it on. */
  async stop(id: string, why: 'canceled' | 'deadline_exceeded', now: number): Promise<'missing' | 'done' | 'stopping'> {
    const args = [why, now, this.#keys.flowHints, id]
    return (await whenAvailable(stopFlow(this.#redis, [this.#keys.flow(id)], args))) as 'missing' | 'done' | 'stopping'
  }

  /**
   * Writes the end of a flow, which is final within its run. What is to follow from it is to be found in the document, by whoever
   * next finds the flow on the list of those that go on: it is taken off when all has followed.
   */
  async finish(
    flow: { id: string; run: number },
    state: JobEnd,
    error: FlowError | undefined,
    now: number,
  ): Promise<void> {
    const stopped = Object.entries(stopErrors).flatMap(([why, { state: ended, ...said }]) => {
      return [why, ended, JSON.stringify({ ...said, job_id: null, path: null })]
    })
    const args = [flow.run, state, error ? JSON.stringify(error) : '', now, ...stopped]
    await whenAvailable(finishFlow(this.#redis, [this.#keys.flow(flow.id)], args))
  }

  /** The webhook of a run is stored, or was not asked for: the flow owes it no more. */
  async noteTold(id: string, run: number): Promise<void> {
    await whenAvailable(noteFlowTold(this.#redis, [this.#keys.flow(id)], [run]))
  }

  /**
   * Opens the next run; `again` are the nodes that are to end anew, with the counted state of jobs.
   *
   * @returns false when it is no longer what the caller read
   */
  async reopen(
    flow: StoredFlow,
    again: { node: number; state: JobEnd | undefined }[],
    blocked: number,
    deadlineAt: number | undefined,
  ): Promise<boolean> {
    await this.list(flow.id, flow.run + 1, Date.now())
    const names = [this.#keys.flow(flow.id), this.#keys.flowEnds(flow.id), this.#keys.flowOrder(flow.id)]
    // Its nodes are bounded, so that one call does.
    const args = again.flatMap(({ node, state }) => [node, state ?? ''])
    const reply = await whenAvailable(reopenFlow(this.#redis, names, [flow.run, blocked, deadlineAt ?? '', ...args]))
    if (reply !== 1) return false
    await whenAvailable(this.#redis.zrem(this.#keys.endedFlows, flow.id))
    return true
  }

  /** Flows that go on, `count` from rank `from` on, the oldest first. */
  async open(from: number, count: number): Promise<OpenEntry[]> {
    const reply = await whenAvailable(
      this.#redis.zrange(this.#keys.openFlows, from, `${from + count - 1}`, 'WITHSCORES'),
    )
    const entries: OpenEntry[] = []
    for (let i = 0; i + 1 < reply.length; i += 2) {
      const entry = reply[i] ?? ''
      const [id = '', run] = entry.split(' ')
      entries.push({ entry, id, run: Number(run), since: Number(reply[i + 1]) })
    }
    return entries
  }

  /** Takes a run of a flow off the list of those that go on; with the time of its end, puts the flow on the list of the ended. */
  async unlist(id: string, run: number, endedAt: number | undefined): Promise<void> {
    if (endedAt !== undefined) await whenAvailable(this.#redis.zadd(this.#keys.endedFlows, endedAt, id))
    await whenAvailable(this.#redis.zrem(this.#keys.openFlows, `${id} ${run}`))
  }

  /** Puts a run of a flow on the list of those that go on. */
  async list(id: string, run: number, now: number): Promise<void> {
    await whenAvailable(this.#redis.zadd(this.#keys.openFlows, 'NX', now, `${id} ${run}`))
  }
}

const stopErrors = {
  canceled: { state: 'canceled', code: 'canceled', message: 'the flow was canceled' },
  deadline_exceeded: { state: 'failed', code: 'deadline_exceeded', message: "the flow's deadline came" },
} as const

const errorSchema = z.object({
  code: z.string(),
  message: z.string(),
  job_id: z.string().nullable(),
  path: z.string().nullable(),
})

function decodeEnd(node: string, text: string | undefined): RecordedEnd[] {
  const [, state, at, error] = /^(succeeded|failed|canceled|expired) (\d+)(?: (.*))?$/s.exec(text ?? '') ?? []
  if (state === undefined) return []
  const said = error === undefined ? undefined : errorSchema.parse(JSON.parse(error))
  return [{ node: Number(node), state: state as JobEnd, at: Number(at), error: said }]
}

/** `<first number> <items as JSON>` */
function decodeExpansion(node: number, text: string): Expansion {
  const space = text.indexOf(' ')
  return { node, first: Number(text.slice(0, space)), items: JSON.parse(text.slice(space + 1)) as unknown[] }
}

const headFields = [
  'v',
  'queues',
  'tenant',
  'tags',
  'metadata',
  'webhook',
  'createdAt',
  'deadlineMs',
  'deadlineAt',
  'run',
  'nodes',
  'jobs',
  'blocked',
  'succeeded',
  'failed',
  'canceled',
  'expired',
  'stop',
  'stored',
  'state',
  'finishedAt',
  'error',
  'toldRun',
]

function decodeHead(id: string, hash: Record<string, string>): FlowHead | undefined {
  const { createdAt } = hash
  if (createdAt === undefined) return undefined
  if (Number(hash['v']) !== flowVersion) throw new Error(`the flow ${id} was written by another version of Drover`)
  const [, why, since] = /^(canceled|deadline_exceeded) (\d+)$/.exec(hash['stop'] ?? '') ?? []
  const { finishedAt, state, error, webhook } = hash
  const count = (name: string) => Number(hash[name] ?? 0)
  return {
    id,
    queues: z.array(z.string()).parse(JSON.parse(hash['queues'] ?? '[]')),
    tenant: hash['tenant'] ?? anonymousTenant,
    tags: z.array(z.string()).parse(JSON.parse(hash['tags'] ?? '[]')),
    metadata: z.record(z.string(), z.string()).parse(JSON.parse(hash['metadata'] ?? '{}')),
    webhook: webhook === undefined ? undefined : webhookSchema.parse(JSON.parse(webhook)),
    createdAt: Number(createdAt),
    deadlineMs: hash['deadlineMs'] === undefined ? undefined : Number(hash['deadlineMs']),
    deadlineAt: hash['deadlineAt'] === undefined ? undefined : Number(hash['deadlineAt']),
    run: count('run'),
    nodes: count('nodes'),
    jobs: count('jobs'),
    blocked: count('blocked'),
    ended: {
      succeeded: count('succeeded'),
      failed: count('failed'),
      canceled: count('canceled'),
      expired: count('expired'),
    },
    stop: why === undefined ? undefined : { why: why as 'canceled' | 'deadline_exceeded', at: Number(since) },
    isStored: hash['stored'] !== undefined,
    finished:
      finishedAt === undefined
        ? undefined
        : {
            state: state as JobEnd,
            at: Number(finishedAt),
            error: error ? errorSchema.parse(JSON.parse(error)) : undefined,
          },
    toldRun: count('toldRun'),
  }
}
