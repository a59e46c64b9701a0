import type { Logger } from 'pino'
import type { z } from 'zod'
import type { apiVariables } from '../environment/api-variables.ts'
import type { Registry } from '../jobs/registry.ts'
import type { Admission } from '../queue/admission/admission.ts'
import type { TenantQuotas } from '../queue/admission/tenant-quotas.ts'
import type { AuditLog } from '../queue/audit/audit-log.ts'
import type { JobEventHub } from '../queue/events/event-hub.ts'
import type { Flows } from '../queue/flows/flows.ts'
import type { Retention } from '../queue/model/retention.ts'
import type { OperationStore } from '../queue/operations/operation-store.ts'
import type { describeRedis } from '../queue/redis/describe-redis.ts'
import type { Warning } from '../queue/redis/warning.ts'
import type { ScheduleStore } from '../queue/schedules/schedule-store.ts'
import type { Stats, StatsRange } from '../queue/stats/read-stats.ts'
import type { JobControl } from '../queue/store/cancel-and-retry.ts'
import type { IdempotencyKeys } from '../queue/store/idempotency-keys.ts'
import type { JobIndex } from '../queue/store/job-index.ts'
import type { JobQueue } from '../queue/store/job-queue.ts'
import type { WebhookOutbox } from '../queue/webhooks/outbox.ts'
import type { Workers } from '../queue/workers/workers.ts'
import type { Tracing } from '../tracing/span.ts'
import type { ApiKeys } from './access/api-keys.ts'
import type { HeldAnswers } from './access/held-answers.ts'
import type { WatchTokens } from './access/watch-tokens.ts'
import type { ApiMetrics } from './health/metrics.ts'
import type { SseStreams } from './http/sse-response.ts'
import type { SchemaRegistry } from './openapi/schema-registry.ts'

/** Operations over many jobs: what is stored of them, and how one begins in this process. */
interface Operations {
  store: OperationStore
  begin(id: string): void
}

/** What the API works with. The caller of `buildApp` opens and closes these. */
export interface ApiDeps {
  config: z.output<typeof apiVariables>
  registry: Registry
  queue: JobQueue
  hub: JobEventHub
  control: JobControl
  idempotency: IdempotencyKeys
  index: JobIndex
  outbox: WebhookOutbox
  schedules: ScheduleStore
  /** Undefined: the API runs without authentication. */
  apiKeys: ApiKeys | undefined
  quotas: TenantQuotas
  admission: Admission
  metrics: ApiMetrics
  flows: Flows
  retention: Retention
  /** What all processes have counted. @throws QueueUnavailableError */
  readStats: (range: StatsRange) => Promise<Stats>
  workers: Workers
  audit: AuditLog
  operations: Operations
  describeRedis: () => ReturnType<typeof describeRedis>
  /** How far the clock of this process is ahead of that of Redis. */
  clock: { readonly skewMs: number }
  /** What costs safety at the moment, while this process can serve. */
  warnings: () => Warning[]
  /** Aborts when the process is to stop: until the server closes it answers all requests, and tells clients to go elsewhere. */
  draining: AbortSignal
  /** Undefined: requests are not traced. */
  tracing?: Tracing | undefined
  log: Logger
}

/** What routes are given: {@link ApiDeps} and what the app itself owns. */
export interface RouteDeps extends ApiDeps {
  /** Aborts when the server starts to close: held requests are answered, streams end. */
  closing: AbortSignal
  streams: SseStreams
  tokens: WatchTokens
  /** Where a stream or a wait is opened, so that it is counted and ends with its key. */
  holds: HeldAnswers
  /** Where a route names its schemas, so that the OpenAPI document refers to them. */
  schemas: SchemaRegistry
}
