import { countNodes, type FlowJob, type FlowMap, type FlowNode, type OnFailure } from './document.ts'

interface Base {
  /** Its number: its place in a walk through the tree, parents first. */
  n: number
  /** A JSON Pointer into the request that made the flow; the items of a `map` follow as `/map/<index>`. */
  path: string
  parent: GroupNode | undefined
  /** Its place among its parent's children. */
  index: number
  /** The value of `$item` here. */
  item: { value: unknown } | undefined
}
export interface JobNode extends Base {
  kind: 'job'
  job: FlowJob
}
interface Group extends Base {
  children: PlanNode[]
}
type ChainNode = Group & { kind: 'chain' }
type GatherNode = Group & { kind: 'gather'; onFailure: OnFailure }
/** A map has no children before it is expanded; then one for each of the items that were admitted so far. */
export type MapNode = Group & { kind: 'map'; map: FlowMap; onFailure: OnFailure; expansion: Expansion | undefined }
export type GroupNode = ChainNode | GatherNode | MapNode
export type PlanNode = JobNode | GroupNode

/** The expansion of a `map`: one node per item, numbered from `first` on. `admitted`: how many of the items have their node, by default all. */
export interface Expansion {
  node: number
  first: number
  items: unknown[]
  admitted?: number | undefined
}

/** Whether all items of a map have their nodes. */
export function isWhole({ expansion, children }: MapNode): boolean {
  return expansion !== undefined && children.length === expansion.items.length
}

/** The tree of a flow with numbered nodes, from which the ids of its jobs follow. Every process builds the same plan from a document. */
export class FlowPlan {
  readonly root: PlanNode
  readonly #nodes: (PlanNode | undefined)[] = []

  /** @param expansions in any order */
  constructor(tree: FlowNode, expansions: Iterable<Expansion>) {
    this.root = this.#add(tree, 0, { path: '/flow', parent: undefined, index: 0, item: undefined })
    // The number of a map within a map comes from the expansion of the outer map.
    for (const expansion of [...expansions].sort((a, b) => a.first - b.first)) this.expand(expansion)
  }

  node(n: number): PlanNode | undefined {
    return this.#nodes[n]
  }

  /** All nodes so far, parents first. */
  *nodes(): Generator<PlanNode> {
    for (const node of this.#nodes) if (node) yield node
  }

  *jobs(): Generator<JobNode> {
    for (const node of this.nodes()) if (node.kind === 'job') yield node
  }

  /** Gives a `map` the children that it does not have so far; undefined when it has them already. */
  expand(expansion: Expansion): MapNode | undefined {
    const { node: n, first, items, admitted = items.length } = expansion
    const node = this.#nodes[n]
    if (node?.kind !== 'map') throw new RangeError(`node ${n} is not a map`)
    const from = node.children.length
    if (node.expansion && from >= admitted) return undefined
    const size = countNodes(node.map.node)
    node.expansion = expansion
    for (const [n, value] of items.slice(from, admitted).entries()) {
      const index = from + n
      const place = { path: `${node.path}/map/${index}`, parent: node, index, item: { value } }
      node.children.push(this.#add(node.map.node, first + index * size, place))
    }
    return node
  }

  #add(tree: FlowNode, n: number, at: Omit<Base, 'n'>): PlanNode {
    if ('job' in tree) return this.#enter({ ...at, n, kind: 'job', job: tree.job })
    if ('map' in tree) {
      const { map } = tree
      const { onFailure } = map
      return this.#enter({ ...at, n, kind: 'map', map, onFailure, expansion: undefined, children: [] })
    }
    const isChain = 'chain' in tree
    const node = this.#enter<ChainNode | GatherNode>(
      isChain
        ? { ...at, n, kind: 'chain', children: [] }
        : { ...at, n, kind: 'gather', onFailure: tree.onFailure, children: [] },
    )
    let next = n + 1
    for (const [index, child] of (isChain ? tree.chain : tree.gather).entries()) {
      node.children.push(
        this.#add(child, next, { path: `${at.path}/${node.kind}/${index}`, parent: node, index, item: at.item }),
      )
      next += countNodes(child)
    }
    return node
  }

