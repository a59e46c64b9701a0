import type { Registry } from '../../jobs/registry.ts'
import type { WebhookOutbox } from '../webhooks/outbox.ts'
import { completeInput, itemsOf } from './complete-input.ts'
import type { FlowMembers, MemberStanding, Release } from './flow-jobs.ts'
import type { FlowStore, NodeEnded } from './flow-store.ts'
import { settleFlowWebhook } from './flow-webhook.ts'
import type { FlowError, StoredFlow } from './model/document.ts'
import { countNodes } from './model/document.ts'
import type { FlowActions } from './model/evaluation.ts'
import { MemberIds } from './model/flow-job-id.ts'
import { type JobNode, jobsOf, type MapNode } from './model/plan.ts'
import { OpenFlow } from './open-flow.ts'
import { FlowOutputs } from './outputs.ts'

export interface AdvanceDeps {
  store: FlowStore
  members: FlowMembers
  registry: Registry
  outbox: WebhookOutbox
}

/** Whoever accepted a flow stores its jobs itself; after this long somebody else does. */
const storedWithinMs = 5000

/** What became of a flow: it goes on, it is over, or what this process has of it is out of date. */
export type Advanced = 'open' | 'over' | 'stale'

/**
 * Brings a flow on as far as it will go: looks at jobs that may have ended, writes down what has, and does what follows.
 * Everything in it may be done twice, by this process or by several at once: jobs are released and cancelled only from the
 * state that they are in, ends are noted once, and an error on the way leaves no more than something still to be done.
 *
 * @param looked the jobs to look at
 * @throws QueueUnavailableError; the flow is to be read anew then
 */
export async function advanceFlow(deps: AdvanceDeps, open: OpenFlow, looked: Iterable<JobNode>): Promise<Advanced> {
  const { store, members } = deps
  if (open.flow.finished) {
    await close(deps, open.flow, open.flow.finished.at)
    return 'over'
  }
  await storeWhatIsMissing(deps, open)
  const carried = open.carried
  open.carried = { release: [], cancel: [], expand: [] }
  // In the first run they were stored ready; that they are there is seen when all are looked at.
  const doubtful = open.flow.run > 1 ? carried.release : carried.release.filter((node) => !open.first.has(node))
  let toLookAt: JobNode[] = [...new Set([...looked, ...doubtful])]
  let actions: FlowActions = { release: [], cancel: carried.cancel, expand: carried.expand }
  for (let round = 0; ; round++) {
    const standings = await members.read(open.flow, toLookAt)
    const { ends, again } = weigh(open, toLookAt, standings, round === 0)
    if (again.earlier.length > 0) await members.reblock(open.flow, again.earlier)
    if (ends.length > 0 && !(await record(deps, open, ends))) return 'stale'
    const next = open.evaluation.takeActions()
    actions = {
      release: [...new Set([...actions.release, ...again.release, ...next.release])].filter((node) =>
        mayStart(open, node),
      ),
      cancel: [...new Set([...actions.cancel, ...again.cancel, ...next.cancel])],
      expand: [...actions.expand, ...next.expand],
    }
    const acted = await act(deps, open, actions)
    if (acted === 'stale') return 'stale'
    actions = open.evaluation.takeActions()
    toLookAt = acted.touched
    if (toLookAt.length + actions.release.length + actions.cancel.length + actions.expand.length > 0) continue
    break
  }
  if (open.evaluation.end) {
    await finish(deps, open)
    return 'over'
  }
  if (open.blocked !== open.flow.blocked) {
    await store.noteBlocked(open.flow.id, open.blocked)
    open.flow.blocked = open.blocked
  }
  return 'open'
}

const mayStart = ({ evaluation }: OpenFlow, node: JobNode) => !evaluation.endOf(node) && !evaluation.isCanceling(node)

/** Writes ends down, and takes in what is written by then. @returns false when what this process has is out of date */
async function record({ store }: Pick<AdvanceDeps, 'store'>, open: OpenFlow, ends: NodeEnded[]): Promise<boolean> {
  const told = await store.record(open.flow.id, open.flow.run, open.known, ends)
  return told !== undefined && open.learn(told)
}

/** What jobs' standings mean for a flow. */
function weigh(
  open: OpenFlow,
  nodes: JobNode[],
  standings: MemberStanding[],
  isFirst: boolean,
): { ends: NodeEnded[]; again: { earlier: JobNode[]; release: JobNode[]; cancel: JobNode[] } } {
  const { evaluation, flow } = open
  const ids = new MemberIds(flow.id)
  const ends: NodeEnded[] = []
  const again: { earlier: JobNode[]; release: JobNode[]; cancel: JobNode[] } = { earlier: [], release: [], cancel: [] }
  for (const [i, node] of nodes.entries()) {
    const standing = standings[i]
    if (!standing || evaluation.endOf(node)) continue
    if (standing.status === 'ended') {
      const { state, at } = standing
      ends.push({ node: node.n, state, at, isJob: true })
    } else if (standing.status === 'missing') {
      // Before all are stored, that one is not there says nothing.
      if (!flow.isStored) continue
      const { id } = ids.ref(node.job.queue, node.n)
      const error = { code: 'removed', message: 'the job is not stored any more', job_id: id, path: node.path }
      ends.push({ node: node.n, state: 'failed', at: Date.now(), error, isJob: true })
    } else {
      if (standing.status === 'earlier') again.earlier.push(node)
      if (evaluation.isCanceling(node)) {
        // Told twice is told well, but once in a step is enough.
        if (isFirst) again.cancel.push(node)
      } else if (standing.status !== 'open' && evaluation.isStarted(node)) again.release.push(node)
    }
  }
  // Those that were seen together are noted in the order in which they ended.
  return { ends: ends.sort((a, b) => a.at - b.at), again }
}

