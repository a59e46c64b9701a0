import { redisNow } from '../model/redis-time.ts'
import type { FlowJobState } from './flow-job-record.ts'
import { jobRemoved, type NodeEnded } from './flow-record.ts'
import type { LoadedFlow } from './loaded-flow.ts'
import { FlowJobIds } from './model/flow-job-id.ts'
import type { JobNode } from './model/plan.ts'

/** What the states of jobs mean for their flow. */
interface Classified {
  /** New ends, in the order in which the jobs ended. */
  ends: NodeEnded[]
  /** Jobs that ended in an earlier run, and have to be blocked again. */
  earlier: JobNode[]
  /** Jobs that were to be released or canceled before, and do not show it. */
  again: { release: JobNode[]; cancel: JobNode[] }
}

/** @param states those of `nodes`, in the same order */
export function classifyJobs(loaded: LoadedFlow, nodes: JobNode[], states: FlowJobState[]): Classified {
  const { evaluation, flow } = loaded
  const ends: NodeEnded[] = []
  const earlier: JobNode[] = []
  const again: Classified['again'] = { release: [], cancel: [] }
  for (const [i, node] of nodes.entries()) {
    const state = states[i]
    if (!state || evaluation.endOf(node)) continue
    if (state.status === 'ended') {
      ends.push({ node: node.n, state: state.state, at: state.at, isJob: true })
    } else if (state.status === 'missing') {
      // A job that is missing was removed, unless it has not been stored so far.
      if (flow.isStored) ends.push(removed(flow.id, node))
    } else {
      if (state.status === 'earlier') earlier.push(node)
      if (evaluation.isCanceling(node)) again.cancel.push(node)
      else if (state.status !== 'open' && evaluation.isStarted(node)) again.release.push(node)
    }
  }
  // Steps of a chain may end in the same millisecond.
  return { ends: ends.sort((a, b) => a.at - b.at || a.node - b.node), earlier, again }
}

function removed(flowId: string, node: JobNode): NodeEnded {
  const { id } = new FlowJobIds(flowId).ref(node.job.queue, node.n)
  const error = { ...jobRemoved, job_id: id, path: node.path }
  return { node: node.n, state: 'failed', at: redisNow(), error, isJob: true }
}
