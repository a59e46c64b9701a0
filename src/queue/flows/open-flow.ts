import type { FlowStore, RecordedEnd } from './flow-store.ts'
import type { StoredFlow } from './model/document.ts'
import { type FlowActions, FlowEvaluation } from './model/evaluation.ts'
import { MemberIds } from './model/flow-job-id.ts'
import { FlowPlan, type JobNode, type PlanNode } from './model/plan.ts'

/** Most ends in one reading. */
const pageSize = 5000

/** A flow as one process has it in memory: what it is, and what has ended of it as far as this process knows. */
export class OpenFlow {
  flow: StoredFlow
  readonly plan: FlowPlan
  readonly evaluation: FlowEvaluation
  /** How much of the order of ends is in the evaluation. */
  known = 0
  /** Maps whose jobs may not all be stored. */
  readonly unstored: Set<number>
  /** What was to be done as of the reading; some of it may be done already. */
  carried: FlowActions = { release: [], cancel: [], expand: [] }
  /** The jobs that started with the flow: in its first run they were stored ready. */
  readonly first: ReadonlySet<JobNode>

  readonly #ids: MemberIds

  private constructor(flow: StoredFlow, plan: FlowPlan, unstored: Set<number>) {
    this.flow = flow
    this.#ids = new MemberIds(flow.id)
    this.plan = plan
    this.unstored = unstored
    this.evaluation = new FlowEvaluation(plan)
    this.carried = this.evaluation.takeActions()
    this.first = new Set(this.carried.release)
  }

  /** Reads a flow as it was before anything had ended: for those who go through the ends one by one. @throws QueueUnavailableError */
  static async begin(store: FlowStore, id: string): Promise<OpenFlow | undefined> {
    const flow = await store.read(id)
    if (!flow) return undefined
    const { expansions, unstored } = await store.expansions(id)
    return new OpenFlow(flow, new FlowPlan(flow.tree, expansions), unstored)
  }

  /** Reads a flow and all that has ended of it; undefined when there is none. @throws QueueUnavailableError */
  static async read(store: FlowStore, id: string): Promise<OpenFlow | undefined> {
    const open = await OpenFlow.begin(store, id)
    if (!open) return undefined
    const { flow } = open
    for (;;) {
      const { run, ends } = await store.ends(id, open.known, pageSize)
      // Between two readings the next run may have begun.
      if (run !== flow.run) return OpenFlow.read(store, id)
      if (!open.learn(ends)) return OpenFlow.read(store, id)
      if (ends.length < pageSize) break
    }
    if (flow.stop && !flow.finished) open.evaluation.stop()
    open.#carry(open.evaluation.takeActions())
    return open
  }

  /** Takes in what maps have become since. @throws QueueUnavailableError */
  async learnExpansions(store: FlowStore): Promise<void> {
    const { expansions } = await store.expansions(this.flow.id)
    for (const expansion of expansions.sort((a, b) => a.first - b.first)) {
      const map = this.plan.expand(expansion)
      if (map) this.evaluation.expanded(map)
    }
  }

  /** Takes ends in, in their order. @returns false when they name a node that is not in the plan: a map has become more since. */
  learn(ends: RecordedEnd[]): boolean {
    for (const { node: n, state } of ends) {
      const node = this.plan.node(n)
      if (!node) return false
      this.evaluation.record(node, state)
      this.known += 1
    }
    return true
  }

  /** All jobs that have been started, or are being cancelled, and have not ended. */
  *underWay(): Generator<JobNode> {
    for (const node of this.plan.jobs()) {
      const { evaluation } = this
      if (!evaluation.endOf(node) && (evaluation.isStarted(node) || evaluation.isCanceling(node))) yield node
    }
  }

  /** How many jobs have been started and have not ended, or have ended unnoticed so far. */
  get underWayCount(): number {
    return this.evaluation.jobsPassed - this.evaluation.jobsEnded
  }

  /** The id of a node's job; null where it is none. */
  jobId(node: PlanNode): string | null {
    return node.kind === 'job' ? this.#ids.ref(node.job.queue, node.n).id : null
  }

  /** How many jobs the flow has not come to. */
  get blocked(): number {
    return this.flow.jobs - this.evaluation.jobsPassed
  }

  #carry(actions: FlowActions): void {
    const { evaluation, carried } = this
    const goesOn = (node: FlowActions['release' | 'cancel' | 'expand'][number]) => !evaluation.endOf(node)
    this.carried = {
      release: [...carried.release, ...actions.release].filter((node) => goesOn(node) && !evaluation.isCanceling(node)),
      cancel: actions.cancel,
      expand: [...carried.expand, ...actions.expand].filter((node) => goesOn(node) && !evaluation.isCanceling(node)),
    }
  }
}
