import type { Registry } from '../../jobs/registry.ts'
import type { JobRef } from '../model/job-id.ts'
import type { JobEnd } from '../model/job-states.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import type { WebhookOutbox } from '../webhooks/outbox.ts'
import { advanceFlow } from './advance.ts'
import { FlowMembers, type MemberResult } from './flow-jobs.ts'
import { FlowStore, type NewFlow } from './flow-store.ts'
import { settleFlowWebhook } from './flow-webhook.ts'
import type { FlowHead, FlowNode } from './model/document.ts'
import { FlowEvaluation } from './model/evaluation.ts'
import { MemberIds } from './model/flow-job-id.ts'
import { FlowPlan, type JobNode, type PlanNode } from './model/plan.ts'
import { OpenFlow } from './open-flow.ts'
import { FlowOutputs, type Found } from './outputs.ts'

/** A flow with its progress: how many of its jobs are in each state. */
export interface FlowProgress {
  flow: FlowHead
  /** The nodes that run at the moment, and those that wait for their time. */
  running: Set<number>
  scheduled: Set<number>
}

/** The API's side of flows: put one in, read it back, stop it, run it again. @throws QueueUnavailableError */
export class Flows {
  readonly store: FlowStore
  readonly #members: FlowMembers
  readonly #registry: Registry
  readonly #outbox: WebhookOutbox
  readonly #onAdded: (type: string) => void

  /** `onAdded` hears of every job of a flow that was stored here. */
  constructor(deps: {
    redis: Redis
    keys: Keys
    registry: Registry
    outbox: WebhookOutbox
    onAdded?: (type: string) => void
  }) {
    this.store = new FlowStore(deps)
    this.#members = new FlowMembers(deps)
    this.#registry = deps.registry
    this.#outbox = deps.outbox
    this.#onAdded = deps.onAdded ?? (() => undefined)
  }

  /** Stores a flow and all its jobs. When this resolves, it goes on by itself. Doing it again under the same id changes nothing. */
  async add(flow: Omit<NewFlow, 'nodes' | 'jobs' | 'ready'>): Promise<void> {
    const plan = new FlowPlan(flow.tree, [])
    const first = new Set(new FlowEvaluation(plan).takeActions().release)
    const jobs = [...plan.jobs()]
    const nodes = [...plan.nodes()].length
    const isNew = await this.store.create({ ...flow, nodes, jobs: jobs.length, ready: first.size })
    const isUnstored = isNew || !(await this.store.glance(flow.id)).isStored
    if (isUnstored) {
      await this.#members.store({ ...flow, run: 1 }, jobs, (node) => (first.has(node) ? 'ready' : 'blocked'))
      await this.store.noteStored(flow.id)
    }
    if (isNew) for (const { job } of jobs) this.#onAdded(job.type)
    await this.store.hint(flow.id)
  }

  /** The jobs that a flow will have, but for those that a map will become. */
  refs(flow: { id: string; tree: FlowNode }): JobRef[] {
    const ids = new MemberIds(flow.id)
    return [...new FlowPlan(flow.tree, []).jobs()].map(({ n, job }) => ids.ref(job.queue, n))
  }

  /** Whether there is such a flow, and it goes on. */
  async isOpen(id: string | undefined): Promise<boolean> {
    if (id === undefined) return false
    const { run, isFinished } = await this.store.glance(id)
    return run > 0 && !isFinished
  }

  /** A flow as it stands; undefined when there is none. */
  async read(id: string): Promise<FlowProgress | undefined> {
    const flow = await this.store.head(id)
    return flow && this.progress(flow)
  }

  /** … of which the head was read. */
  async progress(flow: FlowHead): Promise<FlowProgress> {
    if (flow.finished) return { flow, running: new Set(), scheduled: new Set() }
    return { flow, ...(await this.#members.underWay(flow, flow.queues)) }
  }

  /** A flow before anything of it had ended, to go through its ends one by one. */
  begin(id: string): Promise<OpenFlow | undefined> {
    return OpenFlow.begin(this.store, id)
  }

  /** A flow with all its nodes, as far as they have ended. */
  open(id: string): Promise<OpenFlow | undefined> {
    return OpenFlow.read(this.store, id)
  }

  /** The output of a node that has ended; a large one is `too_large`. */
  output(open: OpenFlow, node: PlanNode): Promise<Found> {
    return new FlowOutputs(open.flow, open.evaluation, this.#members).at(node, [])
  }

  /** What jobs gave, in the order given. */
  results(flow: { id: string }, nodes: JobNode[]): Promise<MemberResult[]> {
    return this.#members.results(flow, nodes)
  }

  /**
   * Stops a flow. When this resolves to `stopping`, no job of it will start any more: those that waited have ended, and the
   * workers of the others are told.
   */
  async cancel(id: string, now: number): Promise<'missing' | 'done' | 'stopping'> {
    const found = await this.store.stop(id, 'canceled', now)
    if (found !== 'stopping') return found
    // What is out of date is read again; each time somebody else has brought it on.
    for (let tries = 0; tries < mostTries; tries++) {
      const open = await OpenFlow.read(this.store, id)
      if (!open) return 'missing'
      const advanced = await this.#advance(open, [])
      if (advanced !== 'stale') return 'stopping'
    }
    throw new Error(`the flow ${id} did not hold still to be stopped`)
  }

  /**
   * Opens the next run of a flow that ended without success: what succeeded stays, all else is blocked again, and the flow
   * goes on from there.
   *
   * @returns false when it is not in that state
   */
  async retry(id: string, now: number): Promise<boolean> {
    const open = await OpenFlow.read(this.store, id)
    const flow = open?.flow
    if (!open || !flow?.finished || flow.finished.state === 'succeeded') return false
    const again = [...notSucceeded(open, open.plan.root)]
    const jobs = again.filter((node) => node.kind === 'job')
    const ended = again.map((node) => {
      return { node: node.n, state: node.kind === 'job' ? open.evaluation.endOf(node)?.state : undefined }
    })
    const deadlineAt = flow.deadlineMs === undefined ? undefined : now + flow.deadlineMs
    // What this run owes is made before the next begins, or nobody would ever know of it.
    if (flow.webhook) await settleFlowWebhook({ store: this.store, outbox: this.#outbox }, id)
    if (!(await this.store.reopen(flow, ended, jobs.length, deadlineAt))) return false
    const next = await OpenFlow.read(this.store, id)
    if (next?.flow.run === flow.run + 1) {
      // Some may have been removed since.
      await this.#members.store(next.flow, jobs, () => 'blocked')
      await this.#members.reblock(next.flow, jobs)
      await this.#advance(next, [])
    }
    await this.store.hint(id)
    return true
  }

  #advance(open: OpenFlow, jobs: JobNode[]) {
    const deps = { store: this.store, members: this.#members, registry: this.#registry, outbox: this.#outbox }
    return advanceFlow(deps, open, jobs)
  }
}

const mostTries = 5

/** The jobs below a node, and the maps that became nothing, that are to end anew. What succeeded as a whole stays as it is. */
function* notSucceeded({ evaluation }: OpenFlow, root: PlanNode): Generator<PlanNode> {
  const stateOf = (node: PlanNode): JobEnd | undefined => evaluation.endOf(node)?.state
  const walk = function* (node: PlanNode): Generator<PlanNode> {
    if (stateOf(node) === 'succeeded') return
    if (node.kind === 'job' || (node.kind === 'map' && !node.isExpanded)) yield node
    else for (const child of node.children) yield* walk(child)
  }
  yield* walk(root)
}
