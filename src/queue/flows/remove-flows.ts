import { z } from 'zod'
import type { JobRef } from '../model/job-id.ts'
import { redisNow } from '../model/redis-time.ts'
import { keptForMs, type Retention } from '../model/retention.ts'
import { isAnyHeard, type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import { expireClaim, releaseClaim } from '../store/idempotency-keys.ts'
import type { WebhookOutbox } from '../webhooks/outbox.ts'
import type { FlowJobs } from './flow-jobs.ts'
import type { FlowStore } from './flow-store.ts'
import { flowOwner } from './flow-webhook.ts'
import type { StoredFlow } from './model/document.ts'
import { refsOf } from './model/flow-job-id.ts'
import { FlowPlan, type JobNode } from './model/plan.ts'

const beginRemoval = loadScript('flows/begin-flow-removal')
const unlinkFlow = loadScript('flows/unlink-flow')
const sumJobBytes = loadScript('bullmq/sum-job-bytes')
const begunSchema = z.tuple([z.enum(['missing', 'open', 'expired', 'deleted', 'evicted']), z.string()])

/** Flows in one call. */
const maxFlows = 50
/** Jobs in one call. */
const maxSummed = 500

interface Deps {
  redis: Redis
  keys: Keys
  store: FlowStore
  jobs: FlowJobs
  outbox: WebhookOutbox
}

/**
 * Removes an ended flow that a client deletes, with its jobs, its deliveries, also one that it owes, and everything that belongs to them. A
 * crash halfway leaves a flow that is marked, and removed soon: see {@link FlowRemover}.
 *
 * @returns `not_done` also while a job of a canceled flow is being stopped
 * @throws QueueUnavailableError
 */
export async function deleteFlow(deps: Deps, id: string): Promise<'removed' | 'missing' | 'not_done'> {
  const { redis, keys, store, jobs } = deps
  const flow = await store.read(id)
  if (!flow) return 'missing'
  if (!flow.finished) return 'not_done'
  const nodes = await jobsOf(deps, flow)
  const states = await jobs.readStates(flow, nodes)
  if (states.some(({ status }) => status === 'open')) return 'not_done'
  const [status, claim] = begunSchema.parse(await whenAvailable(beginRemoval(redis, [keys.flow(id)], ['deleted', ''])))
  if (status === 'missing') return 'missing'
  if (status === 'open') return 'not_done'
  // The first that the coordinator finds.
  await whenAvailable(redis.zadd(keys.endedFlows, 0, id))
  await finishRemoval(deps, flow, nodes, { claim, why: 'deleted' })
  return 'removed'
}

/**
 * Removes an ended flow before its time, with its jobs and everything that belongs to them. Its deliveries stay, and its idempotency claim lives
 * on until the flow would have expired. A crash halfway leaves a flow that is marked, and removed soon.
 *
 * @param endedBefore epoch ms: one that ended later is kept, also when it was retried since the caller found it
 * @returns about how many bytes its jobs took; undefined when it owes a webhook, runs again, or a job of it is being stopped
 * @throws QueueUnavailableError
 */
export async function evictFlow(
  deps: Deps,
  id: string,
  retention: Retention,
  endedBefore: number,
): Promise<number | undefined> {
  const { redis, keys, store, jobs } = deps
  const flow = await store.read(id)
  if (!flow?.finished || flow.finished.at > endedBefore) return undefined
  const nodes = await jobsOf(deps, flow)
  const channels = [keys.flow(id), ...refsOf(id, nodes).map((ref) => keys.channel(ref))]
  if (await isAnyHeard(redis, channels)) return undefined
  const states = await jobs.readStates(flow, nodes)
  if (states.some(({ status }) => status === 'open')) return undefined
  const bytes = await sumBytes(deps, refsOf(id, nodes))
  const begun = await whenAvailable(beginRemoval(redis, [keys.flow(id)], ['evicted', flow.run]))
  const [status, claim] = begunSchema.parse(begun)
  if (status === 'missing' || status === 'open') return undefined
  // The first that the coordinator finds.
  await whenAvailable(redis.zadd(keys.endedFlows, 0, id))
  await finishRemoval(deps, flow, nodes, { claim, why: status, keptMs: keptForMs(flow.finished.state, retention) })
  return bytes
}

/** About how many bytes jobs take in Redis. */
async function sumBytes({ redis, keys }: Pick<Deps, 'redis' | 'keys'>, refs: JobRef[]): Promise<number> {
  let sum = 0
  for (const [queue, some] of Map.groupBy(refs, (ref) => ref.queue)) {
    for (let i = 0; i < some.length; i += maxSummed) {
      const ids = some.slice(i, i + maxSummed).map((ref) => ref.id)
      const args = [keys.bull(queue, ''), ...ids]
      sum += Number(await whenAvailable(sumJobBytes(redis, [keys.bull(queue, 'completed')], args)))
    }
  }
  return sum
}

/** Does what is left of a removal that has begun. */
async function finishRemoval(
  deps: Deps,
  flow: StoredFlow,
  nodes: JobNode[],
  { claim, why, keptMs = 0 }: { claim: string; why: 'expired' | 'deleted' | 'evicted'; keptMs?: number },
): Promise<void> {
  const { redis, keys, store, jobs, outbox } = deps
  const { id } = flow
  const owner = flowOwner(flow)
  const isDeleted = why === 'deleted'
  if (isDeleted) await outbox.forget(owner)
  await jobs.remove(flow, nodes, why === 'evicted' ? keptMs : undefined)
  if (why === 'evicted') {
    // First what clients are answered by: until the flow is gone, the next removal does this again.
    await store.noteEvicted(flow, keptMs)
    if (claim !== '') await whenAvailable(expireClaim(redis, [claim], [id, (flow.finished?.at ?? 0) + keptMs]))
  } else if (claim !== '') await whenAvailable(releaseClaim(redis, [claim], [id]))
  const names = [keys.flow(id), keys.flowEnds(id), keys.flowOrder(id), keys.flowExpansions(id)]
  await whenAvailable(unlinkFlow(redis, names, [isDeleted || claim !== '' ? 1 : '']))
  // A process that stores a delivery later looks whether the flow is still there: see flow-webhook.ts.
  if (isDeleted) await outbox.forget(owner)
  await store.index.remove(flow)
  await whenAvailable(redis.zrem(keys.endedFlows, id))
}

async function jobsOf({ store }: Pick<Deps, 'store'>, flow: StoredFlow): Promise<JobNode[]> {
  const { expansions } = await store.maps.read(flow.id)
  return [...new FlowPlan(flow.tree, expansions).jobs()]
}

/** Removes flows with their jobs and everything that belongs to them when they have been kept for long enough. */
export class FlowRemover {
  readonly #options: Deps & Retention

  constructor(options: Deps & Retention) {
    this.#options = options
  }

  /** A crash halfway leaves a flow that is marked, and removed the next time. @throws QueueUnavailableError */
  async removeExpired(): Promise<void> {
    const { redis, keys, resultTtlMs } = this.#options
    const [seconds, micros] = await redis.time()
    const before = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000) - resultTtlMs
    const found = await redis.zrangebyscore(keys.endedFlows, '-inf', before, 'WITHSCORES', 'LIMIT', 0, maxFlows)
    for (let i = 0; i + 1 < found.length; i += 2) {
      const [id = '', score] = found.slice(i, i + 2)
      // The removal of one at 0 has begun.
      if (Number(score) === 0 || !(await this.#isKeptLonger(id, before))) await this.#remove(id, before)
    }
  }

  /** A failed flow is kept for longer: it stands where it is found when its time is over. */
  async #isKeptLonger(id: string, before: number): Promise<boolean> {
    const { redis, keys, store, resultTtlMs } = this.#options
    const finished = (await store.head(id))?.finished
    if (!finished) return false
    const foundAt = finished.at + keptForMs(finished.state, this.#options) - resultTtlMs
    if (foundAt <= before) return false
    await redis.zadd(keys.endedFlows, foundAt, id)
    return true
  }

  async #remove(id: string, before: number): Promise<void> {
    const { redis, keys, store } = this.#options
    const [status, detail] = begunSchema.parse(await beginRemoval(redis, [keys.flow(id)], ['expired', '']))
    // A retry crashed between opening the next run and taking the flow off this list. That run may have ended since, and owe its webhook.
    if (status === 'open') await store.openList.add(id, Number(detail), redisNow())
    const why: 'deleted' | 'evicted' | 'expired' = status === 'deleted' || status === 'evicted' ? status : 'expired'
    const flow = status === 'open' ? undefined : await store.read(id)
    // Unless that run has just ended.
    if (!flow) return store.openList.reopen(id, before + 1)
    const keptMs = flow.finished ? keptForMs(flow.finished.state, this.#options) : 0
    const how = { claim: detail, why, keptMs }
    await finishRemoval(this.#options, flow, await jobsOf(this.#options, flow), how)
  }
}
