import { pino } from 'pino'
import { stringify } from 'yaml'
import { apiVariables } from '../environment/api-variables.ts'
import { retentionOf } from '../environment/retention.ts'
import { readEnvironment } from '../environment.ts'
import { loadRegistry } from '../jobs/registry.ts'
import type { Admission } from '../queue/admission/admission.ts'
import type { TenantQuotas } from '../queue/admission/tenant-quotas.ts'
import type { AuditLog } from '../queue/audit/audit-log.ts'
import type { JobEventHub } from '../queue/events/event-hub.ts'
import type { Flows } from '../queue/flows/flows.ts'
import type { ScheduleStore } from '../queue/schedules/schedule-store.ts'
import type { JobControl } from '../queue/store/cancel-and-retry.ts'
import type { IdempotencyKeys } from '../queue/store/idempotency-keys.ts'
import type { JobIndex } from '../queue/store/job-index.ts'
import type { JobQueue } from '../queue/store/job-queue.ts'
import type { WebhookOutbox } from '../queue/webhooks/outbox.ts'
import type { Workers } from '../queue/workers/workers.ts'
import { buildApp } from './app.ts'
import type { ApiDeps } from './deps.ts'
import { ApiMetrics } from './health/metrics.ts'

/** The OpenAPI document of this version with all built-in job types, as YAML. Needs no Redis. */
export async function generateOpenapi(): Promise<string> {
  const registry = await loadRegistry({ diagnosticJobs: true })
  const config = readEnvironment(apiVariables, { REDIS_URL: 'redis://localhost' })
  // Routes are described, never called.
  const app = await buildApp({
    config,
    registry,
    queue: uncalled as JobQueue,
    hub: uncalled as JobEventHub,
    control: uncalled as JobControl,
    idempotency: uncalled as IdempotencyKeys,
    index: uncalled as JobIndex,
    outbox: uncalled as WebhookOutbox,
    schedules: uncalled as ScheduleStore,
    flows: uncalled as Flows,
    apiKeys: undefined,
    quotas: uncalled as TenantQuotas,
    admission: uncalled as Admission,
    retention: retentionOf(config),
    clock: { skewMs: 0 },
    workers: uncalled as Workers,
    audit: uncalled as AuditLog,
    operations: uncalled as ApiDeps['operations'],
    readStats: uncalled as ApiDeps['readStats'],
    describeRedis: uncalled as ApiDeps['describeRedis'],
    warnings: () => [],
    metrics: new ApiMetrics([...registry.keys()]),
    draining: new AbortController().signal,
    log: pino({ level: 'silent' }),
  })
  try {
    const { body } = await app.inject('/openapi.json')
    return stringify(JSON.parse(body), { aliasDuplicateObjects: false, lineWidth: 120 })
  } finally {
    await app.close()
  }
}

const uncalled: unknown = new Proxy(
  {},
  {
    get(_target, name) {
      throw new Error(`${String(name)} was called while the API is being described`)
    },
  },
)
