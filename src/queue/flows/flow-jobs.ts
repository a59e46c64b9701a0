import { cancelGraceMs } from '../../jobs/cancel-grace.ts'
import type { Registry } from '../../jobs/registry.ts'
import { TenantQuotas } from '../admission/tenant-quotas.ts'
import type { BullQueues } from '../bullmq/bull-queues.ts'
import { encodeFailure, type StoredFailure } from '../model/failure.ts'
import { timeLimits } from '../model/job-record.ts'
import type { JobEnd } from '../model/job-states.ts'
import type { NewJob } from '../model/new-job.ts'
import { largeInputBytes } from '../model/payload.ts'
import { redisNow } from '../model/redis-time.ts'
import { type StepScheduling, schedulingHash } from '../model/scheduling.ts'
import { QueueUnavailableError, type Redis, whenAvailable } from '../redis/connection.ts'
import { isFencedOff, OtherIncarnationError } from '../redis/incarnation.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import { canceledMessage, cancelMarginMs } from '../store/cancel-and-retry.ts'
import { blockedRecord, decodeState, type FlowJobState, releasedRecord } from './flow-job-record.ts'
import type { StoredFlow } from './model/document.ts'
import { FlowJobIds, refsOf } from './model/flow-job-id.ts'
import { type JobNode, plainSuccessor } from './model/plan.ts'
import { type JobResult, readJobResult } from './read-job-result.ts'
import { scriptBatches } from './script-batches.ts'

const releaseJobs = loadScript('bullmq/release-flow-jobs')
const readJobs = loadScript('flows/read-flow-jobs')
const cancelJobs = loadScript('bullmq/cancel-flow-jobs')
const reblockJobs = loadScript('bullmq/reblock-flow-jobs')
const removeJobs = loadScript('bullmq/remove-flow-jobs')

/** Jobs that are prepared at once. */
const maxAddedAtOnce = 200
/** Places that are given back at once. */
const maxLeavingAtOnce = 1000

type FlowOf = Pick<StoredFlow, 'id' | 'run' | 'createdAt' | 'tenant' | 'tags'> & { requestId?: string | undefined }

/** A blocked job is either released with its input, or fails without being run. */
export type Release =
  | { node: JobNode; input: unknown; scheduling?: StepScheduling }
  | { node: JobNode; failure: StoredFailure }

/** The jobs of flows in Redis, many in one call. All methods are idempotent and throw QueueUnavailableError. */
export class FlowJobs {
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #registry: Registry
  readonly #bull: BullQueues
  readonly #quotas: TenantQuotas
  readonly #onEnded: (type: string, end: JobEnd) => void

  /** `onEnded` is called for each job that a method ended before it had started. */
  constructor(deps: {
    redis: Redis
    keys: Keys
    registry: Registry
    /** On the same connection, past a fence. */
    bull: BullQueues
    onEnded?: ((type: string, end: JobEnd) => void) | undefined
  }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
    this.#registry = deps.registry
    this.#bull = deps.bull
    this.#quotas = new TenantQuotas(deps)
    this.#onEnded = deps.onEnded ?? (() => undefined)
  }

