import { hostname } from 'node:os'
import { boot } from '../boot.ts'
import { BootHealth } from '../boot-health.ts'
import { memoryLimits } from '../container-memory.ts'
import { watchDescriptors } from '../descriptor-watch.ts'
import { redisAt } from '../environment/redis-at.ts'
import { resultLimitsOf, retentionOf } from '../environment/retention.ts'
import { jobEnvironment, removeSecrets } from '../environment/secrets.ts'
import { EnvironmentError, listenMistake, readEnvironment, workerVariables } from '../environment.ts'
import { cancelGraceMs } from '../jobs/cancel-grace.ts'
import type { RunsOn } from '../jobs/define-job.ts'
import { loadRegistry, queuesOf, type Registry } from '../jobs/registry.ts'
import { createLifecycle } from '../lifecycle.ts'
import { createLogger } from '../logger.ts'
import { QuotaRecount } from '../queue/admission/quota-recount.ts'
import { TenantLimits } from '../queue/admission/tenant-limits.ts'
import { TenantQuotas } from '../queue/admission/tenant-quotas.ts'
import type { LeasedJob } from '../queue/consume/attempt.ts'
import { hearCancels } from '../queue/consume/cancel-channel.ts'
import { CrashQuarantine } from '../queue/consume/crash-quarantine.ts'
import { Heartbeat } from '../queue/consume/heartbeat.ts'
import { openIdleWaits } from '../queue/consume/idle-waits.ts'
import { JobConsumer } from '../queue/consume/job-consumer.ts'
import { JobLeases } from '../queue/consume/job-leases.ts'
import { LoopBlocker } from '../queue/consume/loop-blocker.ts'
import { JobEventWriter } from '../queue/events/event-writer.ts'
import { FlowCoordinator } from '../queue/flows/coordinator.ts'
import { stepFiller } from '../queue/flows/fill-next-step.ts'
import { openAdmission } from '../queue/maintenance/open-admission.ts'
import { Sweeper } from '../queue/maintenance/sweeper.ts'
import type { JobRef } from '../queue/model/job-id.ts'
import { workerIdOf, workerNameOf } from '../queue/model/worker-name.ts'
import { connectRedis } from '../queue/redis/connection.ts'
import { checkFitness } from '../queue/redis/fitness.ts'
import { Keys } from '../queue/redis/keys.ts'
import { RedisClock } from '../queue/redis/redis-clock.ts'
import { ScheduleStore } from '../queue/schedules/schedule-store.ts'
import { Scheduler } from '../queue/schedules/scheduler.ts'
import { StatsRecorder } from '../queue/stats/stats-recorder.ts'
import { JobControl } from '../queue/store/cancel-and-retry.ts'
import { JobIndex } from '../queue/store/job-index.ts'
import { OutputWriter } from '../queue/store/job-output.ts'
import { JobQueue } from '../queue/store/job-queue.ts'
import { deliveryQueue } from '../queue/webhooks/delivery.ts'
import { WebhookOutbox } from '../queue/webhooks/outbox.ts'
import { openTracing } from '../tracing/tracing.ts'
import { executeJob } from './execution/execute-job.ts'
import { logOfJobs } from './execution/log-of-jobs.ts'
import { createExecutors } from './executors/create-executors.ts'
import { finishOnRequest } from './finish-on-request.ts'
import { type HealthServer, serveHealth } from './health.ts'
import { WorkerMetrics } from './metrics.ts'
import { reportWorker, runningByType } from './report-worker.ts'
import { ConsumerWatchdog, watchEventLoop } from './watchdog.ts'
import { consumeDeliveries } from './webhooks/consume-deliveries.ts'

/** Time after the grace of running jobs to put back those that did not finish. */
const putBackMs = 2000
/** The longest time that a timer can wait. */
const noLimitMs = 2 ** 31 - 1

