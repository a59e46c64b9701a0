import type { Logger } from 'pino'
import type { Registry } from '../../jobs/registry.ts'
import { queuesOf } from '../../jobs/registry.ts'
import { Admission } from '../admission/admission.ts'
import { MemoryWatch } from '../admission/memory-watch.ts'
import { QueueBackpressure } from '../admission/queue-backpressure.ts'
import { RedisMemory } from '../admission/redis-memory.ts'
import type { TenantQuotas } from '../admission/tenant-quotas.ts'
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

/** What decides whether jobs may become waiting, and makes room for them in the memory of Redis. */
interface Room {
  admission: Admission
  memory: RedisMemory
  watch: MemoryWatch
  evictor: Evictor
}

/**
 * Opens the admission of jobs, with an evictor of all that can give way: the ended jobs of all queues, ended flows, and deliveries whose job
 * or flow is gone. Start the evictor, and stop it.
 */
export function openAdmission(options: {
  redis: Redis
  keys: Keys
  registry: Registry
  outbox: WebhookOutbox
  quotas: TenantQuotas
  /** How many jobs may wait in a queue. */
  depthLimit: number
  retention: Retention
  resultMinMs: number
  limits: ResultLimits | undefined
  log: Logger
  onEvicted: (kind: EndKind, count: number) => void
}): Room {
  const { redis, keys, registry, retention, quotas, depthLimit, limits, log } = options
  const memory = new RedisMemory(redis)
  const watch = new MemoryWatch({ memory, log })
  const queues = [...queuesOf(registry)]
  const sources = [
    ...queues.map((queue) => new EndedJobs({ redis, keys, queue, retention })),
    new EndedJobs({ redis, keys, queue: deliveryQueue, retention, ownerKeyOf: (id) => ownerKey(keys, id) }),
    new EvictableFlows(options),
  ]
  const { resultMinMs, onEvicted } = options
  const about = { redis, keys, memory, watch, retention, resultMinMs, log, onEvicted, ...(limits && { limits }) }
  const evictor = new Evictor({ ...about, queues: [...queues, deliveryQueue], sources })
  const backpressure = new QueueBackpressure({ redis, keys, depthLimit, memory })
  return { admission: new Admission({ backpressure, quotas, relief: evictor }), memory, watch, evictor }
}