  #enter<N extends PlanNode>(node: N): N {
    this.#nodes[node.n] = node
    return node
  }
}

/** The node whose output is `$output`: the previous step in the nearest chain around it that has one. */
export function sourceOf(node: PlanNode): PlanNode | undefined {
  for (let at = node; at.parent; at = at.parent) {
    if (at.parent.kind === 'chain' && at.index > 0) return at.parent.children[at.index - 1]
  }
  return undefined
}

/** A step behind a job in its chain, and whether its input takes the output of the job. */
interface Successor {
  node: JobNode
  takesOutput: boolean
}

/**
 * The step behind a job in its chain, which the script that ends the job can release: a job of the same queue that needs at most the output of
 * the job before it, and no time that counts from its release. No failure elsewhere in the flow decides whether it starts.
 */
function successorOf({ job, parent, index }: JobNode): Successor | undefined {
  const next = parent?.kind === 'chain' ? parent.children[index + 1] : undefined
  if (next?.kind !== 'job' || next.job.queue !== job.queue) return undefined
  const { dynamic, delayMs, runAt, record } = next.job
  if (dynamic === true || [delayMs, runAt, record.startWithinMs, record.deadlineMs].some((time) => time !== undefined))
    return undefined
  for (let at = parent; at; at = at.parent) if (at.kind !== 'chain' && at.onFailure === 'fail_fast') return undefined
  return { node: next, takesOutput: dynamic === 'output' }
}

/** The step that the end of a job releases, whatever the output of the job is. */
export function plainSuccessor(node: JobNode): JobNode | undefined {
  const next = successorOf(node)
  return next?.takesOutput ? undefined : next?.node
}

/** Whether the worker that ends a job can complete the input of the next step with its output, and so release it. */
export const fillsNext = (node: JobNode): boolean => successorOf(node)?.takesOutput ?? false

/** The step that may be released with the end of a job: always where it is plain, and where its worker has completed its input. */
export const nextStepOf = (node: JobNode): JobNode | undefined => successorOf(node)?.node

/** The job whose {@link nextStepOf} a job is. */
export function releaserOf(node: JobNode): JobNode | undefined {
  const { parent, index } = node
  const before = parent?.kind === 'chain' ? parent.children[index - 1] : undefined
  return before?.kind === 'job' && nextStepOf(before) === node ? before : undefined
}

/** Jobs with those before them that may have released them, those first. `isOpen`: of those that are wanted. */
export function withReleasers(nodes: Iterable<JobNode>, isOpen: (node: JobNode) => boolean): Set<JobNode> {
  const found = new Set<JobNode>()
  for (const node of nodes) {
    const before: JobNode[] = []
    for (let at = releaserOf(node); at && isOpen(at) && !found.has(at); at = releaserOf(at)) before.push(at)
    for (const one of before.toReversed()) found.add(one)
    found.add(node)
  }
  return found
}

/** Jobs with up to `max` of the steps behind each that may have been released with the end of the one before: see {@link nextStepOf}. */
export function* withSuccessors(nodes: Iterable<JobNode>, max: number): Generator<JobNode> {
  for (const node of nodes) {
    let next: JobNode | undefined = node
    for (let left = max; next && left >= 0; left--) {
      yield next
      next = nextStepOf(next)
    }
  }
}

/** The jobs below a node, or the node itself. */
export function* jobsOf(node: PlanNode): Generator<JobNode> {
  if (node.kind === 'job') yield node
  else for (const child of node.children) yield* jobsOf(child)
}

/** The jobs of a tree, each with its place among the nodes of the tree, of which the first is `n`; without those of maps. */
export function* jobPlaces(tree: FlowNode, n = 0): Generator<{ n: number; job: FlowJob }> {
  if ('job' in tree) yield { n, job: tree.job }
  if ('job' in tree || 'map' in tree) return
  let next = n + 1
  for (const child of 'chain' in tree ? tree.chain : tree.gather) {
    yield* jobPlaces(child, next)
    next += countNodes(child)
  }
}
