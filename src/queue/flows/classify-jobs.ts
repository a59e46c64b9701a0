import { redisNow } from '../model/redis-time.ts'
import type { FlowJobState } from './flow-job-record.ts'
import { jobRemoved, type NodeEnded } from './flow-record.ts'
import type { StoredFlow } from './model/document.ts'
import type { FlowEvaluation } from './model/evaluation.ts'
import { FlowJobIds } from './model/flow-job-id.ts'
import { type JobNode, nextStepOf, type PlanNode, releaserOf } from './model/plan.ts'

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
export function classifyJobs(
  loaded: { evaluation: FlowEvaluation; flow: Pick<StoredFlow, 'id' | 'isStored'> },
  nodes: JobNode[],
  states: FlowJobState[],
): Classified {
  const { evaluation, flow } = loaded
  const ends: NodeEnded[] = []
  /** When each ended, or later where the step before did: the clocks of workers differ by milliseconds. */
  const placeOf = new Map<number, number>()
  /** Where the last step counts that has released the next one, by chain. */
  const lastOf = new Map<PlanNode, number>()
  const earlier: JobNode[] = []
  const again: Classified['again'] = { release: [], cancel: [] }
  for (const [i, node] of nodes.entries()) {
    const state = states[i]
    if (!state || evaluation.endOf(node)) continue
    if (state.status === 'ended') {
      const isUnstarted = state.failure?.stopped === 'never_started'
      const place = isUnstarted
        ? placeUnstarted(node, state.at, lastOf)
        : placeBehind(node, state.at, evaluation, placeOf)
      if (place === undefined) continue
      placeOf.set(node.n, place)
      if (node.parent && state.state === 'succeeded' && nextStepOf(node)) lastOf.set(node.parent, place)
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
  const place = ({ node, at }: NodeEnded) => placeOf.get(node) ?? at
  // Steps of a chain may end in the same millisecond.
  return { ends: ends.sort((a, b) => place(a) - place(b) || a.node - b.node), earlier, again }
}

/**
 * When an end counts: not before that of the job that released it. Undefined: that one was read first, and had not ended. Its end is found
 * again after that.
 */
function placeBehind(
  node: JobNode,
  at: number,
  evaluation: FlowEvaluation,
  placeOf: ReadonlyMap<number, number>,
): number | undefined {
  const releaser = releaserOf(node)
  if (!releaser || evaluation.endOf(releaser)) return at
  const before = placeOf.get(releaser.n)
  return before === undefined ? undefined : Math.max(at, before)
}

/**
 * When the end of a job counts that never started: not before the ends of earlier steps that had released the next ones. These have started,
 * whatever ended the job.
 */
function placeUnstarted(node: PlanNode, at: number, lastOf: ReadonlyMap<PlanNode, number>): number {
  let place = at
  for (let one = node.parent; one; one = one.parent) place = Math.max(place, lastOf.get(one) ?? place)
  return place
}

function removed(flowId: string, node: JobNode): NodeEnded {
  const { id } = new FlowJobIds(flowId).ref(node.job.queue, node.n)
  const error = { ...jobRemoved, job_id: id, path: node.path }
  return { node: node.n, state: 'failed', at: redisNow(), error, isJob: true }
}
