import type { Registry } from '../../jobs/registry.ts'
import { bullOptions, bullPriority } from '../bullmq/bull-options.ts'
import { decodeFailure, encodeFailure, type StoredFailure } from '../model/failure.ts'
import type { JobRef } from '../model/job-id.ts'
import { type JobRecord, recordVersion, timeLimits } from '../model/job-record.ts'
import type { JobEnd } from '../model/job-states.ts'
import { decodeStoredOutput, endState } from '../model/stored-job.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import { canceledMessage, cancelMarginMs } from '../store/cancel-and-retry.ts'
import { OutputGoneError, readStoredOutput } from '../store/job-output.ts'
import { flowBounds, type StoredFlow } from './model/document.ts'
import { MemberIds } from './model/flow-job-id.ts'
import type { JobNode } from './model/plan.ts'

const storeMembers = loadScript('bullmq/store-members')
const releaseMembers = loadScript('bullmq/release-members')
const readMembers = loadScript('flows/read-members')
const cancelMembers = loadScript('bullmq/cancel-members')
const reblockMembers = loadScript('bullmq/reblock-members')
const removeMembers = loadScript('bullmq/remove-members')
const countMembers = loadScript('flows/count-members')

/** Jobs in one call: no call holds Redis up for more than a few ms. */
const atOnce = 200
const mostCharacters = 2 * 1024 * 1024
/** For a job whose type this process does not know. */
const usualGraceMs = 2000
/** How many of the jobs of a queue that wait for their time are looked at for those of a flow. */
const delayedLookedAt = 5000

type FlowOf = Pick<StoredFlow, 'id' | 'run' | 'createdAt' | 'tenant'>

/** How a job of a flow stands; `earlier`: it ended in an earlier run of the flow, and is to be brought back. */
export type MemberStanding =
  | { status: 'missing' | 'earlier' | 'blocked' | 'open' }
  | { status: 'ended'; state: JobEnd; at: number; failure: StoredFailure | undefined }

/** A blocked job is started with its input, or fails unrun. */
export type Release = { node: JobNode; input: unknown } | { node: JobNode; failure: StoredFailure }

/** What a job gave, as JSON; `too_large`: more than an input may be. `missing`: it is gone, or has not ended. */
export type MemberResult =
  | { status: 'succeeded'; output: string }
  | { status: 'failed'; failure: StoredFailure }
  | { status: 'too_large' | 'missing' }

/** The jobs of flows in Redis, many at a time. All that it does may be done twice. @throws QueueUnavailableError */
export class FlowMembers {
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #registry: Registry

  constructor(deps: { redis: Redis; keys: Keys; registry: Registry }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
    this.#registry = deps.registry
  }

  /** Stores those that are not there: ready to run at once, or blocked. */
  async store(flow: FlowOf, nodes: Iterable<JobNode>, modeOf: (node: JobNode) => 'ready' | 'blocked'): Promise<void> {
    const ids = new MemberIds(flow.id)
    const { createdAt } = flow
    const argsOf = (node: JobNode) => {
      const { job } = node
      const { id } = ids.ref(job.queue, node.n)
      const mode = modeOf(node)
      const { runAt, record } = started(flow, node, mode === 'ready' ? Date.now() : undefined)
      const { startBy, deadlineAt } = timeLimits(record)
      const { priority } = record
      const options = bullOptions({ attempts: job.attempts, priority })
      const fields = [job.type, JSON.stringify(record), options, bullPriority(priority), mode]
      return [id, ...fields, runAt ?? '', startBy ?? '', deadlineAt ?? '']
    }
    await this.#inQueues(nodes, argsOf, (queue, args) => {
      const names = [...this.#queueing(queue), this.#keys.index(queue)]
      const head = [
        this.#keys.bull(queue, ''),
        flow.tenant,
        flow.id,
        this.#keys.flowHints,
        flow.run,
        createdAt,
        Date.now(),
      ]
      return storeMembers(this.#redis, names, [...head, ...args])
    })
  }

