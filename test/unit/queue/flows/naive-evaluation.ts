import type { FlowPlan, PlanNode } from '../../../../src/queue/flows/model/plan.ts'
import type { JobEnd } from '../../../../src/queue/model/job-states.ts'

interface End {
  state: JobEnd
  cause: PlanNode | undefined
}

/**
 * What a flow does, as rules that are applied to the whole tree, again and again, until none of them says anything new: slow,
 * and as close to the wording of the rules as possible.
 */
export class NaiveEvaluation {
  readonly started = new Set<PlanNode>()
  readonly canceled = new Set<PlanNode>()
  readonly ends = new Map<PlanNode, End>()
  readonly #verdicts = new Map<PlanNode, End>()
  readonly #nodes: PlanNode[]

  constructor(plan: FlowPlan) {
    this.#nodes = [...plan.nodes()]
    this.#settle()
  }

  record(job: PlanNode, state: JobEnd): void {
    if (!this.ends.has(job)) this.ends.set(job, { state, cause: state === 'succeeded' ? undefined : job })
    this.#settle()
  }

  stop(): void {
    for (const node of this.#nodes.slice(0, 1)) this.canceled.add(node)
    this.#settle()
  }

  #settle(): void {
    const size = () => this.started.size + this.canceled.size + this.ends.size + this.#verdicts.size
    for (let before = -1; before !== size(); ) {
      before = size()
      for (const node of this.#nodes.toReversed()) this.#end(node)
      for (const node of this.#nodes.toReversed()) this.#decide(node)
      for (const node of this.#nodes) this.#cancel(node)
      // Nothing starts before everything that follows from an end is decided.
      if (before === size()) for (const node of this.#nodes) this.#start(node)
    }
  }

  /** A node ends when all below it has ended. */
  #end(node: PlanNode): void {
    if (node.kind === 'job' || this.ends.has(node) || !node.children.every((child) => this.ends.has(child))) return
    this.#decide(node)
    this.ends.set(node, this.#verdicts.get(node) ?? { state: 'succeeded', cause: undefined })
  }

  /** The first child that does not succeed decides, but in a gather that continues. */
  #decide(node: PlanNode): void {
    if (node.kind === 'job' || this.#verdicts.has(node)) return
    if (node.kind !== 'chain' && node.onFailure === 'continue') return
    const bad = node.children.map((child) => this.ends.get(child)).find((end) => end && end.state !== 'succeeded')
    if (!bad) return
    this.#verdicts.set(node, bad)
    const turn = node.children.findLastIndex((child) => this.started.has(child))
    for (const child of node.children) {
      if ((node.kind !== 'chain' || child.index > turn) && !this.ends.has(child)) this.canceled.add(child)
    }
  }

  /** Cancels a node with everything below it that has not ended. */
  #cancel(node: PlanNode): void {
    if (!this.canceled.has(node) || this.ends.has(node) || node.kind === 'job') return
    if (!this.#verdicts.has(node)) this.#verdicts.set(node, { state: 'canceled', cause: undefined })
    for (const child of node.children) if (!this.ends.has(child)) this.canceled.add(child)
  }

  #start(node: PlanNode): void {
    const { parent } = node
    if (this.ends.has(node) || this.canceled.has(node) || this.#verdicts.has(node)) return
    if (parent && (!this.started.has(parent) || this.#verdicts.has(parent))) return
    const before = parent?.kind === 'chain' ? parent.children.slice(0, node.index) : []
    if (before.every((one) => this.ends.get(one)?.state === 'succeeded')) this.started.add(node)
  }
}
