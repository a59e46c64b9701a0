import { z } from 'zod'
import type { Registry } from '../../jobs/registry.ts'
import { BullQueues } from '../bullmq/bull-queues.ts'
import type { Evictable, EvictionPage, EvictionSearch, EvictionSource } from '../model/eviction.ts'
import type { JobEnd } from '../model/job-states.ts'
import type { Retention } from '../model/retention.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import type { WebhookOutbox } from '../webhooks/outbox.ts'
import { FlowJobs } from './flow-jobs.ts'
import { FlowStore } from './flow-store.ts'
import { evictFlow } from './remove-flows.ts'

/** Flows in one look. */
const maxLook = 50
/** About what a job of a flow takes at least, with its part of the document of the flow. */
const jobBytes = 2500

const kindOf = {
  succeeded: 'succeeded',
  failed: 'failed',
  canceled: 'stopped',
  expired: 'stopped',
} as const satisfies Record<JobEnd, string>
const countSchema = z.coerce.number().catch(0)

/** Ended flows, which give way with their jobs. */
export class EvictableFlows implements EvictionSource {
  readonly key: string
  readonly isOfFlows = true
  readonly #deps: { redis: Redis; keys: Keys; store: FlowStore; jobs: FlowJobs; outbox: WebhookOutbox }
  readonly #retention: Retention

  constructor(options: { redis: Redis; keys: Keys; registry: Registry; outbox: WebhookOutbox; retention: Retention }) {
    const { redis, keys, outbox, retention } = options
    this.key = keys.endedFlows
    // It adds no jobs.
    const bull = new BullQueues({ redis, keys, isListed: true })
    this.#deps = { redis, keys, outbox, store: new FlowStore(options), jobs: new FlowJobs({ ...options, bull }) }
    this.#retention = retention
  }

  async find(search: EvictionSearch, from: number): Promise<EvictionPage> {
    const { redis, keys, store } = this.#deps
    const { tenant, kind, endedBefore } = search
    const ids = await whenAvailable(redis.zrange(keys.endedFlows, from, `${from + maxLook - 1}`))
    const found: Evictable[] = []
    const heads = await Promise.all(ids.map((id) => store.head(id)))
    let young: number | undefined
    for (const [n, id] of ids.entries()) {
      const flow = heads[n]
      if (young === undefined && flow?.finished && flow.finished.at > endedBefore) young = from + n
      if (!flow?.finished || flow.tenant !== tenant || kindOf[flow.finished.state] !== kind) continue
      const isOwing = flow.webhook !== undefined && flow.notifiedRun !== flow.run
      if (flow.finished.at > endedBefore || isOwing) continue
      const tree = countSchema.parse(await whenAvailable(redis.hstrlen(keys.flow(id), 'tree')))
      found.push({ id, endedAt: flow.finished.at, bytes: tree * 2 + flow.jobs * jobBytes, jobs: flow.jobs })
    }
    const isEnd = ids.length < maxLook
    const end = from + ids.length
    return { found, next: isEnd ? undefined : end, resume: young ?? (isEnd ? end : undefined) }
  }

  async evict(some: Evictable[], { endedBefore }: EvictionSearch): Promise<{ removed: number; bytes: number }> {
    const sum = { removed: 0, bytes: 0 }
    for (const { id } of some) {
      const bytes = await evictFlow(this.#deps, id, this.#retention, endedBefore)
      if (bytes === undefined) continue
      sum.removed += 1
      sum.bytes += bytes
    }
    return sum
  }
}
