import { describeRefusal, type Refusal } from '../admission/admission.ts'
import type { TenantQuotas } from '../admission/tenant-quotas.ts'
import { redisNow } from '../model/redis-time.ts'
import { type FlowDoor, failMap } from './expand-map.ts'
import type { FlowStore } from './flow-store.ts'
import type { LoadedFlow } from './loaded-flow.ts'
import type { MapNode } from './model/plan.ts'

/** A map that found no room is tried again when a job of its flow has ended, and after a part of the time that it has waited. */
const retryMs = { min: 500, max: 3000 }
/** So long nothing of a flow may be under way before it is asked whether anything else could make room. */
const stuckMs = 10_000

interface Deps {
  store: FlowStore
  quotas: TenantQuotas
  door: FlowDoor
}

/**
 * Lets a map wait for room. When all places of its tenant are taken by jobs that wait for other jobs, none would ever become free, nor do bytes
 * where none of its jobs waits in a queue or runs: then the map fails. @throws QueueUnavailableError
 */
export async function holdMap(
  deps: Deps,
  loaded: LoadedFlow,
  map: MapNode,
  { held, hasProgressed }: { held: Refusal; hasProgressed: boolean },
): Promise<'held' | 'failed' | 'stale'> {
  const now = performance.now()
  const before = loaded.held.get(map)
  const since = before && !hasProgressed ? before.since : now
  const waitedMs = now - since
  if (held.reason === 'quota' && waitedMs > stuckMs && loaded.underWayCount === 0) {
    const message = await whyStuck(deps, loaded.flow.tenant, held, waitedMs)
    if (message !== undefined) {
      loaded.held.delete(map)
      return failMap(deps.store, loaded, map, { code: 'quota_exceeded', message })
    }
  }
  const retryAt = now + Math.min(Math.max(waitedMs / 4, retryMs.min), retryMs.max)
  loaded.held.set(map, { since, retryAt, refusal: held })
  return 'held'
}

/** Why no room comes by itself; undefined: some may. */
async function whyStuck(
  { quotas, door }: Deps,
  tenant: string,
  { of, limit }: Refusal & { reason: 'quota' },
  waitedMs: number,
): Promise<string | undefined> {
  if (of === 'jobs')
    return (await quotas.areAllBlocked(tenant))
      ? `all of the ${limit} jobs that may wait are waiting for other jobs`
      : undefined
  return door.admission.isStuckFor(tenant, waitedMs - stuckMs)
    ? `all of the ${limit} bytes that may be stored are taken by flows that have not ended`
    : undefined
}

/** Writes for clients why the flow waits for room, when that has changed. @returns why, when it has begun to wait. @throws QueueUnavailableError */
export async function reportHeld(store: FlowStore, { flow, held }: LoadedFlow): Promise<Refusal | undefined> {
  const [first] = held.values()
  const { heldBack } = flow
  if (first?.refusal.reason === heldBack?.reason) return undefined
  const { refusal } = first ?? {}
  flow.heldBack = refusal && { reason: refusal.reason, detail: describeRefusal(refusal), since: redisNow() }
  await store.setHeldBack(flow.id, flow.heldBack)
  return heldBack ? undefined : refusal
}
