import type { Registry } from '../../jobs/registry.ts'
import { TenantQuotas } from '../admission/tenant-quotas.ts'
import type { JobRef } from '../model/job-id.ts'
import type { JobEnd } from '../model/job-states.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import type { WebhookOutbox } from '../webhooks/outbox.ts'
import { type AdvanceDeps, advanceFlow } from './advance.ts'
import type { FlowDoor } from './expand-map.ts'
import { FlowJobs } from './flow-jobs.ts'
import type { NewFlow } from './flow-record.ts'
import { FlowStore } from './flow-store.ts'
import { settleFlowWebhook } from './flow-webhook.ts'
import { LoadedFlow } from './loaded-flow.ts'
import type { FlowHead } from './model/document.ts'
import { refsOf } from './model/flow-job-id.ts'
import { isWhole, type JobNode, type PlanNode } from './model/plan.ts'
import { FlowOutputs, type Found } from './outputs.ts'
import type { PlannedFlow } from './plan-flow.ts'
import type { JobResult } from './read-job-result.ts'

export { flowOwner } from './flow-webhook.ts'
export type { LoadedFlow } from './loaded-flow.ts'
export { refsOf } from './model/flow-job-id.ts'
export { planFlow } from './plan-flow.ts'
export type { JobResult } from './read-job-result.ts'

/** A flow to be submitted, validated by the caller. */
export type FlowSubmission = Omit<NewFlow, 'tree' | 'expansions' | 'nodes' | 'jobs' | 'ready'> & { plan: PlannedFlow }

/** A flow with its progress. */
export interface FlowProgress {
  flow: FlowHead
  /** The nodes that run now, and those that wait for their time. */
  running: Set<number>
  scheduled: Set<number>
}

/** The API's side of flows: submit, read, cancel and retry. All methods throw QueueUnavailableError. */
export class Flows {
  readonly store: FlowStore
  readonly #jobs: FlowJobs
  readonly #outbox: WebhookOutbox
  readonly #advanceDeps: AdvanceDeps
  readonly #onAdded: (type: string, tenant: string) => void

  /** `onAdded` is called for each job of a flow that this process stored, `onEnded` for each that it ended before it had started. */
  constructor(deps: {
    redis: Redis
    keys: Keys
    registry: Registry
    outbox: WebhookOutbox
    door: FlowDoor
    onAdded?: (type: string, tenant: string) => void
    onEnded?: (type: string, end: JobEnd) => void
  }) {
    this.store = new FlowStore(deps)
    this.#jobs = new FlowJobs(deps)
    this.#outbox = deps.outbox
    const { registry, outbox, door } = deps
    this.#advanceDeps = { store: this.store, jobs: this.#jobs, registry, outbox, door, quotas: new TenantQuotas(deps) }
    this.#onAdded = deps.onAdded ?? (() => undefined)
  }

