import type { Registry } from '../../jobs/registry.ts'
import type { Refusal } from '../admission/admission.ts'
import type { TenantQuotas } from '../admission/tenant-quotas.ts'
import { redisNow } from '../model/redis-time.ts'
import type { WebhookOutbox } from '../webhooks/outbox.ts'
import { classifyJobs } from './classify-jobs.ts'
import { completeInput } from './complete-input.ts'
import { expandMap, type FlowDoor } from './expand-map.ts'
import { closeFlow, finishFlow } from './finish-flow.ts'
import type { FlowJobs, Release } from './flow-jobs.ts'
import type { NodeEnded } from './flow-record.ts'
import type { FlowStore } from './flow-store.ts'
import { holdMap, reportHeld } from './hold-map.ts'
import type { LoadedFlow } from './loaded-flow.ts'
import type { FlowActions } from './model/evaluation.ts'
import { type JobNode, withSuccessors } from './model/plan.ts'
import { FlowOutputs } from './outputs.ts'
import { storeMissingJobs } from './store-missing-jobs.ts'

/** So many steps behind one that was released by a worker may have ended, too, as far as one read asks. */
const maxLookAhead = 128

export interface AdvanceDeps {
  store: FlowStore
  jobs: FlowJobs
  registry: Registry
  outbox: WebhookOutbox
  door: FlowDoor
  quotas: TenantQuotas
  /** A flow begins to wait for room. */
  onHeldBack?: (flow: string, why: Refusal) => void
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
export async function advanceFlow(
  deps: AdvanceDeps,
  loaded: LoadedFlow,
  toCheck: Iterable<JobNode>,
): Promise<Advanced> {
  const { flow, evaluation } = loaded
  if (flow.finished) {
    await closeFlow(deps, flow, flow.finished)
    return 'closed'
  }
  await storeMissingJobs(deps, loaded)
  const pending = loaded.takePending()
  // In the first run the jobs that start with the flow were stored ready; a check of all jobs finds those that are missing.
  const uncertain = flow.run > 1 ? pending.release : pending.release.filter((node) => !loaded.first.has(node))
  let jobs: JobNode[] = [...new Set([...toCheck, ...uncertain])]
  let actions: FlowActions = {
    ...pending,
    release: [],
    expand: [...new Set([...pending.expand, ...loaded.takeHeld()])],
  }
  const askedAgain = new Set<JobNode>()
  let lookAhead = 1
  let canceled: NodeEnded[] = []
  for (let isFirst = true; jobs.length + canceled.length + countActions(actions) > 0 || isFirst; isFirst = false) {
    const states = await deps.jobs.readStates(flow, jobs)
    const { ends, earlier, again } = classifyJobs(loaded, jobs, states)
    // A worker has released them, and they go on: the end of each comes with a hint of its own.
    const released = new Set(jobs.filter((_, n) => states[n]?.status === 'open'))
    // Behind those that had ended before: a worker may have released a step before the cancel of one that follows it.
    ends.push(...canceled)
    if (earlier.length > 0) await deps.jobs.reblock(flow, earlier)
    if (ends.length > 0 && !(await loaded.recordEnds(deps.store, ends))) return 'stale'
    const next = evaluation.takeActions()
    const acted = await act(deps, loaded, {
      release: [...new Set([...actions.release, ...again.release, ...next.release])].filter(
        (node) => mayStart(loaded, node) && !released.has(node),
      ),
      // A cancel is idempotent; once per call is enough.
      cancel: [...new Set([...actions.cancel, ...(isFirst ? again.cancel : []), ...next.cancel])],
      expand: [...actions.expand, ...next.expand],
    })
    if (acted === 'stale') return 'stale'
    actions = evaluation.takeActions()
    canceled = acted.canceled
    // Once: what cannot be released would be asked for ever.
    const releasedBefore = acted.releasedBefore.filter((node) => !askedAgain.has(node))
    for (const node of releasedBefore) askedAgain.add(node)
    jobs = [...acted.mayHaveEnded, ...withSuccessors(releasedBefore, lookAhead)]
    lookAhead = Math.min(2 * lookAhead, maxLookAhead)
  }
  if (evaluation.end) {
    await finishFlow(deps, loaded, evaluation.end)
    return 'closed'
  }
  const heldBack = await reportHeld(deps.store, loaded)
  if (heldBack) deps.onHeldBack?.(flow.id, heldBack)
  if (loaded.blocked !== flow.blocked) {
    await deps.store.setBlocked(flow.id, loaded.blocked)
    flow.blocked = loaded.blocked
  }
  return 'open'
}

const countActions = ({ release, cancel, expand }: FlowActions) => release.length + cancel.length + expand.length

const mayStart = ({ evaluation }: LoadedFlow, node: JobNode) => !evaluation.endOf(node) && !evaluation.isCanceling(node)

interface Acted {
  /** The ends of jobs that were canceled before they started, to be recorded. */
  canceled: NodeEnded[]
  mayHaveEnded: JobNode[]
  releasedBefore: JobNode[]
}

/** Cancels, expands and releases. */
async function act(deps: AdvanceDeps, loaded: LoadedFlow, actions: FlowActions): Promise<'stale' | Acted> {
  const canceled: NodeEnded[] = []
  const mayHaveEnded: JobNode[] = []
  if (actions.cancel.length > 0) {
    const now = redisNow()
    const { ended, unsettled } = await deps.jobs.cancel(loaded.flow, actions.cancel, now)
    for (const node of ended) canceled.push({ node: node.n, state: 'canceled', at: now, isJob: true })
    mayHaveEnded.push(...unsettled)
  }
  const outputs = new FlowOutputs(loaded.flow, loaded.evaluation, deps.jobs)
  for (const map of actions.expand) {
    const before = map.children.length
    const expanded = await expandMap(deps, loaded, map, outputs)
    if (expanded === 'stale') return 'stale'
    const hasProgressed = map.children.length > before
    if (typeof expanded === 'string') {
      loaded.held.delete(map)
      continue
    }
    if ((await holdMap(deps, loaded, map, { ...expanded, hasProgressed })) === 'stale') return 'stale'
  }
  const releases: Release[] = []
  for (const node of actions.release) {
    const completed = await completeInput(deps.registry, node, outputs)
    if ('failure' in completed) mayHaveEnded.push(node)
    releases.push({ node, ...completed })
  }
  // A worker has released them with the end of the step before: see complete-and-fetch.lua.
  const releasedBefore = releases.length > 0 ? await deps.jobs.release(loaded.flow, releases) : []
  return { canceled, mayHaveEnded, releasedBefore }
}
