import type { Refusal } from '../admission/admission.ts'
import type { NodeEnded, RecordedEnd } from './flow-record.ts'
import type { FlowStore } from './flow-store.ts'
import type { StoredFlow } from './model/document.ts'
import { type FlowActions, FlowEvaluation } from './model/evaluation.ts'
import { FlowJobIds } from './model/flow-job-id.ts'
import { FlowPlan, type JobNode, type MapNode, type PlanNode } from './model/plan.ts'

/** Ends in one read. */
const pageSize = 5000

/** A map that waits until there is room for its jobs. Times by `performance.now()`. */
export interface HeldMap {
  since: number
  retryAt: number
  refusal: Refusal
}

/** A flow in the memory of one process: its document, and the ends that the process has read so far. */
export class LoadedFlow {
  flow: StoredFlow
  readonly plan: FlowPlan
  readonly evaluation: FlowEvaluation
  /** How many entries of the order of ends are in the evaluation. */
  known = 0
  /** Maps whose jobs may not all be stored, and from which item on. */
  readonly unstored: Map<number, number>
  /** Maps for more of whose items there was no room. */
  readonly held = new Map<MapNode, HeldMap>()
  /** The jobs that start with the flow with a complete input: in its first run they were stored ready. */
  readonly first: ReadonlySet<JobNode>
  /** What was to be done when the flow was read; some of it may be done already. */
  #pending: FlowActions
  readonly #ids: FlowJobIds

  private constructor(flow: StoredFlow, plan: FlowPlan, unstored: Map<number, number>) {
    this.flow = flow
    this.#ids = new FlowJobIds(flow.id)
    this.plan = plan
    this.unstored = unstored
    this.evaluation = new FlowEvaluation(plan)
    this.#pending = this.evaluation.takeActions()
    this.first = new Set(this.#pending.release.filter(({ job }) => !job.dynamic))
  }

  /** Reads a flow as it was before anything had ended, to go through its ends one by one. @throws QueueUnavailableError */
  static async begin(store: FlowStore, id: string): Promise<LoadedFlow | undefined> {
    const flow = await store.read(id)
    if (!flow) return undefined
    const { expansions, unstored } = await store.maps.read(id)
    return new LoadedFlow(flow, new FlowPlan(flow.tree, expansions), unstored)
  }

  /** Reads a flow and all its ends; undefined when there is no such flow. @throws QueueUnavailableError */
  static async read(store: FlowStore, id: string): Promise<LoadedFlow | undefined> {
    const loaded = await LoadedFlow.begin(store, id)
    if (!loaded) return undefined
    const { flow } = loaded
    for (;;) {
      const { run, jobs, ends } = await store.ends(id, loaded.known, pageSize)
      // The next run may have begun between two reads, or a map have been expanded.
      if (run !== flow.run || jobs !== flow.jobs) return LoadedFlow.read(store, id)
      if (!loaded.learn(ends)) return LoadedFlow.read(store, id)
      if (ends.length < pageSize) break
    }
    if (flow.stop && !flow.finished) loaded.evaluation.stop()
    loaded.#addPending(loaded.evaluation.takeActions())
    return loaded
  }

  /** Reads the maps that were expanded since the flow was read, and the items that were admitted. @throws QueueUnavailableError */
  async learnExpansions(store: FlowStore): Promise<void> {
    const { expansions } = await store.maps.read(this.flow.id)
    for (const expansion of expansions.sort((a, b) => a.first - b.first)) {
      const map = this.plan.expand(expansion)
      if (map) this.evaluation.expanded(map)
    }
  }

  /** Evaluates ends, in their order. @returns false when one is of a node that is not in the plan: a map was expanded since */
  learn(ends: RecordedEnd[]): boolean {
    for (const { node: n, state } of ends) {
      const node = this.plan.node(n)
      if (!node) return false
      this.evaluation.record(node, state)
      this.known += 1
    }
    return true
  }

  /**
   * Records ends in Redis, then evaluates them with those that other processes have recorded.
   *
   * @returns false when this copy of the flow is out of date
   * @throws QueueUnavailableError
   */
  async recordEnds(store: FlowStore, ends: NodeEnded[]): Promise<boolean> {
    const recorded = await store.recordEnds(this.flow, this.known, ends)
    return recorded !== undefined && this.learn(recorded)
  }

  /** What was to be done when the flow was read, once. */
  takePending(): FlowActions {
    const pending = this.#pending
    this.#pending = { release: [], cancel: [], expand: [] }
    return pending
  }

  /** The maps that wait for room, to be tried again. */
  takeHeld(): MapNode[] {
    const { evaluation } = this
    for (const map of this.held.keys()) if (evaluation.endOf(map) || evaluation.isCanceling(map)) this.held.delete(map)
    return [...this.held.keys()]
  }

  /** Whether a map has waited long enough for another try. */
  isHeldDue(now: number): boolean {
    return [...this.held.values()].some(({ retryAt }) => retryAt <= now)
  }

  /** The jobs that were released or are being canceled, and have not ended. */
  *underWay(): Generator<JobNode> {
    for (const node of this.plan.jobs()) {
      const { evaluation } = this
      if (!evaluation.endOf(node) && (evaluation.isStarted(node) || evaluation.isCanceling(node))) yield node
    }
  }

  /** How many jobs were released, and have not ended as far as this process knows. */
  get underWayCount(): number {
    return this.evaluation.jobsPassed - this.evaluation.jobsEnded
  }

  /** The id of a node's job; null when the node is not a job. */
  jobId(node: PlanNode): string | null {
    return node.kind === 'job' ? this.#ids.ref(node.job.queue, node.n).id : null
  }

  /** How many jobs have not been released. */
  get blocked(): number {
    return this.flow.jobs - this.evaluation.jobsPassed
  }

  #addPending(actions: FlowActions): void {
    const { evaluation } = this
    const isOpen = (node: PlanNode) => !evaluation.endOf(node)
    const mayStart = (node: PlanNode) => isOpen(node) && !evaluation.isCanceling(node)
    this.#pending = {
      release: [...this.#pending.release, ...actions.release].filter(mayStart),
      cancel: actions.cancel,
      expand: [...this.#pending.expand, ...actions.expand].filter(mayStart),
    }
  }
}