  /** Stores a flow and all its jobs; idempotent. Once this resolves, the coordinator drives the flow to completion. */
  async add(flow: FlowSubmission): Promise<void> {
    const { tree, expansions, nodes, jobs, first } = flow.plan
    const counts = { nodes, jobs: jobs.length, ready: first.size }
    const isNew = await this.store.create({ ...flow, tree, expansions, ...counts })
    const isUnstored = isNew || !(await this.store.readStatus(flow.id)).isStored
    if (isUnstored) {
      await this.#jobs.store({ ...flow, run: 1 }, jobs, (node) => (first.has(node) ? 'ready' : 'blocked'))
      await this.store.markStored(flow.id)
    }
    if (isNew) for (const { job } of jobs) this.#onAdded(job.type, flow.tenant)
    await this.store.hint(flow.id)
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
    if (flow.finished) return { flow, running: new Set(), scheduled: new Set() }
    return { flow, ...(await this.#jobs.underWay(flow, flow.queues)) }
  }

  /** A flow as it was before anything had ended, to go through its ends one by one. */
  begin(id: string): Promise<LoadedFlow | undefined> {
    return LoadedFlow.begin(this.store, id)
  }

  /** A flow with all its ends. */
  open(id: string): Promise<LoadedFlow | undefined> {
    return LoadedFlow.read(this.store, id)
  }

  /** The output of an ended node; `too_large` where it is larger than an input may be. */
  output(loaded: LoadedFlow, node: PlanNode): Promise<Found> {
    return new FlowOutputs(loaded.flow, loaded.evaluation, this.#jobs).at(node, [])
  }

  /** The outputs or failures of jobs, in the order given. */
  results(flow: { id: string }, nodes: JobNode[]): Promise<JobResult[]> {
    return this.#jobs.results(flow, nodes)
  }

  /**
   * Cancels a flow. When this resolves to `stopping`, no job of it starts any more: waiting jobs have ended, and the workers of running
   * jobs are signaled.
   */
  async cancel(id: string, now: number): Promise<'missing' | 'done' | 'stopping'> {
    const stopped = await this.store.stop(id, 'canceled', now)
    if (stopped !== 'stopping') return stopped
    // Each time the flow is out of date, another process has driven it forward.
    for (let tries = 0; tries < maxTries; tries++) {
      const loaded = await LoadedFlow.read(this.store, id)
      if (!loaded) return 'missing'
      const advanced = await this.#advance(loaded, [])
      if (advanced !== 'stale') return 'stopping'
    }
    throw new Error(`flow ${id} kept changing; gave up after ${maxTries} attempts to cancel it`)
  }

  /**
   * Opens the next run of a flow that ended without success: what succeeded keeps its end, everything else is blocked again, and the
   * flow continues from there.
   *
   * @param door admits the jobs that are to run again, or throws; `leave` gives their places back
   * @returns false when the flow is not in such a state
   */
  async retry(
    id: string,
    now: number,
    door: { admit: (refs: JobRef[]) => Promise<void>; leave: (refs: JobRef[]) => Promise<void> },
  ): Promise<boolean> {
    const loaded = await LoadedFlow.read(this.store, id)
    const flow = loaded?.flow
    if (!loaded || !flow?.finished || flow.finished.state === 'succeeded') return false
    const again = [...notSucceeded(loaded, loaded.plan.root)]
    const jobs = again.filter((node) => node.kind === 'job')
    const ended = again.map((node) => {
      return { node: node.n, state: node.kind === 'job' ? loaded.evaluation.endOf(node)?.state : undefined }
    })
    const deadlineAt = flow.deadlineMs === undefined ? undefined : now + flow.deadlineMs
    const refs = refsOf(id, jobs)
    await door.admit(refs)
    // The webhook of the ended run must be stored before the next run replaces it.
    if (flow.webhook) await settleFlowWebhook({ store: this.store, outbox: this.#outbox }, id)
    if (!(await this.store.reopen(flow, ended, jobs.length, deadlineAt))) {
      await door.leave(refs)
      return false
    }
    const next = await LoadedFlow.read(this.store, id)
    if (next?.flow.run === flow.run + 1) {
      // Some jobs may have been removed.
      await this.#jobs.store(next.flow, jobs, () => 'blocked')
      await this.#jobs.reblock(next.flow, jobs)
      await this.#advance(next, [])
    }
    await this.store.hint(id)
    return true
  }

  #advance(loaded: LoadedFlow, jobs: JobNode[]) {
    return advanceFlow(this.#advanceDeps, loaded, jobs)
  }
}

/** Attempts to cancel a flow that other processes drive at the same time. */
const maxTries = 5

/** The jobs below a node, and the maps that were not expanded as a whole, that are to end anew: all that is not below a node that succeeded. */
function* notSucceeded({ evaluation }: LoadedFlow, root: PlanNode): Generator<PlanNode> {
  const stateOf = (node: PlanNode): JobEnd | undefined => evaluation.endOf(node)?.state
  const walk = function* (node: PlanNode): Generator<PlanNode> {
    if (stateOf(node) === 'succeeded') return
    // A map that is not whole may have failed itself.
    if (node.kind === 'job' || (node.kind === 'map' && !isWhole(node))) yield node
    if (node.kind !== 'job') for (const child of node.children) yield* walk(child)
  }
  yield* walk(root)
}
