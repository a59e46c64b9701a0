import type { Refusal } from '../admission/admission.ts'
import { describeRefusal } from '../admission/admission.ts'
import type { TenantQuotas } from '../admission/tenant-quotas.ts'
import { redisNow } from '../model/redis-time.ts'
import { failMap } from './expand-map.ts'
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
}

/**
 * Lets a map wait for room. When all places of its tenant are taken by jobs that wait for other jobs, none would ever become free: then
 * the map fails. @throws QueueUnavailableError
 */
export async function holdMap(
  { store, quotas }: Deps,
  loaded: LoadedFlow,
  map: MapNode,
  { held, hasProgressed }: { held: Refusal; hasProgressed: boolean },
): Promise<'held' | 'failed' | 'stale'> {
  const now = performance.now()
  const before = loaded.held.get(map)
  const since = before && !hasProgressed ? before.since : now
  const waitedMs = now - since
  if (held.reason === 'quota' && waitedMs > stuckMs && loaded.underWayCount === 0) {
    if (await quotas.areAllBlocked(loaded.flow.tenant)) {
      loaded.held.delete(map)
      const message = `all of the ${held.limit} jobs that may wait are waiting for other jobs`
      return failMap(store, loaded, map, { code: 'quota_exceeded', message })
    }
  }
  const retryAt = now + Math.min(Math.max(waitedMs / 4, retryMs.min), retryMs.max)
  loaded.held.set(map, { since, retryAt, refusal: held })
  return 'held'
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
