import { type Admission, jobBytes, type Refusal } from '../admission/admission.ts'
import type { TenantLimits } from '../admission/tenant-limits.ts'
import type { JobRef } from '../model/job-id.ts'
import { redisNow } from '../model/redis-time.ts'
import { itemsOf } from './complete-input.ts'
import type { FlowJobs } from './flow-jobs.ts'
import type { NodeEnded } from './flow-record.ts'
import type { FlowStore } from './flow-store.ts'
import type { LoadedFlow } from './loaded-flow.ts'
import { countNodes } from './model/document.ts'
import { FlowJobIds } from './model/flow-job-id.ts'
import { isWhole, jobPlaces, jobsOf, type MapNode } from './model/plan.ts'
import type { FlowOutputs } from './outputs.ts'

/** The door for jobs that a flow adds while it runs. */
export interface FlowDoor {
  admission: Admission
  limits: TenantLimits
}

interface Deps {
  store: FlowStore
  jobs: FlowJobs
  door: FlowDoor
}

type Fault = { code: string; message: string }

/** What came of a map: more items were admitted, some have to wait, it has failed, or the caller's copy of the flow is out of date. */
export type Expanded = 'admitted' | 'failed' | 'stale' | { held: Refusal }

/**
 * Expands a map: stores its items, then admits as many of them as there is room for, with their jobs, which are blocked; or records that
 * the map failed. Called again until all items are admitted. @throws QueueUnavailableError
 */
export async function expandMap(deps: Deps, loaded: LoadedFlow, map: MapNode, outputs: FlowOutputs): Promise<Expanded> {
  const expanded = map.expansion ? undefined : await storeItems(deps.store, loaded, map, outputs)
  if (expanded === 'stale') return 'stale'
  const admitted = expanded ?? (await admitItems(deps, loaded, map))
  if (typeof admitted === 'string' || 'held' in admitted) return admitted
  return failMap(deps.store, loaded, map, admitted)
}

/** Records that a map failed none of whose jobs is open. @throws QueueUnavailableError */
export async function failMap(
  store: FlowStore,
  loaded: LoadedFlow,
  map: MapNode,
  { code, message }: Fault,
): Promise<'failed' | 'stale'> {
  const error = { code, message, job_id: null, path: map.path }
  const end: NodeEnded = { node: map.n, state: 'failed', at: redisNow(), error, isJob: false }
  return (await loaded.recordEnds(store, [end])) ? 'failed' : 'stale'
}

async function storeItems(
  store: FlowStore,
  { flow, plan, evaluation }: LoadedFlow,
  map: MapNode,
  outputs: FlowOutputs,
): Promise<'stale' | Fault | undefined> {
  const found = await itemsOf(map, outputs)
  if (found.status === 'failed') return found
  const { items } = found
  const size = items.length * countNodes(map.map.node)
  const expansion = await store.maps.expand(flow, { node: map.n, size, items })
  if (expansion === 'stale') return 'stale'
  if (expansion === 'too_large')
    return { code: 'flow_too_large', message: `${items.length} elements are more than the flow has room for` }
  plan.expand(expansion)
  flow.nodes += size
  evaluation.expanded(map)
  return undefined
}

async function admitItems(deps: Deps, loaded: LoadedFlow, map: MapNode): Promise<Exclude<Expanded, 'failed'> | Fault> {
  const { flow } = loaded
  const { expansion } = map
  if (!expansion || isWhole(map)) return 'admitted'
  const from = map.children.length
  const { jobs: limit, bytes: maxBytes } = await deps.door.limits.of(flow.tenant)
  const places = [...jobPlaces(map.map.node)]
  if (limit !== undefined && places.length > limit) {
    return { code: 'quota_exceeded', message: `an element takes ${places.length} jobs, of ${limit} that may wait` }
  }
  const ids = new FlowJobIds(flow.id)
  const size = countNodes(map.map.node)
  const refsOf = (index: number): JobRef[] =>
    places.map(({ n, job }) => ids.ref(job.queue, expansion.first + index * size + n))
  const template = JSON.stringify(map.map.node).length
  const bytesOf = (items: unknown[]) => JSON.stringify(items).length + items.length * template
  const left = expansion.items.slice(from)
  if (maxBytes !== undefined) {
    const bytes = bytesOf(left.slice(0, 1)) + places.length * jobBytes
    if (bytes > maxBytes)
      return {
        code: 'quota_exceeded',
        message: `an element takes about ${bytes} bytes, of ${maxBytes} that may be stored`,
      }
  }
  const some = await deps.door.admission.admitSome({
    tenant: flow.tenant,
    limit,
    maxBytes,
    groups: left.map((_, n) => refsOf(from + n)),
    bytes: bytesOf(left),
  })
  if (some.count === 0) return some.refusal ? { held: some.refusal } : 'admitted'
  const to = from + some.count
  const jobs = some.count * places.length
  if (!(await deps.store.maps.admitItems(flow, loaded.known, { node: map.n, from, to, jobs }))) {
    await deps.door.admission.withdraw({
      tenant: flow.tenant,
      limit,
      maxBytes,
      refs: left.slice(0, some.count).flatMap((_, n) => refsOf(from + n)),
      bytes: bytesOf(left.slice(0, some.count)),
    })
    return 'stale'
  }
  await storeAdmitted(deps, loaded, map, { from, to, jobs })
  return some.refusal ? { held: some.refusal } : 'admitted'
}

/** The jobs come after the decision that they are part of the flow: the next process that reads it stores those that are missing. */
async function storeAdmitted(
  { store, jobs }: Pick<Deps, 'store' | 'jobs'>,
  { flow, plan, evaluation, unstored }: LoadedFlow,
  map: MapNode,
  admitted: { from: number; to: number; jobs: number },
): Promise<void> {
  if (!map.expansion) return
  plan.expand({ ...map.expansion, admitted: admitted.to })
  flow.jobs += admitted.jobs
  unstored.set(map.n, admitted.from)
  await jobs.store(
    flow,
    map.children.slice(admitted.from).flatMap((child) => [...jobsOf(child)]),
    () => 'blocked',
  )
  await store.maps.markStored(flow.id, { map: map.n, items: admitted.to, isWhole: isWhole(map) })
  unstored.delete(map.n)
  evaluation.expanded(map)
}
