import type { Logger } from 'pino'
import type { Registry } from '../../jobs/registry.ts'
import { queuesOf } from '../../jobs/registry.ts'
import type { MemoryWatch } from '../admission/memory-watch.ts'
import type { RedisMemory } from '../admission/redis-memory.ts'
import { EvictableFlows } from '../flows/evictable-flows.ts'
import type { EndKind } from '../model/eviction.ts'
import type { Retention } from '../model/retention.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { deliveryQueue, ownerKey } from '../webhooks/delivery.ts'
import type { WebhookOutbox } from '../webhooks/outbox.ts'
import { EndedJobs } from './ended-jobs.ts'
import { Evictor } from './evictor.ts'
import type { ResultLimits } from './result-limits.ts'

/** An evictor of all that can give way: the ended jobs of all queues, ended flows, and deliveries whose job or flow is gone. Start it. */
export function openEvictor(options: {
  redis: Redis
  keys: Keys
  registry: Registry
  outbox: WebhookOutbox
  memory: RedisMemory
  watch: MemoryWatch
  retention: Retention
  resultMinMs: number
  limits: ResultLimits | undefined
  log: Logger
  onEvicted: (kind: EndKind, count: number) => void
}): Evictor {
  const { redis, keys, registry, retention } = options
  const queues = [...queuesOf(registry)]
  const sources = [
    ...queues.map((queue) => new EndedJobs({ redis, keys, queue, retention })),
    new EndedJobs({ redis, keys, queue: deliveryQueue, retention, ownerKeyOf: (id) => ownerKey(keys, id) }),
    new EvictableFlows(options),
  ]
  const { limits, ...others } = options
  return new Evictor({ ...others, ...(limits && { limits }), queues: [...queues, deliveryQueue], sources })
}
