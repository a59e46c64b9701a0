import type { Reopening } from './flow-record.ts'
import type { LoadedFlow } from './loaded-flow.ts'
import { countNodes } from './model/document.ts'
import { FlowJobIds } from './model/flow-job-id.ts'
import type { JobNode, PlanNode } from './model/plan.ts'
import { nodesGivenUp, type RetryPlan } from './model/retry-plan.ts'

export const jobsIn = (nodes: PlanNode[]): JobNode[] => nodes.filter((node) => node.kind === 'job')

/** The jobs of a flow that a client names by their ids; all, where it names none. */
export function chooseJobs(loaded: LoadedFlow, members: string[] | undefined) {
  const ids = new FlowJobIds(loaded.flow.id)
  const chosen: JobNode[] = []
  const mistakes: { index: number; detail: string }[] = []
  for (const [index, id] of members?.entries() ?? []) {
    const node = loaded.plan.node(ids.node(id) ?? -1)
    if (node?.kind !== 'job' || loaded.jobId(node) !== id) mistakes.push({ index, detail: 'is no job of this flow' })
    else if (loaded.evaluation.endOf(node)?.state === 'succeeded') mistakes.push({ index, detail: 'has succeeded' })
    else chosen.push(node)
  }
  return { chosen: members && chosen, mistakes }
}

/** What the next run of a flow does not keep. */
export function reopening({ evaluation }: LoadedFlow, plan: RetryPlan, deadlineAt: number | undefined): Reopening {
  const gone = nodesGivenUp(plan)
  const anew = [...plan.jobs, ...plan.maps, ...plan.collapsed, ...gone].map((node) => {
    return { node: node.n, state: node.kind === 'job' ? evaluation.endOf(node)?.state : undefined }
  })
  // Each expansion reserved numbers for all of its items, the admitted ones and the others.
  const expanded = [...plan.collapsed, ...gone].flatMap((node) =>
    node.kind === 'map' && node.expansion
      ? [{ n: node.n, size: node.expansion.items.length * countNodes(node.map.node) }]
      : [],
  )
  return {
    anew,
    collapsed: expanded.map(({ n }) => n),
    nodesGone: expanded.reduce((sum, { size }) => sum + size, 0),
    jobsGone: jobsIn(gone).length,
    blocked: plan.jobs.length,
    deadlineAt,
  }
}
