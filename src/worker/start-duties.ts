import type { Logger } from 'pino'
import type { z } from 'zod'
import { retentionOf } from '../environment/retention.ts'
import type { workerVariables } from '../environment/worker-variables.ts'
import { cancelGraceMs } from '../jobs/cancel-grace.ts'
import { queuesOf, type Registry } from '../jobs/registry.ts'
import type { Lifecycle } from '../lifecycle.ts'
import { QuotaRecount } from '../queue/admission/quota-recount.ts'
import { FlowCoordinator } from '../queue/flows/coordinator.ts'
import { Sweeper } from '../queue/maintenance/sweeper.ts'
import type { Redis } from '../queue/redis/connection.ts'
import type { Keys } from '../queue/redis/keys.ts'
import { ScheduleStore } from '../queue/schedules/schedule-store.ts'
import { Scheduler } from '../queue/schedules/scheduler.ts'
import type { JobControl } from '../queue/store/cancel-and-retry.ts'
import type { JobQueue } from '../queue/store/job-queue.ts'
import { deliveryQueue } from '../queue/webhooks/delivery.ts'
import type { WebhookOutbox } from '../queue/webhooks/outbox.ts'
import type { Tracing } from '../tracing/span.ts'
import type { WorkerMetrics } from './metrics.ts'
import type { Door } from './open-door.ts'

/**
 * Starts what every worker does besides its jobs, whatever its queues: the sweep, schedules, the recount of quotas, and flows. Of all workers the
 * holder of a lease does the work. The lifecycle stops each.
 */
export function startDuties(options: {
  redis: Redis
  subscriber: Redis
  keys: Keys
  config: z.output<typeof workerVariables>
  registry: Registry
  jobs: JobQueue
  control: JobControl
  door: Door
  outbox: WebhookOutbox
  metrics: WorkerMetrics
  tracing: Tracing | undefined
  lifecycle: Lifecycle
  log: Logger
}): void {
  const { redis, subscriber, keys, config, registry, jobs, control, door, outbox, metrics, lifecycle, log } = options
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
  const scheduler = new Scheduler({
    store: new ScheduleStore({ redis, keys }),
    jobs,
    door,
    tracing: options.tracing,
    replace: {
      control,
      graceMsOf: (type) => cancelGraceMs(registry, type),
      onEnded: ({ type }) => onEnded(type, 'canceled'),
    },
    log,
  })
  scheduler.start()
  lifecycle.onStop('scheduler', () => scheduler.stop())
  const recount = new QuotaRecount({ redis, keys, queues: queuesOf(registry), log })
  recount.start()
  lifecycle.onStop('recount', () => recount.stop())
  const flows = new FlowCoordinator({ redis, subscriber, keys, registry, outbox, ...retention, log, door, onEnded })
  flows.start()
  lifecycle.onStop('flows', () => flows.stop())
}
