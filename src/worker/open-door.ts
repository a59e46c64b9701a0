import type { Logger } from 'pino'
import type { z } from 'zod'
import { resultLimitsOf, retentionOf } from '../environment/retention.ts'
import type { workerVariables } from '../environment/worker-variables.ts'
import type { Registry } from '../jobs/registry.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { Admission } from '../queue/admission/admission.ts'
import type { MemoryWatch } from '../queue/admission/memory-watch.ts'
import { TenantLimits } from '../queue/admission/tenant-limits.ts'
import type { TenantQuotas } from '../queue/admission/tenant-quotas.ts'
import { openAdmission } from '../queue/maintenance/open-admission.ts'
import type { Redis } from '../queue/redis/connection.ts'
import type { Keys } from '../queue/redis/keys.ts'
import type { WebhookOutbox } from '../queue/webhooks/outbox.ts'
import type { WorkerMetrics } from './metrics.ts'

/** The door of jobs that this worker submits: those of schedules and maps, and those of its handlers. */
export interface Door {
  admission: Admission
  limits: TenantLimits
}

/** Opens the door, and starts what makes room for jobs in Redis. The lifecycle stops that. Also returns the watch of the memory of Redis. */
export function openDoor(options: {
  redis: Redis
  keys: Keys
  config: z.output<typeof workerVariables>
  registry: Registry
  quotas: TenantQuotas
  outbox: WebhookOutbox
  metrics: WorkerMetrics
  lifecycle: Lifecycle
  log: Logger
}): { door: Door; watch: MemoryWatch } {
  const { redis, keys, config, metrics, lifecycle } = options
  const { admission, memory, watch, evictor } = openAdmission({
    ...options,
    depthLimit: config.QUEUE_DEPTH_LIMIT,
    retention: retentionOf(config),
    resultMinMs: config.RESULT_MIN_MS,
    limits: resultLimitsOf(config),
    onEvicted: metrics.evicted,
  })
  evictor.start()
  lifecycle.onStop('evictor', () => evictor.stop())
  metrics.observeMemory(memory)
  return { door: { admission, limits: new TenantLimits({ redis, keys }) }, watch }
}
