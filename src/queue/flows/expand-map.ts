import { itemsOf } from './complete-input.ts'
import type { FlowJobs } from './flow-jobs.ts'
import type { NodeEnded } from './flow-record.ts'
import type { FlowStore } from './flow-store.ts'
import type { LoadedFlow } from './loaded-flow.ts'
import { countJobs, countNodes } from './model/document.ts'
import { jobsOf, type MapNode } from './model/plan.ts'
import type { FlowOutputs } from './outputs.ts'

/** Expands a map into one node per item and stores the jobs, blocked; or records that the map failed. @throws QueueUnavailableError */
export async function expandMap(
  { store, jobs }: { store: FlowStore; jobs: FlowJobs },
  loaded: LoadedFlow,
  map: MapNode,
  outputs: FlowOutputs,
): Promise<'stale' | undefined> {
  const found = await itemsOf(map, outputs)
  const expanded = found.status === 'found' ? await expand({ store, jobs }, loaded, map, found.items) : found
  if (expanded === 'stale') return 'stale'
  if (expanded === undefined) return undefined
  const error = { code: expanded.code, message: expanded.message, job_id: null, path: map.path }
  const end: NodeEnded = { node: map.n, state: 'failed', at: Date.now(), error, isJob: false }
  return (await loaded.recordEnds(store, [end])) ? undefined : 'stale'
}

async function expand(
  deps: { store: FlowStore; jobs: FlowJobs },
  { flow, plan, evaluation, unstored }: LoadedFlow,
  map: MapNode,
  items: unknown[],
): Promise<'stale' | { code: string; message: string } | undefined> {
  const { node } = map.map
  const jobs = items.length * countJobs(node)
  const size = items.length * countNodes(node)
  const expansion = await deps.store.expand(flow, { node: map.n, size, jobs, items })
  if (expansion === 'stale') return 'stale'
  if (expansion === 'too_large')
    return { code: 'flow_too_large', message: `${items.length} elements are more than the flow has room for` }
  if (!plan.expand(expansion)) return undefined
  flow.jobs += jobs
  flow.nodes += size
  unstored.add(map.n)
  await deps.jobs.store(flow, jobsOf(map), () => 'blocked')
  await deps.store.markStored(flow.id, map.n)
  unstored.delete(map.n)
  evaluation.expanded(map)
  return undefined
}