await boot('worker', async () => {
  const config = readEnvironment(workerVariables, process.env)
  const environment = jobEnvironment(process.env, config.JOB_ENV)
  if (config.JOB_USER && process.getuid?.() !== 0) throw new EnvironmentError(['JOB_USER: the worker must run as root'])
  const workerName = workerNameOf(hostname(), process.pid, config.WORKER_NAME)
  const workerId = workerIdOf(workerName, config.WORKER_NAME)
  const log = await createLogger({
    role: 'worker',
    level: config.LOG_LEVEL,
    format: config.LOG_FORMAT,
    more: { worker: workerName },
  })
  const lifecycle = createLifecycle({ log, stopWithinMs: config.SHUTDOWN_GRACE_MS + putBackMs })
  const tracing = await openTracing('worker', config, log)
  lifecycle.onStop('traces', () => tracing?.stop())
  // Job files and handlers on the event loop share this environment.
  removeSecrets(process.env, config.JOB_ENV)
  const registry = await loadRegistry({
    diagnosticJobs: config.DIAGNOSTIC_JOBS,
    jobsDir: config.JOBS_DIR,
    builtIn: config.JOB_TYPES,
    startsProgramsOf: ({ queue }) => config.WORKER_QUEUES.has(queue),
    stopping: lifecycle.signal,
  })

  const waiting = new BootHealth({ host: config.WORKER_HOST, port: config.WORKER_PORT ?? 0 }, log)
  lifecycle.onStop('boot health', () => waiting.stop())
  const onWait = (): void => {
    if (config.WORKER_PORT !== undefined) waiting.start()
  }
  const redis = await connectRedis({ ...redisAt(config), role: 'worker', name: 'worker', log, onWait })
  lifecycle.onStop('redis', () => redis.disconnect())
  const clock = new RedisClock({ redis, log })
  await clock.start()
  lifecycle.onStop('clock', () => clock.stop())
  // Stops last but for Redis: a draining worker answers, with 503 on /readyz, until its jobs have ended.
  let health: HealthServer | undefined
  lifecycle.onStop('health', () => health?.close())
  const unfit = await checkFitness(redis, { allowEviction: config.ALLOW_EVICTION, log })
  const keys = new Keys(config.KEY_PREFIX)
  const events = new JobEventWriter({ redis, keys, log })
  const executors = createExecutors({
    threads: concurrencyFor('thread', registry, config.WORKER_QUEUES),
    processes: concurrencyFor('process', registry, config.WORKER_QUEUES),
    allowCidrs: config.EGRESS_ALLOW_CIDRS,
    environment,
    user: config.JOB_USER,
    log,
  })
  lifecycle.onStop('executors', () => executors.close())
  const exhausted = watchDescriptors({ log, lifecycle, release: () => executors.closeIdleConnections() })

  const stats = new StatsRecorder({
    redis,
    keys,
    queueOf: (type) => registry.get(type)?.job.queue,
    running: () => runningByType(consumers),
    log,
  })
  lifecycle.onStop('stats', () => stats.stop())
  const metrics = new WorkerMetrics([...registry.keys()], stats)
  const control = new JobControl({ redis, keys })
  const jobs = new JobQueue({ client: redis, keys, queues: queuesOf(registry) })
  const outbox = new WebhookOutbox({ redis, keys, jobs, control, log })
  const quotas = new TenantQuotas({ redis, keys })
  const index = new JobIndex({ redis, keys })
  const onStarted = (ref: JobRef, record: unknown, createdAt: number) => {
    if (ref.bullId !== undefined && config.ACCEPT_BULLMQ_JOBS) {
      index.addPlain(ref, createdAt).catch((error: unknown) => {
        log.warn({ job: ref.id, err: error }, 'failed to list a job of a plain BullMQ producer')
      })
    }
    quotas.leaveStarted(ref, record)?.catch((error: unknown) => {
      log.debug({ job: ref.id, err: error }, 'failed to free the place of a started job')
    })
  }
  const limits = { inline: config.INLINE_OUTPUT_BYTES, max: config.OUTPUT_LIMIT_BYTES }
  const outputs = new OutputWriter({ redis, keys, limits, log })
  const onEnded = metrics.jobEnded
  // Only handlers on the event loop block it: a worker without them need not pay for the thread.
  const hasLoopJobs = concurrencyFor('event-loop', registry, config.WORKER_QUEUES) > 0
  const blocker = new LoopBlocker()
  const consumed = [...config.WORKER_QUEUES.keys(), deliveryQueue]
  const leases = hasLoopJobs
    ? new JobLeases({
        redisAt: redisAt(config),
        keys,
        queues: consumed,
        concurrency: config.WEBHOOKS_AT_ONCE + [...config.WORKER_QUEUES.values()].reduce((sum, each) => sum + each, 0),
        lockMs: config.LOCK_MS,
        blocker,
        log,
      })
    : undefined
  lifecycle.onStop('leases', () => leases?.stop())
  const idle = openIdleWaits({ redis, keys, queues: consumed, workerName, lockMs: config.LOCK_MS, log })
  lifecycle.onStop('markers', () => idle.markers?.close())
  const shared = {
    redis,
    keys,
    events,
    ...(leases && { leases }),
    outputs,
    control,
    onStarted,
    quarantine: new CrashQuarantine(),
    blocker,
    log,
    workerName,
    lockMs: config.LOCK_MS,
    bullmqEvents: config.BULLMQ_EVENTS,
    fillStep: stepFiller({ redis, keys, registry, log }),
    ...idle,
  }
  const measured = {
    'event-loop': metrics.measured(executors.for('event-loop')),
    thread: metrics.measured(executors.for('thread')),
    process: metrics.measured(executors.for('process')),
  }
  const acceptsPlainJobs = config.ACCEPT_BULLMQ_JOBS
  const deps = {
    registry,
    executorFor: (runsOn: RunsOn) => measured[runsOn],
    acceptsPlainJobs,
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
  const queues = consumers.map(({ queue }) => queue)

  const subscriber = await connectRedis({ ...redisAt(config), role: 'subscriber', name: 'worker-cancels', log, onWait })
  lifecycle.onStop('redis subscriber', () => subscriber.disconnect())
  await hearCancels(subscriber, {
    keys,
    queues,
    onCancel: (queue, id, token) => consumers.find((consumer) => consumer.queue === queue)?.cancel(id, token),
    onGap: () => consumers.forEach((consumer) => consumer.checkAll()),
    log,
  })
  const retention = retentionOf(config)
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
  const { admission, memory, watch, evictor } = openAdmission({
    redis,
    keys,
    registry,
    outbox,
    quotas,
    depthLimit: config.QUEUE_DEPTH_LIMIT,
    retention,
    resultMinMs: config.RESULT_MIN_MS,
    limits: resultLimitsOf(config),
    log,
    onEvicted: metrics.evicted,
  })
  evictor.start()
  lifecycle.onStop('evictor', () => evictor.stop())
  metrics.observeMemory(memory)
  const door = { admission, limits: new TenantLimits({ redis, keys }) }
  const scheduler = new Scheduler({
    store: new ScheduleStore({ redis, keys }),
    jobs,
    door,
    tracing,
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
  const heartbeat = new Heartbeat({ redis, keys, queues, workerId })
  lifecycle.onStop('heartbeat', () => heartbeat.stop())
  lifecycle.onStop('consumers', () =>
    Promise.all(consumers.map((consumer) => consumer.stop(config.SHUTDOWN_GRACE_MS, lifecycle.isFault))),
  )
  const finishJobs = async () => {
    await heartbeat.stop()
    await Promise.all(consumers.map((consumer) => consumer.stop(noLimitMs)))
  }
  finishOnRequest(async () => {
    log.info('finishing: taking no more jobs, exiting when the running ones have ended')
    await finishJobs()
    lifecycle.exit()
  })
  await Promise.all(consumers.map((consumer) => consumer.start()))
  await heartbeat.start((error) => log.warn({ err: error }, 'failed to write the worker heartbeat'))
  const reporter = reportWorker({
    redis,
    subscriber,
    keys,
    workerName,
    workerId,
    consumers,
    concurrency: config.WORKER_QUEUES,
    onDrain: finishJobs,
    log,
  })
  lifecycle.onStop('report', () => reporter.stop())
  await reporter.start()

  lifecycle.onStop('event loop monitor', watchEventLoop(consumers, { registry, blocker, log }))
  const watchdog = new ConsumerWatchdog(consumers, {
    everyMs: config.LOCK_MS,
    onStuck: (queue) => {
      log.fatal(
        { queue },
        'consumer is stuck: jobs wait and none is taken; exiting so that the supervisor restarts this worker',
      )
      lifecycle.exit(1)
    },
  })
  watchdog.start()
  lifecycle.onStop('watchdog', () => watchdog.stop())
  await waiting.stop()
  if (config.WORKER_PORT !== undefined) {
    const at = { host: config.WORKER_HOST, port: config.WORKER_PORT }
    health = await serveHealth(at, {
      stuckQueue: () => watchdog.stuckQueue,
      ready: async () => {
        if (lifecycle.signal.aborted) throw new Error('draining')
        await Promise.all(consumers.map((consumer) => consumer.probe()))
      },
      warnings: () => [...unfit, ...clock.warnings(), ...watch.warnings(), ...exhausted()],
      metrics: () => metrics.read(),
    }).catch(async (error: unknown) => {
      // Consumers may have taken jobs already; the stop puts them back.
      await lifecycle.stop()
      throw listenMistake(error, { host: 'WORKER_HOST', port: 'WORKER_PORT' })
    })
    metrics.observeProcess()
    metrics.observeClock(clock)
    metrics.observeConsumers(consumers)
  }
  const concurrency = Object.fromEntries(config.WORKER_QUEUES)
  log.info({ queues: concurrency, job_types: registry.size, port: health?.port, ...memoryLimits() }, 'ready')
})

/** How many jobs of a kind can run at once: the sum over all queues that a job type of this kind uses. */
function concurrencyFor(runsOn: RunsOn, registry: Registry, queues: ReadonlyMap<string, number>): number {
  const used = new Set([...registry.values()].filter(({ job }) => job.runsOn === runsOn).map(({ job }) => job.queue))
  return [...used].reduce((sum, queue) => sum + (queues.get(queue) ?? 0), 0)
}