/** Does what follows. @returns the jobs that may have ended by it */
async function act(deps: AdvanceDeps, open: OpenFlow, actions: FlowActions): Promise<'stale' | { touched: JobNode[] }> {
  const touched: JobNode[] = []
  if (actions.cancel.length > 0) {
    const now = Date.now()
    const { ended, doubtful } = await deps.members.cancel(open.flow, actions.cancel, now)
    const ends = ended.map((node) => ({ node: node.n, state: 'canceled' as const, at: now, isJob: true }))
    if (ends.length > 0 && !(await record(deps, open, ends))) return 'stale'
    touched.push(...doubtful)
  }
  const outputs = new FlowOutputs(open.flow, open.evaluation, deps.members)
  for (const map of actions.expand) {
    if ((await expand(deps, open, map, outputs)) === 'stale') return 'stale'
  }
  const releases: Release[] = []
  for (const node of actions.release) {
    const completed = await completeInput(deps.registry, node, outputs)
    if ('failure' in completed) touched.push(node)
    releases.push({ node, ...completed })
  }
  if (releases.length > 0) await deps.members.release(open.flow, releases)
  return { touched }
}

/** A map becomes one node per element, or fails. */
async function expand(
  { store, members }: AdvanceDeps,
  open: OpenFlow,
  map: MapNode,
  outputs: FlowOutputs,
): Promise<'stale' | undefined> {
  const { flow, plan, evaluation } = open
  const { node } = map.map
  const size = countNodes(node)
  const found = await itemsOf(map, outputs)
  let failure: { code: string; message: string } | undefined = found.status === 'found' ? undefined : found
  if (found.status === 'found') {
    const { items } = found
    const jobs = items.length * countJobs(node)
    const expansion = await store.expand(flow, { node: map.n, size: items.length * size, jobs, items })
    if (expansion === 'stale') return 'stale'
    if (expansion === 'too_large') {
      failure = { code: 'flow_too_large', message: `${items.length} elements are more than the flow has room for` }
    } else if (plan.expand(expansion)) {
      flow.jobs += jobs
      open.unstored.add(map.n)
      await members.store(flow, jobsOf(map), () => 'blocked')
      await store.noteStored(flow.id, map.n)
      open.unstored.delete(map.n)
      evaluation.expanded(map)
    }
  }
  if (!failure) return undefined
  const error: FlowError = { code: failure.code, message: failure.message, job_id: null, path: map.path }
  const ends: NodeEnded[] = [{ node: map.n, state: 'failed', at: Date.now(), error, isJob: false }]
  return (await record({ store }, open, ends)) ? undefined : 'stale'
}

/** Whoever should have stored the jobs may have died. In a flow that is being stopped they are stored to be cancelled. */
async function storeWhatIsMissing({ store, members }: AdvanceDeps, open: OpenFlow): Promise<void> {
  const { flow, plan, first } = open
  if (!flow.isStored && (flow.stop || Date.now() - flow.createdAt > storedWithinMs)) {
    await members.store(flow, plan.jobs(), (node) => (first.has(node) && !flow.stop ? 'ready' : 'blocked'))
    await store.noteStored(flow.id)
    flow.isStored = true
  }
  for (const n of open.unstored) {
    const map = plan.node(n)
    if (map) await members.store(flow, jobsOf(map), () => 'blocked')
    await store.noteStored(flow.id, n)
    open.unstored.delete(n)
  }
}

async function finish(deps: AdvanceDeps, { flow, evaluation }: OpenFlow): Promise<void> {
  const { store, members } = deps
  const { end } = evaluation
  if (!end) return
  const { cause } = end
  let error: FlowError | undefined
  if (cause?.kind === 'job') {
    const [result] = await members.results(flow, [cause])
    const gone = { code: 'removed', message: 'the job is not stored any more' }
    const { code, message } = result?.status === 'failed' ? result.failure : gone
    const { id } = new MemberIds(flow.id).ref(cause.job.queue, cause.n)
    error = { code, message, job_id: id, path: cause.path }
  } else if (cause) error = await store.errorOf(flow.id, cause.n)
  const now = Date.now()
  await store.finish(flow, end.state, error, now)
  await close(deps, flow, now)
}

/** What follows from a flow's end. It is on the list until that is done, so that dying before leaves it to the next who looks. */
async function close(deps: AdvanceDeps, flow: StoredFlow, endedAt: number): Promise<void> {
  if (flow.webhook) await settleFlowWebhook(deps, flow.id)
  await deps.store.unlist(flow.id, flow.run, endedAt)
}

function countJobs(tree: StoredFlow['tree']): number {
  if ('job' in tree) return 1
  if ('map' in tree) return 0
  return ('chain' in tree ? tree.chain : tree.gather).reduce((sum, child) => sum + countJobs(child), 0)
}
