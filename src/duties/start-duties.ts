import type { Logger } from 'pino'
import { retentionOf } from '../environment/retention.ts'
import type { SharedSettings } from '../environment/shared-variables.ts'
import { cancelGraceMs } from '../jobs/cancel-grace.ts'
import { queuesOf, type Registry } from '../jobs/registry.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { Metrics } from '../metrics.ts'
import { QuotaRecount } from '../queue/admission/quota-recount.ts'
import type { TenantQuotas } from '../queue/admission/tenant-quotas.ts'
import { FlowCoordinator } from '../queue/flows/coordinator.ts'
import { Sweeper } from '../queue/maintenance/sweeper.ts'
import type { StoredJob } from '../queue/model/stored-job.ts'
import type { Redis } from '../queue/redis/connection.ts'
import type { Keys } from '../queue/redis/keys.ts'
import type { ScheduleStore } from '../queue/schedules/schedule-store.ts'
import { Scheduler } from '../queue/schedules/scheduler.ts'
import type { JobControl } from '../queue/store/cancel-and-retry.ts'
import type { JobQueue } from '../queue/store/job-queue.ts'
import { deliveryQueue } from '../queue/webhooks/delivery.ts'
import type { WebhookOutbox } from '../queue/webhooks/outbox.ts'
import type { Tracing } from '../tracing/span.ts'
import type { Door } from './open-door.ts'

/**
 * Starts what every API and every worker does besides its own work: the sweep, schedules, the recount of quotas, and flows. Of all processes the
 * holder of a lease does the work. The lifecycle stops each.
 */
export function startDuties(options: {
  redis: Redis
  subscriber: Redis
  keys: Keys
  config: SharedSettings
  registry: Registry
  jobs: JobQueue
  schedules: ScheduleStore
  control: JobControl
  quotas: TenantQuotas
  door: Door
  outbox: WebhookOutbox
  metrics: Metrics
  tracing: Tracing | undefined
  /** Whether several tenants share the queues. */
  isShared?: () => boolean
  lifecycle: Lifecycle
  log: Logger
}): void {
  const { redis, subscriber, keys, config, registry, jobs, control, quotas, door, outbox, metrics, lifecycle, log } =
    options
  const retention = retentionOf(config)
  const onEnded = metrics.jobEnded
  const sweeper = new Sweeper({
    redis,
    keys,
    queues: [...queuesOf(registry), deliveryQueue],
    acceptsPlainJobs: config.ACCEPT_BULLMQ_JOBS,
    ...retention,
    releaseWebhook: (ref) => outbox.releaseOf(ref),
    log,
    onEnded,
  })
  sweeper.start()
  lifecycle.onStop('sweeper', () => sweeper.stop())
  const leaveReplaced = ({ id, type, record }: StoredJob) => {
    onEnded(type, 'canceled')
    if (!record.limited) return
    quotas
      .leave(record.tenant, [id])
      .catch((error: unknown) => log.debug({ err: error }, 'failed to free the place of a replaced job'))
  }
  const scheduler = new Scheduler({
    store: options.schedules,
    jobs,
    door,
    tracing: options.tracing,
    replace: {
      control,
      graceMsOf: (type) => cancelGraceMs(registry, type),
      onEnded: leaveReplaced,
    },
    log,
  })
  scheduler.start()
  lifecycle.onStop('scheduler', () => scheduler.stop())
  const recount = new QuotaRecount({ redis, keys, queues: queuesOf(registry), log })
  recount.start()
  lifecycle.onStop('recount', () => recount.stop())
  const flows = new FlowCoordinator({
    redis,
    subscriber,
    keys,
    registry,
    outbox,
    ...retention,
    log,
    door,
    onEnded,
    ...(options.isShared && { isShared: options.isShared }),
  })
  flows.start()
  lifecycle.onStop('flows', () => flows.stop())
}
