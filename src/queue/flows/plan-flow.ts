import { countNodes, type FlowMap, type FlowNode, flowBounds } from './model/document.ts'
import { FlowEvaluation } from './model/evaluation.ts'
import { type Expansion, FlowPlan, type JobNode } from './model/plan.ts'
import { fillReferences, findReferences } from './model/template.ts'

/** What a new flow consists of. */
export interface PlannedFlow {
  tree: FlowNode
  /** The maps whose items are in the tree itself: they are expanded from the start, so that their jobs are counted when they are submitted. */
  expansions: Expansion[]
  nodes: number
  jobs: JobNode[]
  /** The jobs that start at once; those with the item of a map in their input follow when it is filled in. */
  first: ReadonlySet<JobNode>
}

/** Plans a flow that is about to be submitted. */
export function planFlow(tree: FlowNode): PlannedFlow {
  const plan = new FlowPlan(tree, [])
  let nodes = countNodes(tree)
  const expansions: Expansion[] = []
  const known = new Map<FlowMap, unknown[] | undefined>()
  const itemsOf = (map: FlowMap) => {
    if (!known.has(map)) known.set(map, literalItems(map))
    return known.get(map)
  }
  // The nodes of an expansion follow those before, so that a map within a map comes up here, too.
  for (const node of plan.nodes()) {
    const items = node.kind === 'map' ? itemsOf(node.map) : undefined
    if (node.kind !== 'map' || !items) continue
    const size = items.length * countNodes(node.map.node)
    // A map that is too large fails when its turn comes.
    if (nodes + size > flowBounds.nodes) continue
    const expansion = { node: node.n, first: nodes, items }
    plan.expand(expansion)
    expansions.push(expansion)
    nodes += size
  }
  const first = new Set(new FlowEvaluation(plan).takeActions().release.filter(({ job }) => !job.dynamic))
  return { tree, expansions, nodes, jobs: [...plan.jobs()], first }
}

/** The items of a map that stand in the tree; undefined where they depend on an output or on an item, or are too many. */
function literalItems({ over, limit }: FlowMap): unknown[] | undefined {
  if (!Array.isArray(over) || over.length > limit || findReferences(over).references.length > 0) return undefined
  return over.map((item) => fillReferences(item, () => undefined))
}
