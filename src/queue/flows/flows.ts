import type { Registry } from '../../jobs/registry.ts'
import { TenantQuotas } from '../admission/tenant-quotas.ts'
import { BullQueues } from '../bullmq/bull-queues.ts'
import type { JobRef } from '../model/job-id.ts'
import type { JobEnd } from '../model/job-states.ts'
import type { FlowPlace } from '../model/standing.ts'
import type { Redis } from '../redis/connection.ts'
import { fence, incarnationOf } from '../redis/incarnation.ts'
import type { Keys } from '../redis/keys.ts'
import type { WebhookOutbox } from '../webhooks/outbox.ts'
import { type AdvanceDeps, advanceFlow } from './advance.ts'
import type { FlowDoor } from './expand-map.ts'
import { FlowJobs } from './flow-jobs.ts'
import type { NewFlow } from './flow-record.ts'
import { FlowStore } from './flow-store.ts'
import { settleFlowWebhook } from './flow-webhook.ts'
import { nothingUnderWay, readUnderWay, readUnderWayOf, type UnderWay } from './jobs-under-way.ts'
import { LoadedFlow } from './loaded-flow.ts'
import type { FlowHead } from './model/document.ts'
import { refsOf } from './model/flow-job-id.ts'
import type { JobNode, PlanNode } from './model/plan.ts'
import { nodesGivenUp, planRetry } from './model/retry-plan.ts'
import { waitsFor } from './model/waits-for.ts'
import { FlowOutputs, type Found } from './outputs.ts'
import type { PlannedFlow } from './plan-flow.ts'
import type { JobResult } from './read-job-result.ts'
import { deleteFlow } from './remove-flows.ts'
import { chooseJobs, jobsIn, reopening } from './reopening.ts'

export { flowOwner } from './flow-webhook.ts'
export type { LoadedFlow } from './loaded-flow.ts'
export { refsOf } from './model/flow-job-id.ts'
export { planFlow } from './plan-flow.ts'
export type { JobResult } from './read-job-result.ts'

/** A flow to be submitted, validated by the caller. */
export type FlowSubmission = Omit<NewFlow, 'tree' | 'expansions' | 'nodes' | 'jobs' | 'ready'> & { plan: PlannedFlow }

/** A flow with its progress. */
export interface FlowProgress extends UnderWay {
  flow: FlowHead
}

interface Deps {
  redis: Redis
  keys: Keys
  registry: Registry
  outbox: WebhookOutbox
  door: FlowDoor
  /** Called for each job of a flow that this process stored. */
  onAdded?: (type: string, tenant: string) => void
  /** Whether there are tenants that take turns. */
  isShared?: () => boolean
  /** Called for each job that this process ended before it had started. */
  onEnded?: (type: string, end: JobEnd) => void
}

/** The API's side of flows: submit, read, cancel and retry. All methods throw QueueUnavailableError. */
export class Flows {
  readonly store: FlowStore
  readonly #deps: Deps
  readonly #bull: BullQueues
  readonly #jobs: FlowJobs
  readonly #onAdded: (type: string, tenant: string) => void

  constructor(deps: Deps) {
    this.store = new FlowStore(deps)
    this.#deps = deps
    this.#bull = new BullQueues({ redis: deps.redis, keys: deps.keys, isListed: true, isShared: deps.isShared })
    this.#jobs = new FlowJobs({ ...deps, bull: this.#bull })
    this.#onAdded = deps.onAdded ?? (() => undefined)
  }

