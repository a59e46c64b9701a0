import type { JobEnd } from '../../model/job-states.ts'
import { type FlowPlan, type GroupNode, isWhole, type JobNode, type MapNode, type PlanNode } from './plan.ts'

/** How a node ended, and the node that decided it: itself, or the first job (or map) below it that did not succeed. */
export interface NodeEnd {
  state: JobEnd
  cause: PlanNode | undefined
}

/** What is to be done next in a flow. */
export interface FlowActions {
  release: JobNode[]
  cancel: JobNode[]
  expand: MapNode[]
}

interface NodeState {
  started: boolean
  /** Everything below it that has not ended is being canceled. */
  canceling: boolean
  /** How it will end when everything below it has ended; undefined while nothing has failed. */
  verdict: NodeEnd | undefined
  end: NodeEnd | undefined
  /** Children that have not ended, and how many there are. Those of a map may become more. */
  openChildren: number
  children: number
  /** The index of the child whose turn it is in a chain. */
  turn: number
}

/**
 * Decides what a flow does next, from its plan and the ends of its jobs in the order in which they were recorded. It uses neither the
 * time nor Redis: the same ends in the same order lead to the same decisions in every process. An end costs the depth of the tree,
 * not its size.
 *
 * - A `chain` starts a child when the one before it has succeeded. When a child does not succeed, the later ones are canceled.
 * - A `gather` or `map` starts all children at once. With `fail_fast`, when one does not succeed, the others are canceled.
 * - A map starts each item that has its node; the others follow as they are admitted, unless it is canceled or has failed before.
 * - A node ends when everything below it has ended, never before: no job of an ended flow runs.
 */
export class FlowEvaluation {
  readonly #plan: FlowPlan
  readonly #states: (NodeState | undefined)[] = []
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

  /** How the flow ended; undefined while it is open. */
  get end(): NodeEnd | undefined {
    return this.#at(this.#plan.root).end
  }

  endOf(node: PlanNode): NodeEnd | undefined {
    return this.#at(node).end
  }

  /** Whether a job was released. */
  isStarted(node: PlanNode): boolean {
    return this.#at(node).started
  }

  isCanceling(node: PlanNode): boolean {
    return this.#at(node).canceling
  }

  /** How many jobs were released, or ended without being released. */
  get jobsPassed(): number {
    return this.#jobsPassed
  }

  get jobsEnded(): number {
    return this.#jobsEnded
  }

  /** A job has ended, or a map has failed before it was expanded. Only the first end of a node counts. */
  record(node: PlanNode, state: JobEnd): void {
    const at = this.#at(node)
    if (node.kind === 'job' && !at.end) {
      this.#jobsEnded += 1
      if (!at.started) this.#jobsPassed += 1
    }
    if (!at.end) this.#end(node, { state, cause: state === 'succeeded' ? undefined : node })
    this.#startAll()
  }

  /** A map was expanded, or more of its items were admitted: the new children are in the plan. */
  expanded(map: MapNode): void {
    const at = this.#at(map)
    const added = map.children.slice(at.children)
    at.openChildren += added.length
    at.children = map.children.length
    if (at.end) return
    if (at.canceling || at.verdict) {
      if (at.openChildren === 0) this.#end(map, at.verdict ?? canceled)
      else for (const child of added) this.#cancel(child)
    } else if (at.started) {
      if (at.openChildren === 0 && isWhole(map)) this.#end(map, succeeded)
      this.#pushAll(added)
    }
    this.#startAll()
  }

  /** Cancels everything that has not ended. */
  stop(): void {
    this.#cancel(this.#plan.root)
  }

  /** What has become to be done since the last call, without what is done by now. */
  takeActions(): FlowActions {
    const { release, cancel, expand } = this.#actions
    this.#actions = { release: [], cancel: [], expand: [] }
    return {
      release: release.filter((node) => !this.#at(node).end && !this.#at(node).canceling),
      cancel: cancel.filter((node) => !this.#at(node).end),
      expand: expand.filter((node) => !this.#at(node).end && !this.#at(node).canceling && !isWhole(node)),
    }
  }

  /** The nodes that have ended since the last call, in order. */
  takeEnded(): PlanNode[] {
    const ended = this.#ended
    this.#ended = []
    return ended
  }

  #at(node: PlanNode): NodeState {
    return (this.#states[node.n] ??= {
      started: false,
      canceling: false,
      verdict: undefined,
      end: undefined,
      openChildren: node.kind === 'job' ? 0 : node.children.length,
      children: node.kind === 'job' ? 0 : node.children.length,
      turn: -1,
    })
  }

  /** Without recursion: a chain may have as many children as a flow has nodes. */
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
    } else if (node.kind === 'map' && !isWhole(node)) {
      this.#actions.expand.push(node)
      this.#pushAll(node.children)
    } else this.#startChildren(node, at)
  }

  #startChildren(node: GroupNode, at: NodeState): void {
    if (at.openChildren === 0) return this.#end(node, at.verdict ?? succeeded)
    if (node.kind === 'chain') this.#startTurn(node, at)
    else this.#pushAll(node.children)
  }

  /** Pushed in reverse, so that they are popped in their order. */
  #pushAll(children: PlanNode[]): void {
    for (let index = children.length - 1; index >= 0; index--) this.#push(children[index])
  }

  /** Starts the next child that has not ended: a gather whose jobs were all canceled one by one may end before its turn. */
  #startTurn(node: GroupNode, at: NodeState): void {
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
    at.openChildren -= 1
    if (end.state !== 'succeeded') this.#childFailed(parent, at, end)
    else if (parent.kind === 'chain' && !at.verdict && node.index === at.turn && at.openChildren > 0)
      this.#startTurn(parent, at)
    if (at.openChildren > 0 || at.end) return
    if (at.verdict || parent.kind !== 'map' || isWhole(parent)) this.#end(parent, at.verdict ?? succeeded)
  }

  /** In a chain the child whose turn it is goes on: a later child may have been canceled by itself. */
  #childFailed(parent: GroupNode, at: NodeState, end: NodeEnd): void {
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
    else if (at.openChildren === 0) this.#end(node, at.verdict)
    else for (const child of node.children) this.#cancel(child)
  }
}

const succeeded: NodeEnd = { state: 'succeeded', cause: undefined }
const canceled: NodeEnd = { state: 'canceled', cause: undefined }
