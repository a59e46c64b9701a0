import type { FlowEvaluation } from './evaluation.ts'
import { type FlowPlan, type GroupNode, isWhole, type JobNode, type MapNode, type PlanNode } from './plan.ts'
import { findReferences } from './template.ts'

/** What a retry of an ended flow runs again. */
export interface RetryPlan {
  /** The jobs that run again, whatever their end was. */
  jobs: JobNode[]
  /** Maps that failed before all of their items were admitted. */
  maps: MapNode[]
  /** Maps that are expanded anew, because what their items came from runs again: their jobs are given up. */
  collapsed: MapNode[]
}

/**
 * Plans the retry of `chosen` jobs that did not succeed; undefined: of all, with the maps that failed. With them run again
 *
 * - the later steps of each chain around them, since their inputs come from the steps before;
 * - what else did not succeed in each group around them that its failure would end: a chain, or a `fail_fast` gather or map.
 *
 * Pure, and linear in the number of nodes.
 */
export function planRetry(plan: FlowPlan, evaluation: FlowEvaluation, chosen: JobNode[] | undefined): RetryPlan {
  const again = new Set<JobNode | MapNode>()
  const collapsed = new Set<MapNode>()
  /** Of each chain the first step whose followers are in, and the other groups whose failures are in. */
  const passed = new Map<GroupNode, number>()
  const work: PlanNode[] = []

  const add = (node: JobNode | MapNode): void => {
    if (again.has(node)) return
    again.add(node)
    work.push(node)
  }
  const addAllBelow = (node: PlanNode): void => {
    for (const below of subtree(node)) {
      if (hasOwnEnd(below)) again.add(below)
      if (below.kind === 'map' && below.expansion && isFromOutput(below)) collapsed.add(below)
    }
  }
  const climb = (from: PlanNode): void => {
    for (let at = from; at.parent; at = at.parent) {
      const { parent } = at
      if (parent.kind !== 'chain' && parent.onFailure === 'continue') continue
      const before = passed.get(parent)
      if (before === undefined) for (const failed of notSucceeded(evaluation, parent)) add(failed)
      if (parent.kind !== 'chain' && before !== undefined) return
      if (parent.kind !== 'chain' || before === undefined || at.index < before) passed.set(parent, at.index)
      if (parent.kind === 'chain')
        for (const later of parent.children.slice(at.index + 1, before === undefined ? undefined : before + 1))
          addAllBelow(later)
    }
  }

  const asked =
    chosen ?? [...plan.nodes()].filter((node) => hasOwnEnd(node)).filter((node) => isFailed(evaluation, node))
  for (const node of asked) add(node)
  for (let node = work.pop(); node; node = work.pop()) climb(node)

  const givenUp = new Set(nodesGivenUp({ collapsed: [...collapsed] }))
  const left = [...again].filter((node) => !givenUp.has(node))
  return {
    jobs: left.filter((node) => node.kind === 'job'),
    maps: left.filter((node) => node.kind === 'map'),
    collapsed: [...collapsed].filter((map) => !givenUp.has(map)),
  }
}

/** The nodes of maps that are expanded anew. */
export function nodesGivenUp({ collapsed }: Pick<RetryPlan, 'collapsed'>): PlanNode[] {
  return collapsed.flatMap((map) => map.children.flatMap((child) => [...subtree(child)]))
}

/** What may have an end of its own: a job, or a map that does not have all of its nodes. */
const hasOwnEnd = (node: PlanNode): node is JobNode | MapNode =>
  node.kind === 'job' || (node.kind === 'map' && !isWhole(node))

/** Ended, and not with success. What a flow never came to has no end. */
function isFailed(evaluation: FlowEvaluation, node: PlanNode): boolean {
  return evaluation.endOf(node)?.state !== 'succeeded'
}

/** What kept a node from succeeding, below it: nothing below a node that succeeded. */
function* notSucceeded(evaluation: FlowEvaluation, root: PlanNode): Generator<JobNode | MapNode> {
  const open = [root]
  for (let node = open.pop(); node; node = open.pop()) {
    if (!isFailed(evaluation, node)) continue
    if (hasOwnEnd(node)) yield node
    if (node.kind !== 'job') open.push(...node.children)
  }
}

function* subtree(root: PlanNode): Generator<PlanNode> {
  const open = [root]
  for (let node = open.pop(); node; node = open.pop()) {
    yield node
    if (node.kind !== 'job') open.push(...node.children)
  }
}

/** Whether its items depend on an output. */
function isFromOutput({ map }: MapNode): boolean {
  return !Array.isArray(map.over) || findReferences(map.over).references.length > 0
}
