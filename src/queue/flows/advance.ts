import type { Registry } from '../../jobs/registry.ts'
import type { WebhookOutbox } from '../webhooks/outbox.ts'
import { classifyJobs } from './classify-jobs.ts'
import { completeInput } from './complete-input.ts'
import { expandMap } from './expand-map.ts'
import { closeFlow, finishFlow } from './finish-flow.ts'
import type { FlowJobs, Release } from './flow-jobs.ts'
import type { FlowStore } from './flow-store.ts'
import type { FlowActions } from './model/evaluation.ts'
import type { JobNode } from './model/plan.ts'
import type { OpenFlow } from './open-flow.ts'
import { FlowOutputs } from './outputs.ts'
import { storeMissingJobs } from './store-missing-jobs.ts'

export interface AdvanceDeps {
  store: FlowStore
  jobs: FlowJobs
  registry: Registry
  outbox: WebhookOutbox
}

/** What became of a flow: it is still open, it is closed, or its copy in memory is out of date. */
export type Advanced = 'open' | 'closed' | 'stale'

/**
 * Drives a flow as far as it can go now: reads the states of jobs that may have ended, records ends, and does what follows from them.
 * Every step may be done twice, also by two processes at once: jobs are released and canceled only from the state that they are in,
 * an end is recorded once, and a step that fails is still to be done.
 *
 * @param toCheck the jobs that may have ended
 * @throws QueueUnavailableError; the flow must be read anew then
 */
export async function advanceFlow(deps: AdvanceDeps, open: OpenFlow, toCheck: Iterable<JobNode>): Promise<Advanced> {
  const { flow, evaluation } = open
  if (flow.finished) {
    await closeFlow(deps, flow, flow.finished.at)
    return 'closed'
  }
  await storeMissingJobs(deps, open)
  const pending = open.takePending()
  // In the first run the jobs that start with the flow were stored ready; a check of all jobs finds those that are missing.
  const uncertain = flow.run > 1 ? pending.release : pending.release.filter((node) => !open.first.has(node))
  let jobs: JobNode[] = [...new Set([...toCheck, ...uncertain])]
  let actions: FlowActions = { ...pending, release: [] }
  for (let isFirst = true; jobs.length + countActions(actions) > 0 || isFirst; isFirst = false) {
    const { ends, earlier, again } = classifyJobs(open, jobs, await deps.jobs.readStates(flow, jobs))
    if (earlier.length > 0) await deps.jobs.reblock(flow, earlier)
    if (ends.length > 0 && !(await open.recordEnds(deps.store, ends))) return 'stale'
    const next = evaluation.takeActions()
    const acted = await act(deps, open, {
      release: [...new Set([...actions.release, ...again.release, ...next.release])].filter((node) =>
        mayStart(open, node),
      ),
      // A cancel is idempotent; once per call is enough.
      cancel: [...new Set([...actions.cancel, ...(isFirst ? again.cancel : []), ...next.cancel])],
      expand: [...actions.expand, ...next.expand],
    })
    if (acted === 'stale') return 'stale'
    actions = evaluation.takeActions()
    jobs = acted.mayHaveEnded
  }
  if (evaluation.end) {
    await finishFlow(deps, open, evaluation.end)
    return 'closed'
  }
  if (open.blocked !== flow.blocked) {
    await deps.store.setBlocked(flow.id, open.blocked)
    flow.blocked = open.blocked
  }
  return 'open'
}

const countActions = ({ release, cancel, expand }: FlowActions) => release.length + cancel.length + expand.length

const mayStart = ({ evaluation }: OpenFlow, node: JobNode) => !evaluation.endOf(node) && !evaluation.isCanceling(node)

/** Cancels, expands and releases. */
async function act(
  deps: AdvanceDeps,
  open: OpenFlow,
  actions: FlowActions,
): Promise<'stale' | { mayHaveEnded: JobNode[] }> {
  const mayHaveEnded: JobNode[] = []
  if (actions.cancel.length > 0) {
    const now = Date.now()
    const { ended, unsettled } = await deps.jobs.cancel(open.flow, actions.cancel, now)
    const ends = ended.map((node) => ({ node: node.n, state: 'canceled' as const, at: now, isJob: true }))
    if (ends.length > 0 && !(await open.recordEnds(deps.store, ends))) return 'stale'
    mayHaveEnded.push(...unsettled)
  }
  const outputs = new FlowOutputs(open.flow, open.evaluation, deps.jobs)
  for (const map of actions.expand) {
    if ((await expandMap(deps, open, map, outputs)) === 'stale') return 'stale'
  }
  const releases: Release[] = []
  for (const node of actions.release) {
    const completed = await completeInput(deps.registry, node, outputs)
    if ('failure' in completed) mayHaveEnded.push(node)
    releases.push({ node, ...completed })
  }
  if (releases.length > 0) await deps.jobs.release(open.flow, releases)
  return { mayHaveEnded }
}