  /** How each stands, in the order given. */
  async read(flow: FlowOf, nodes: JobNode[]): Promise<MemberStanding[]> {
    const ids = new MemberIds(flow.id)
    const standings = new Map<JobNode, MemberStanding>()
    await this.#inQueues(
      nodes,
      (node) => [ids.ref(node.job.queue, node.n).id],
      async (queue, names, some) => {
        const args = [this.#keys.bull(queue, ''), flow.run, ...names]
        const reply = await readMembers(this.#redis, [this.#keys.bull(queue, 'failed')], args)
        if (!Array.isArray(reply)) return
        for (const [i, node] of some.entries()) standings.set(node, readStanding(String(reply[i])))
      },
    )
    return nodes.map((node) => standings.get(node) ?? { status: 'missing' })
  }

  /** Starts blocked jobs, or ends them as failed. What is not blocked stays as it is. */
  async release(flow: FlowOf, releases: Release[]): Promise<void> {
    const ids = new MemberIds(flow.id)
    const byNode = new Map(releases.map((release) => [release.node, release]))
    const now = Date.now()
    const argsOf = (node: JobNode) => {
      const { id } = ids.ref(node.job.queue, node.n)
      const release = byNode.get(node)
      if (!release || 'failure' in release)
        return [id, 'fail', release ? encodeFailure(release.failure) : '', '', '', '']
      const { runAt, record } = started(flow, node, now, release.input)
      const { startBy, deadlineAt } = timeLimits(record)
      return [id, 'release', JSON.stringify(record), runAt ?? '', startBy ?? '', deadlineAt ?? '']
    }
    await this.#inQueues(byNode.keys(), argsOf, (queue, args) => {
      const names = [...this.#queueing(queue), this.#keys.bull(queue, 'failed')]
      return releaseMembers(this.#redis, names, [this.#keys.bull(queue, ''), now, ...args])
    })
  }

  /**
   * Ends those that have not started, and tells the workers of the others.
   *
   * @returns those that ended by it, and those that may have ended before, or may end soon
   */
  async cancel(
    flow: FlowOf,
    nodes: Iterable<JobNode>,
    now: number,
  ): Promise<{ ended: JobNode[]; doubtful: JobNode[] }> {
    const ids = new MemberIds(flow.id)
    const ended: JobNode[] = []
    const doubtful: JobNode[] = []
    const sets = ['delayed', 'prioritized', 'wait', 'active', 'stalled', 'failed']
    const argsOf = ({ n, job }: JobNode) => {
      const graceMs = this.#registry.get(job.type)?.job.cancelGraceMs ?? usualGraceMs
      return [ids.ref(job.queue, n).id, graceMs + cancelMarginMs]
    }
    await this.#inQueues(nodes, argsOf, async (queue, args, some) => {
      const names = sets.map((set) => this.#keys.bull(queue, set))
      const head = [this.#keys.bull(queue, ''), now, canceledMessage, this.#keys.cancels(queue)]
      const reply = await cancelMembers(this.#redis, names, [...head, ...args])
      if (!Array.isArray(reply)) return
      for (const [i, node] of some.entries()) {
        if (reply[i] === 'ended') ended.push(node)
        else doubtful.push(node)
      }
    })
    return { ended, doubtful }
  }

  /** Brings those that ended in an earlier run of the flow back to be blocked. */
  async reblock(flow: FlowOf, nodes: Iterable<JobNode>): Promise<void> {
    const ids = new MemberIds(flow.id)
    const argsOf = (node: JobNode) => {
      return [ids.ref(node.job.queue, node.n).id, JSON.stringify(started(flow, node, undefined).record)]
    }
    await this.#inQueues(nodes, argsOf, (queue, args) => {
      const names = [this.#keys.bull(queue, 'failed'), this.#keys.timeLimits(queue)]
      return reblockMembers(this.#redis, names, [this.#keys.bull(queue, ''), flow.run, ...args])
    })
  }

  /** Removes them with all that belongs to them. */
  async remove(flow: FlowOf, nodes: Iterable<JobNode>): Promise<void> {
    const ids = new MemberIds(flow.id)
    const argsOf = (node: JobNode) => [ids.ref(node.job.queue, node.n).id]
    await this.#inQueues(nodes, argsOf, (queue, args) => {
      const sets = ['completed', 'failed'].map((set) => this.#keys.bull(queue, set))
      const names = [...sets, this.#keys.timeLimits(queue), this.#keys.index(queue)]
      return removeMembers(this.#redis, names, [this.#keys.bull(queue, ''), flow.tenant, ...args])
    })
  }

  /** The nodes that run at the moment, and those that wait for their time or for their next attempt. */
  async underWay(
    flow: { id: string },
    queues: Iterable<string>,
  ): Promise<{ running: Set<number>; scheduled: Set<number> }> {
    const ids = new MemberIds(flow.id)
    const running = new Set<number>()
    const scheduled = new Set<number>()
    for (const queue of queues) {
      const names = ['active', 'delayed'].map((set) => this.#keys.bull(queue, set))
      const reply = await whenAvailable(countMembers(this.#redis, names, [ids.prefix(queue), delayedLookedAt]))
      const [active, delayed] = reply as [string[], string[]]
      for (const id of active) running.add(ids.node(id) ?? -1)
      for (const id of delayed) scheduled.add(ids.node(id) ?? -1)
    }
    return { running, scheduled }
  }

  /** What each gave or how it failed, in the order given. */
  async results(flow: { id: string }, nodes: JobNode[]): Promise<MemberResult[]> {
    const ids = new MemberIds(flow.id)
    return Promise.all(nodes.map((node) => this.#result(ids.ref(node.job.queue, node.n))))
  }

  async #result(ref: JobRef): Promise<MemberResult> {
    const fields = ['finishedOn', 'returnvalue', 'failedReason', 'outputName', 'outputBytes']
    const values = await whenAvailable(this.#redis.hmget(this.#keys.job(ref), ...fields))
    const [finishedOn, returnvalue, failedReason, outputName, outputBytes] = values
    if (typeof finishedOn !== 'string') return { status: 'missing' }
    if (typeof returnvalue !== 'string') return { status: 'failed', failure: decodeFailure(failedReason ?? '', 0) }
    const stored = decodeStoredOutput({
      returnvalue,
      ...(typeof outputName === 'string' && { outputName, outputBytes: outputBytes ?? '0' }),
    })
    if (!stored) return { status: 'succeeded', output: returnvalue }
    if (stored.bytes > flowBounds.inputBytes) return { status: 'too_large' }
    const pieces = readStoredOutput({ redis: this.#redis, keys: this.#keys }, ref, stored, 0, stored.bytes)
    try {
      return { status: 'succeeded', output: Buffer.concat(await Array.fromAsync(pieces)).toString() }
    } catch (error) {
      if (error instanceof OutputGoneError) return { status: 'missing' }
      throw error
    }
  }

  /** What a job needs to be queued in, in the order of the scripts. */
  #queueing(queue: string): string[] {
    const sets = ['prioritized', 'delayed', 'pc', 'marker', 'meta'].map((set) => this.#keys.bull(queue, set))
    return [...sets, this.#keys.timeLimits(queue)]
  }

  /** Sends the arguments for some nodes of one queue after the other: so many, and so large together, that a call is short. */
  async #inQueues(
    nodes: Iterable<JobNode>,
    argsOf: (node: JobNode) => (string | number)[],
    send: (queue: string, args: (string | number)[], nodes: JobNode[]) => Promise<unknown>,
  ): Promise<void> {
    for (const [queue, all] of Map.groupBy(nodes, ({ job }) => job.queue)) {
      let args: (string | number)[] = []
      let characters = 0
      let from = 0
      for (const [i, node] of all.entries()) {
        const more = argsOf(node)
        args.push(...more)
        for (const arg of more) characters += typeof arg === 'string' ? arg.length : 0
        if (i + 1 - from < atOnce && characters < mostCharacters && i + 1 < all.length) continue
        await whenAvailable(send(queue, args, all.slice(from, i + 1)))
        args = []
        characters = 0
        from = i + 1
      }
    }
  }
}

/** A job's record, and when it is due. Its delay and its limits count from `now`, when the flow comes to it. */
function started(
  flow: FlowOf,
  { n, job }: JobNode,
  now: number | undefined,
  input: unknown = job.record.input,
): { runAt: number | undefined; record: JobRecord } {
  const record: JobRecord = { v: recordVersion, ...job.record, input, flow: { id: flow.id, node: n } }
  if (now === undefined) return { runAt: undefined, record }
  const runAt = job.runAt ?? (job.delayMs === undefined ? undefined : now + job.delayMs)
  // Since then it could start, not since the flow was submitted.
  record.reopenedAt = Math.max(now, runAt ?? now)
  const hasLimits = record.startWithinMs !== undefined || record.deadlineMs !== undefined
  return { runAt, record: hasLimits ? { ...record, countsFrom: record.reopenedAt } : record }
}

function readStanding(text: string): MemberStanding {
  const [, word, at, reason] = /^(\w+)(?: (\d+)(?: ([\s\S]*))?)?$/.exec(text) ?? []
  if (word === 'succeeded') return { status: 'ended', state: 'succeeded', at: Number(at), failure: undefined }
  if (word === 'failed') {
    const failure = decodeFailure(reason ?? '', 0)
    return { status: 'ended', state: endState(false, failure), at: Number(at), failure }
  }
  return { status: word === 'earlier' || word === 'blocked' || word === 'open' ? word : 'missing' }
}
