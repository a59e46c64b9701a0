import type { Logger } from 'pino'
import { resultLimitsOf, retentionOf } from '../environment/retention.ts'
import type { SharedSettings } from '../environment/shared-variables.ts'
import type { Registry } from '../jobs/registry.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { Metrics } from '../metrics.ts'
import type { Admission } from '../queue/admission/admission.ts'
import type { MemoryWatch } from '../queue/admission/memory-watch.ts'
import { TenantLimits } from '../queue/admission/tenant-limits.ts'
import type { TenantQuotas } from '../queue/admission/tenant-quotas.ts'
import { openAdmission } from '../queue/maintenance/open-admission.ts'
import type { Redis } from '../queue/redis/connection.ts'
import type { Keys } from '../queue/redis/keys.ts'
import type { WebhookOutbox } from '../queue/webhooks/outbox.ts'

/** The door through which all jobs pass that this process submits: those of requests, schedules and maps, and those of handlers. */
export interface Door {
  admission: Admission
  limits: TenantLimits
}

/** Opens the door, and starts what makes room for jobs in Redis. The lifecycle stops that. Also returns the watch of the memory of Redis. */
export function openDoor(options: {
  redis: Redis
  keys: Keys
  config: SharedSettings
  registry: Registry
  quotas: TenantQuotas
  outbox: WebhookOutbox
  metrics: Metrics
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
