import type { PlanNode } from './plan.ts'

/** The step for which a node waits that its flow has not come to: of the chains around it, the outermost whose step before has not ended. */
export function waitsFor(node: PlanNode, hasEnded: (node: PlanNode) => boolean): PlanNode | undefined {
  let step: PlanNode | undefined
  for (let at = node; at.parent; at = at.parent) {
    const before = at.parent.kind === 'chain' ? at.parent.children[at.index - 1] : undefined
    if (before && !hasEnded(before)) step = before
  }
  return step
}
