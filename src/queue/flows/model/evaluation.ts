import type { JobEnd } from '../../model/job-states.ts'
import type { FlowPlan, GroupNode, JobNode, MapNode, PlanNode } from './plan.ts'

/** How a node ended, and which job (or map) decided it: itself, or the one below it that did not succeed first. */
export interface NodeEnd {
  state: JobEnd
  cause: PlanNode | undefined
}

/** What is to be done for a flow to go on. */
export interface FlowActions {
  release: JobNode[]
  cancel: JobNode[]
  expand: MapNode[]
}

interface Standing {
  started: boolean
  /** All that is below it and has not ended is being cancelled. */
  canceling: boolean
  /** How it will end when all below it has ended; undefined: well, so far. */
  verdict: NodeEnd | undefined
  end: NodeEnd | undefined
  /** Children that have not ended. */
  left: number
  /** Which child of a chain has its turn. */
  turn: number
}

/**
 * Decides what a flow does next, from its plan and the ends of its jobs in the order in which they were recorded. Knows no
 * time and no Redis: the same ends in the same order lead to the same decisions, whoever makes them. An end costs the depth
 * of the tree, not its size.
 *
 * - A `chain` starts a child when the one before it has succeeded. When one does not succeed, those to come are cancelled.
 * - A `gather` or `map` starts all at once. With `fail_fast`, when one does not succeed the others are cancelled.
 * - A node ends when everything below it has ended, never before: nothing of an ended flow runs on.
 */
export class FlowEvaluation {
  readonly #plan: FlowPlan
  readonly #standings: (Standing | undefined)[] = []
  #toStart: PlanNode[] = []
  #actions: FlowActions = { release: [], cancel: [], expand: [] }
  #ended: PlanNode[] = []
  #jobsPassed = 0
  #jobsEnded = 0

  constructor(plan: FlowPlan) {
    this.#plan = plan
    this.#toStart.push(plan.root)
    this.#startAll()
  }

  /** How the flow ended; undefined while it goes on. */
  get end(): NodeEnd | undefined {
    return this.#at(this.#plan.root).end
  }

  endOf(node: PlanNode): NodeEnd | undefined {
    return this.#at(node).end
  }

  /** True of a job that may run, or has run. */
  isStarted(node: PlanNode): boolean {
    return this.#at(node).started
  }

  isCanceling(node: PlanNode): boolean {
    return this.#at(node).canceling
  }

  /** How many jobs have been started, or have ended without that. */
  get jobsPassed(): number {
    return this.#jobsPassed
  }

  get jobsEnded(): number {
    return this.#jobsEnded
  }

  /** A job ended, or a map failed without having become anything. Only the first end of a node counts. */
  record(node: PlanNode, state: JobEnd): void {
    const at = this.#at(node)
    if (node.kind === 'job' && !at.end) {
      this.#jobsEnded += 1
      if (!at.started) this.#jobsPassed += 1
    }
    if (!at.end) this.#end(node, { state, cause: state === 'succeeded' ? undefined : node })
    this.#startAll()
  }

  /** A map has become its children, which are in the plan by now. */
  expanded(map: MapNode): void {
    const at = this.#at(map)
    at.left = map.children.length
    if (at.end) return
    if (at.canceling) {
      if (at.left === 0) this.#end(map, at.verdict ?? canceled)
      else for (const child of map.children) this.#cancel(child)
    } else if (at.started) this.#startChildren(map, at)
    this.#startAll()
  }

  /** Cancels all that has not ended. */
  stop(): void {
    this.#cancel(this.#plan.root)
  }

  /** What is to be done since the last call. What is over by now is left out. */
  takeActions(): FlowActions {
    const { release, cancel, expand } = this.#actions
    this.#actions = { release: [], cancel: [], expand: [] }
    return {
      release: release.filter((node) => !this.#at(node).end && !this.#at(node).canceling),
      cancel: cancel.filter((node) => !this.#at(node).end),
      expand: expand.filter((node) => !this.#at(node).end && !this.#at(node).canceling && !node.isExpanded),
    }
  }

  /** The nodes that have ended since the last call, in order. */
  takeEnded(): PlanNode[] {
    const ended = this.#ended
    this.#ended = []
    return ended
  }

  #at(node: PlanNode): Standing {
    return (this.#standings[node.n] ??= {
      started: false,
      canceling: false,
      verdict: undefined,
      end: undefined,
      left: node.kind === 'job' ? 0 : node.children.length,
      turn: -1,
    })
  }

  /** Not by recursion: a chain may be as long as a flow is large. */
  #startAll(): void {
    for (let node = this.#toStart.pop(); node; node = this.#toStart.pop()) this.#start(node)
  }

  #start(node: PlanNode): void {
    const at = this.#at(node)
    if (at.end || at.verdict || at.started) return
    at.started = true
    if (node.kind === 'job') {
      this.#jobsPassed += 1
      this.#actions.release.push(node)
    } else if (node.kind === 'map' && !node.isExpanded) this.#actions.expand.push(node)
    else this.#startChildren(node, at)
  }

  #startChildren(node: GroupNode, at: Standing): void {
    if (at.left === 0) return this.#end(node, at.verdict ?? succeeded)
    if (node.kind === 'chain') this.#startTurn(node, at)
    // Popped from the end, so that they start in the order given.
    else for (let index = node.children.length - 1; index >= 0; index--) this.#push(node.children[index])
  }

  /** The next child that has not ended: a gather whose members were all cancelled one by one may be over before its turn. */
  #startTurn(node: GroupNode, at: Standing): void {
    for (at.turn += 1; at.turn < node.children.length; at.turn++) {
      const child = node.children[at.turn]
      if (child && !this.#at(child).end) return this.#push(child)
    }
  }

  #push(node: PlanNode | undefined): void {
    if (node) this.#toStart.push(node)
  }

  #end(node: PlanNode, end: NodeEnd): void {
    this.#at(node).end = end
    this.#ended.push(node)
    const { parent } = node
    if (!parent) return
    const at = this.#at(parent)
    at.left -= 1
    if (end.state !== 'succeeded') this.#childFailed(parent, at, end)
    else if (parent.kind === 'chain' && !at.verdict && node.index === at.turn && at.left > 0)
      this.#startTurn(parent, at)
    if (at.left === 0 && !at.end) this.#end(parent, at.verdict ?? succeeded)
  }

  /** A chain lets the child whose turn it is come to its end: one to come may have been cancelled by itself. */
  #childFailed(parent: GroupNode, at: Standing, end: NodeEnd): void {
    if (parent.kind !== 'chain' && parent.onFailure === 'continue') return
    if (at.verdict) return
    at.verdict = end
    for (const child of parent.children) if (parent.kind !== 'chain' || child.index > at.turn) this.#cancel(child)
  }

  #cancel(node: PlanNode): void {
    const at = this.#at(node)
    if (at.end || at.canceling) return
    at.canceling = true
    at.verdict ??= canceled
    if (node.kind === 'job') this.#actions.cancel.push(node)
    else if (at.left === 0) this.#end(node, at.verdict)
    else for (const child of node.children) this.#cancel(child)
  }
}

const succeeded: NodeEnd = { state: 'succeeded', cause: undefined }
const canceled: NodeEnd = { state: 'canceled', cause: undefined }
