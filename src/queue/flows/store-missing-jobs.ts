import { redisNow } from '../model/redis-time.ts'
import type { FlowJobs } from './flow-jobs.ts'
import type { FlowStore } from './flow-store.ts'
import type { LoadedFlow } from './loaded-flow.ts'
import { isWhole, jobsOf } from './model/plan.ts'

/** The process that accepts a flow stores its jobs; after this long another process does. */
const storedWithinMs = 5000

/**
 * Stores the jobs of a flow, or of a map, whose process may have died before it had stored all. The jobs of a flow that is being
 * stopped are stored blocked, to be canceled. @throws QueueUnavailableError
 */
export async function storeMissingJobs(
  { store, jobs }: { store: FlowStore; jobs: FlowJobs },
  { flow, plan, first, unstored }: LoadedFlow,
): Promise<void> {
  if (!flow.isStored && (flow.stop || redisNow() - flow.createdAt > storedWithinMs)) {
    await jobs.store(flow, plan.jobs(), (node) => (first.has(node) && !flow.stop ? 'ready' : 'blocked'))
    if (!(await store.markStored(flow.id))) await jobs.discard(flow, [...plan.jobs()])
    flow.isStored = true
  }
  for (const [n, from] of unstored) {
    const map = plan.node(n)
    if (map?.kind === 'map') {
      const { children } = map
      const nodes = children.slice(from).flatMap((child) => [...jobsOf(child)])
      await jobs.store(flow, nodes, () => 'blocked')
      const of = { map: n, items: children.length, isWhole: isWhole(map) }
      if (!(await store.maps.markStored(flow.id, of))) await jobs.discard(flow, nodes)
    }
    unstored.delete(n)
  }
}
