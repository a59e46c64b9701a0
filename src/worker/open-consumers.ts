import type { Logger } from 'pino'
import type { z } from 'zod'
import { redisAt } from '../environment/redis-at.ts'
import type { workerVariables } from '../environment/worker-variables.ts'
import type { RunsOn } from '../jobs/define-job.ts'
import type { Registry } from '../jobs/registry.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { TenantQuotas } from '../queue/admission/tenant-quotas.ts'
import type { Parent } from '../queue/children/parent.ts'
import type { ChildSubmitter } from '../queue/children/submit-children.ts'
import type { LeasedJob } from '../queue/consume/attempt.ts'
import { CrashQuarantine } from '../queue/consume/crash-quarantine.ts'
import { openIdleWaits } from '../queue/consume/idle-waits.ts'
import { JobConsumer } from '../queue/consume/job-consumer.ts'
import { JobLeases } from '../queue/consume/job-leases.ts'
import type { LoopBlocker } from '../queue/consume/loop-blocker.ts'
import type { JobEventWriter } from '../queue/events/event-writer.ts'
import { stepFiller } from '../queue/flows/fill-next-step.ts'
import type { JobRef } from '../queue/model/job-id.ts'
import type { Redis } from '../queue/redis/connection.ts'
import type { Keys } from '../queue/redis/keys.ts'
import type { StatsRecorder } from '../queue/stats/stats-recorder.ts'
import type { JobControl } from '../queue/store/cancel-and-retry.ts'
import { JobIndex } from '../queue/store/job-index.ts'
import { OutputWriter } from '../queue/store/job-output.ts'
import { deliveryQueue } from '../queue/webhooks/delivery.ts'
import type { WebhookOutbox } from '../queue/webhooks/outbox.ts'
import type { Tracing } from '../tracing/span.ts'
import { concurrencyFor } from './concurrency-for.ts'
import { executeJob } from './execution/execute-job.ts'
import { logOfJobs } from './execution/log-of-jobs.ts'
import type { Executors } from './executors/create-executors.ts'
import type { WorkerMetrics } from './metrics.ts'
import { consumeDeliveries } from './webhooks/consume-deliveries.ts'

/**
 * The consumers of this worker: one for each queue that it takes jobs from, and one of webhook deliveries. The caller starts and stops them;
 * the lifecycle closes what they share.
 */
export function openConsumers(options: {
  redis: Redis
  keys: Keys
  config: z.output<typeof workerVariables>
  workerName: string
  registry: Registry
  executors: Executors
  events: JobEventWriter
  stats: StatsRecorder
  metrics: WorkerMetrics
  control: JobControl
  quotas: TenantQuotas
  children: ChildSubmitter
  outbox: WebhookOutbox
  tracing: Tracing | undefined
  lifecycle: Lifecycle
  blocker: LoopBlocker
  log: Logger
}): JobConsumer[] {
  const { redis, keys, config, workerName, registry, executors, events, control, blocker, lifecycle, log } = options
  const { stats, metrics, outbox, tracing } = options
  const limits = { inline: config.INLINE_OUTPUT_BYTES, max: config.OUTPUT_LIMIT_BYTES }
  const lockMs = config.LOCK_MS
  // Only handlers on the event loop block it: a worker without them need not pay for the thread.
  const hasLoopJobs = concurrencyFor('event-loop', registry, config.WORKER_QUEUES) > 0
  const queues = [...config.WORKER_QUEUES.keys(), deliveryQueue]
  const concurrency = config.WEBHOOKS_AT_ONCE + [...config.WORKER_QUEUES.values()].reduce((sum, each) => sum + each, 0)
  const leases = hasLoopJobs
    ? new JobLeases({ redisAt: redisAt(config), keys, queues, concurrency, lockMs, blocker, log })
    : undefined
  lifecycle.onStop('leases', () => leases?.stop())
  const idle = openIdleWaits({ redis, keys, queues, workerName, lockMs, log })
  lifecycle.onStop('markers', () => idle.markers?.close())
  const shared = {
    redis,
    keys,
    events,
    ...(leases && { leases }),
    outputs: new OutputWriter({ redis, keys, limits, log }),
    control,
    onStarted: whenStarted(options),
    quarantine: new CrashQuarantine(),
    blocker,
    log,
    workerName,
    lockMs,
    bullmqEvents: config.BULLMQ_EVENTS,
    fillStep: stepFiller({ redis, keys, registry, log }),
    ...idle,
  }
  const measured = {
    'event-loop': metrics.measured(executors.for('event-loop')),
    thread: metrics.measured(executors.for('thread')),
    process: metrics.measured(executors.for('process')),
  }
  const deps = {
    registry,
    executorFor: (runsOn: RunsOn) => measured[runsOn],
    acceptsPlainJobs: config.ACCEPT_BULLMQ_JOBS,
    childrenOf: (parent: Parent) => options.children.portOf(parent),
    tracing,
    jobLog: config.JOB_LOGS === 'stdout' ? logOfJobs(log) : undefined,
    log,
  }
  const execute = async (leased: LeasedJob) => {
    stats.wake()
    const settlement = await executeJob(deps, leased)
    metrics.attemptSettled(leased, settlement)
    return settlement
  }
  const onEnded = metrics.jobEnded
  const releaseWebhook = (ref: JobRef, data: unknown) => void outbox.onEnd(ref, data)
  const consumers = [...config.WORKER_QUEUES].map(
    ([queue, concurrency]) => new JobConsumer({ ...shared, queue, concurrency, execute, onEnded, releaseWebhook }),
  )
  // Every worker delivers webhooks, whatever its queues: it needs little of the event loop, and operators need not configure it.
  if (config.WEBHOOK_SECRETS.length > 0 && config.WEBHOOKS_AT_ONCE > 0) {
    const options = { secrets: config.WEBHOOK_SECRETS, concurrency: config.WEBHOOKS_AT_ONCE }
    const how = { executorFor: (runsOn: RunsOn) => executors.for(runsOn), tracing, log }
    consumers.push(consumeDeliveries(shared, how, options))
  }
  return consumers
}

/** What follows the first start of a job: a job of a plain BullMQ producer is listed, and a tenant's job counts as waiting no more. */
function whenStarted(options: {
  redis: Redis
  keys: Keys
  config: z.output<typeof workerVariables>
  quotas: TenantQuotas
  log: Logger
}): (ref: JobRef, record: unknown, createdAt: number) => void {
  const { redis, keys, config, quotas, log } = options
  const index = new JobIndex({ redis, keys })
  return (ref, record, createdAt) => {
    if (ref.bullId !== undefined && config.ACCEPT_BULLMQ_JOBS) {
      index.addPlain(ref, createdAt).catch((error: unknown) => {
        log.warn({ job: ref.id, err: error }, 'failed to list a job of a plain BullMQ producer')
      })
    }
    quotas.leaveStarted(ref, record)?.catch((error: unknown) => {
      log.debug({ job: ref.id, err: error }, 'failed to free the place of a started job')
    })
  }
}