  /** Another one: what was read of a flow before may be ahead of what Redis has. */
  get incarnation(): number {
    return incarnationOf(this.#deps.redis)
  }

  /** Stores a flow and all its jobs, unless it was just removed; idempotent. Once this resolves, the coordinator drives the flow to completion. */
  async add(flow: FlowSubmission): Promise<void> {
    const { tree, expansions, nodes, jobs, first } = flow.plan
    const counts = { nodes, jobs: jobs.length, ready: first.size }
    const deps = this.#forOneChange()
    const isNew = await deps.store.create({ ...flow, tree, expansions, ...counts })
    const status = isNew ? { run: 1, isStored: false } : await deps.store.readStatus(flow.id)
    // It was removed a moment ago, and its id is still taken.
    if (status.run === 0) return deps.store.index.remove(flow)
    if (!status.isStored) {
      const stored = { ...flow, run: 1 }
      await deps.jobs.store(stored, jobs, (node) => (first.has(node) ? 'ready' : 'blocked'))
      if (!(await deps.store.markStored(flow.id))) return deps.jobs.discard(stored, jobs)
    }
    if (isNew) for (const { job } of jobs) this.#onAdded(job.type, flow.tenant)
    await deps.store.hint(flow.id)
  }

  /** Whether a flow exists and has not ended. */
  async isOpen(id: string | undefined): Promise<boolean> {
    if (id === undefined) return false
    const { run, isFinished } = await this.store.readStatus(id)
    return run > 0 && !isFinished
  }

  /** A flow with its progress; undefined when there is none. */
  async read(id: string): Promise<FlowProgress | undefined> {
    const flow = await this.store.head(id)
    return flow && this.progress(flow)
  }

  /** Adds the progress to a flow that was read. */
  async progress(flow: FlowHead): Promise<FlowProgress> {
    if (flow.finished) return { flow, ...nothingUnderWay() }
    return { flow, ...(await readUnderWay(this.#deps, flow)) }
  }

  /** … to many, at once. */
  async progressOf(flows: FlowHead[]): Promise<FlowProgress[]> {
    const open = flows.filter(({ finished }) => !finished)
    const underWay = await readUnderWayOf(this.#deps, open)
    return flows.map((flow) => ({ flow, ...(underWay.get(flow.id) ?? nothingUnderWay()) }))
  }

  /** A flow as it was before anything had ended, to go through its ends one by one. */
  begin(id: string): Promise<LoadedFlow | undefined> {
    return LoadedFlow.begin(this.store, id)
  }

  /** A flow with all its ends. */
  open(id: string): Promise<LoadedFlow | undefined> {
    return LoadedFlow.read(this.store, id)
  }

  /** Where a job stands in its flow, as JSON Pointers: its own, and that of the step that comes first. @throws QueueUnavailableError */
  async placeOf({ id, node: n }: { id: string; node: number }): Promise<FlowPlace | undefined> {
    const open = await this.open(id)
    const node = open?.plan.node(n)
    if (!open || !node) return undefined
    return { path: node.path, waitsFor: waitsFor(node, (other) => open.evaluation.endOf(other) !== undefined)?.path }
  }

  /** The output of an ended node; `too_large` where it is larger than an input may be. */
  output(loaded: LoadedFlow, node: PlanNode): Promise<Found> {
    return new FlowOutputs(loaded.flow, loaded.evaluation, this.#jobs).at(node, [])
  }

  /** The outputs or failures of jobs, in the order given. */
  results(flow: { id: string }, nodes: JobNode[], view?: 'whole' | 'small'): Promise<JobResult[]> {
    return this.#jobs.results(flow, nodes, view)
  }

  /**
   * Cancels a flow. When this resolves to `stopping`, no job of it starts any more: waiting jobs have ended, and the workers of running
   * jobs are signaled.
   */
  async cancel(id: string, now: number): Promise<'missing' | 'done' | 'stopping'> {
    const deps = this.#forOneChange()
    const stopped = await deps.store.stop(id, 'canceled', now)
    if (stopped !== 'stopping') return stopped
    // Each time the flow is out of date, another process has driven it forward.
    for (let tries = 0; tries < maxTries; tries++) {
      const loaded = await LoadedFlow.read(deps.store, id)
      if (!loaded) return 'missing'
      const advanced = await advanceFlow(deps, loaded, [])
      if (advanced !== 'stale') return 'stopping'
    }
    throw new Error(`flow ${id} kept changing; gave up after ${maxTries} attempts to cancel it`)
  }

  /**
   * Opens the next run of an ended flow with the jobs that {@link planRetry} names: everything else keeps its end, and the flow continues
   * from there. Of several calls at once one succeeds.
   *
   * @param options `members` are ids of jobs that did not succeed, absent: all of them. `door` admits the jobs that are to run again, or
   *   throws; `leave` gives their places back
   */
  async retry(
    id: string,
    now: number,
    { members, door }: { members?: string[] | undefined; door: Door },
  ): Promise<Retried> {
    const deps = this.#forOneChange()
    const loaded = await LoadedFlow.read(deps.store, id)
    const flow = loaded?.flow
    if (!loaded || !flow?.finished) return { status: 'not_done' }
    const { chosen, mistakes } = chooseJobs(loaded, members)
    if (mistakes.length > 0) return { status: 'invalid', mistakes }
    const plan = planRetry(loaded.plan, loaded.evaluation, chosen)
    if (plan.jobs.length + plan.maps.length === 0) return { status: 'nothing_failed' }
    const refs = refsOf(id, plan.jobs)
    await door.admit(refs)
    // The webhook of the ended run must be stored before the next run replaces it.
    if (flow.webhook) await settleFlowWebhook(deps, id)
    const deadlineAt = flow.deadlineMs === undefined ? undefined : now + flow.deadlineMs
    if (!(await deps.store.reopen(flow, reopening(loaded, plan, deadlineAt)))) {
      await door.leave(refs)
      return { status: 'not_done' }
    }
    const next = await LoadedFlow.read(deps.store, id)
    if (next?.flow.run === flow.run + 1) {
      // Some jobs may have been removed.
      await deps.jobs.store(next.flow, plan.jobs, () => 'blocked')
      await deps.jobs.reblock(next.flow, plan.jobs)
      // What a crash leaves of these expires as jobs without a flow do.
      await deps.jobs.remove(next.flow, jobsIn(nodesGivenUp(plan)))
      await advanceFlow(deps, next, [])
    }
    await deps.store.hint(id)
    return { status: 'retried' }
  }

  /** See {@link deleteFlow}. */
  remove(id: string): Promise<'removed' | 'missing' | 'not_done'> {
    return deleteFlow(this.#forOneChange(), id)
  }

  /** What changes a flow in several steps. It fails, for the caller to begin again, when Redis may have lost the first of them. */
  #forOneChange(): AdvanceDeps & { redis: Redis; keys: Keys } {
    const { keys, registry, outbox, door, onEnded } = this.#deps
    const redis = fence(this.#deps.redis)
    const stored = { redis, keys, store: new FlowStore({ redis, keys }), quotas: new TenantQuotas({ redis, keys }) }
    return {
      ...stored,
      jobs: new FlowJobs({ redis, keys, registry, bull: this.#bull, onEnded }),
      registry,
      outbox,
      door,
    }
  }
}

/** Attempts to cancel a flow that other processes drive at the same time. */
const maxTries = 5

/** Admits jobs that are to run again, or throws; `leave` gives their places back. */
interface Door {
  admit: (refs: JobRef[]) => Promise<void>
  leave: (refs: JobRef[]) => Promise<void>
}

/** What became of a retry; `mistakes` are those of the given members, by their index. */
export type Retried =
  | { status: 'retried' | 'not_done' | 'nothing_failed' }
  | { status: 'invalid'; mistakes: { index: number; detail: string }[] }