  /** Stores the jobs that do not exist, each either ready to run or blocked. */
  async store(flow: FlowOf, nodes: Iterable<JobNode>, modeOf: (node: JobNode) => 'ready' | 'blocked'): Promise<void> {
    const ids = new FlowJobIds(flow.id)
    const { id, run, createdAt } = flow
    const newJob = (node: JobNode): NewJob => {
      const { type, queue, attempts } = node.job
      const isBlocked = modeOf(node) === 'blocked'
      const { runAt, record } = isBlocked
        ? { runAt: undefined, record: blockedRecord(flow, node) }
        : releasedRecord(flow, node, redisNow())
      const successor = plainSuccessor(node)
      const next = successor && ids.ref(queue, successor.n).id
      return {
        ref: ids.ref(queue, node.n),
        type,
        record,
        attempts,
        createdAt,
        runAt,
        flow: { id, run, isBlocked, next },
      }
    }
    for (const [queue, all] of Map.groupBy(nodes, ({ job }) => job.queue)) {
      for (let from = 0; from < all.length; from += maxAddedAtOnce) {
        if (isFencedOff(this.#redis)) throw new QueueUnavailableError(new OtherIncarnationError())
        await this.#bull.addBulk(queue, all.slice(from, from + maxAddedAtOnce).map(newJob))
      }
    }
  }

  /** The states of jobs, in the order given. */
  async readStates(flow: FlowOf, nodes: JobNode[]): Promise<FlowJobState[]> {
    const ids = new FlowJobIds(flow.id)
    const states = new Map<JobNode, FlowJobState>()
    for (const batch of scriptBatches(nodes, (node) => [ids.ref(node.job.queue, node.n).id])) {
      const args = [this.#keys.bull(batch.queue, ''), flow.run, ...batch.args]
      const reply = await whenAvailable(readJobs(this.#redis, [this.#keys.bull(batch.queue, 'failed')], args))
      if (!Array.isArray(reply)) continue
      for (const [i, node] of batch.nodes.entries()) states.set(node, decodeState(String(reply[i])))
    }
    return nodes.map((node) => states.get(node) ?? { status: 'missing' })
  }

  /**
   * Releases blocked jobs, or ends them as failed. Jobs that are not blocked stay as they are.
   *
   * @returns those: each was released before, and may have ended
   */
  async release(flow: FlowOf, releases: Release[]): Promise<JobNode[]> {
    const ids = new FlowJobIds(flow.id)
    const byNode = new Map(releases.map((release) => [release.node, release]))
    const now = redisNow()
    const argsOf = (node: JobNode) => {
      const { id } = ids.ref(node.job.queue, node.n)
      const release = byNode.get(node)
      if (!release || 'failure' in release)
        return [id, 'fail', release ? encodeFailure(release.failure) : '', '', '', '', '', '']
      const { runAt, record } = releasedRecord(flow, node, now, release)
      const { startBy, deadlineAt } = timeLimits(record)
      const data = JSON.stringify(record)
      const size = largeInputBytes(data, record) ?? ''
      // What it had in an earlier run of the flow goes.
      const keys = node.job.dynamic ? JSON.stringify(Object.entries(schedulingHash(record)).flat()) : ''
      return [id, 'release', data, runAt ?? '', startBy ?? '', deadlineAt ?? '', size, keys]
    }
    const failed: JobNode[] = []
    const before: JobNode[] = []
    for (const { queue, nodes, args } of scriptBatches(byNode.keys(), argsOf)) {
      const ends = ['failed', 'waiting-children'].map((set) => this.#keys.bull(queue, set))
      const names = [...this.#setsToQueueIn(queue), ...ends]
      const reply = await whenAvailable(releaseJobs(this.#redis, names, [this.#keys.bull(queue, ''), now, ...args]))
      if (!Array.isArray(reply)) continue
      const [failedAt, beforeAt] = reply as [number[], number[]]
      // Numbered from 1, as in Lua.
      failed.push(...failedAt.flatMap((place) => nodes[place - 1] ?? []))
      before.push(...beforeAt.flatMap((place) => nodes[place - 1] ?? []))
    }
    await this.#leave(flow, failed, 'failed')
    return before
  }

  /**
   * Ends jobs that have not started, and signals the workers of the others.
   *
   * @returns the jobs that ended by this call, and those that may have ended before or may end soon
   */
  async cancel(
    flow: FlowOf,
    nodes: Iterable<JobNode>,
    now: number,
  ): Promise<{ ended: JobNode[]; unsettled: JobNode[] }> {
    const ids = new FlowJobIds(flow.id)
    const ended: JobNode[] = []
    const unsettled: JobNode[] = []
    const sets = ['delayed', 'prioritized', 'wait', 'active', 'stalled', 'failed']
    const argsOf = ({ n, job }: JobNode) => {
      return [ids.ref(job.queue, n).id, cancelGraceMs(this.#registry, job.type) + cancelMarginMs]
    }
    for (const batch of scriptBatches(nodes, argsOf)) {
      const { queue, args } = batch
      const names = sets.map((set) => this.#keys.bull(queue, set))
      const head = [this.#keys.bull(queue, ''), now, canceledMessage, this.#keys.cancels(queue)]
      const reply = await whenAvailable(cancelJobs(this.#redis, names, [...head, ...args]))
      if (!Array.isArray(reply)) continue
      for (const [i, node] of batch.nodes.entries()) (reply[i] === 'ended' ? ended : unsettled).push(node)
    }
    await this.#leave(flow, ended, 'canceled')
    return { ended, unsettled }
  }

  /** Gives back the places of jobs that have ended unstarted, and counts them. */
  async #leave(flow: FlowOf, ended: JobNode[], end: JobEnd): Promise<void> {
    for (const { job } of ended) this.#onEnded(job.type, end)
    const limited = ended.filter(({ job }) => job.record.limited)
    const ids = refsOf(flow.id, limited).map(({ id }) => id)
    for (let from = 0; from < ids.length; from += maxLeavingAtOnce)
      await this.#quotas.leave(flow.tenant, ids.slice(from, from + maxLeavingAtOnce))
  }

  /** Blocks jobs again that ended in an earlier run of the flow. */
  async reblock(flow: FlowOf, nodes: Iterable<JobNode>): Promise<void> {
    const ids = new FlowJobIds(flow.id)
    const argsOf = (node: JobNode) => {
      const record = blockedRecord(flow, node)
      const data = JSON.stringify(record)
      return [ids.ref(node.job.queue, node.n).id, data, largeInputBytes(data, record) ?? '']
    }
    for (const { queue, args } of scriptBatches(nodes, argsOf)) {
      const bull = (set: string) => this.#keys.bull(queue, set)
      const names = [bull('failed'), this.#keys.timeLimits(queue), bull('waiting-children'), bull('completed')]
      await whenAvailable(reblockJobs(this.#redis, names, [this.#keys.bull(queue, ''), flow.run, ...args]))
    }
  }

  /** Cancels and removes jobs of a flow that is gone. */
  async discard(flow: FlowOf, nodes: JobNode[]): Promise<void> {
    await this.cancel(flow, nodes, redisNow())
    await this.remove(flow, nodes)
  }

  /** Removes jobs with everything that belongs to them. `evictedForMs`: they are evicted, and would have been kept for so long. */
  async remove(flow: FlowOf, nodes: Iterable<JobNode>, evictedForMs?: number): Promise<void> {
    const ids = new FlowJobIds(flow.id)
    for (const { queue, args } of scriptBatches(nodes, (node) => [ids.ref(node.job.queue, node.n).id])) {
      const sets = ['completed', 'failed'].map((set) => this.#keys.bull(queue, set))
      const beside = [this.#keys.timeLimits(queue), this.#keys.index(queue), this.#keys.webhookDebts(queue)]
      const names = [...sets, ...beside, this.#keys.evicted(queue)]
      const head = [this.#keys.bull(queue, ''), flow.tenant, evictedForMs ?? '']
      await whenAvailable(removeJobs(this.#redis, names, [...head, ...args]))
    }
  }

  /** The outputs or failures of jobs, in the order given. */
  async results(flow: { id: string }, nodes: JobNode[], view?: 'whole' | 'small'): Promise<JobResult[]> {
    const ids = new FlowJobIds(flow.id)
    const deps = { redis: this.#redis, keys: this.#keys }
    return Promise.all(nodes.map((node) => readJobResult(deps, ids.ref(node.job.queue, node.n), view)))
  }

  /** The keys that a script needs to queue a job, in the order of the scripts. */
  #setsToQueueIn(queue: string): string[] {
    const sets = ['prioritized', 'delayed', 'pc', 'marker', 'meta'].map((set) => this.#keys.bull(queue, set))
    return [...sets, this.#keys.timeLimits(queue)]
  }
}
