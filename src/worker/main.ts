import { hostname } from 'node:os'
import { boot } from '../boot.ts'
import { BootHealth } from '../boot-health.ts'
import { memoryLimits } from '../container-memory.ts'
import { watchDescriptors } from '../descriptor-watch.ts'
import { openDoor } from '../duties/open-door.ts'
import { startDuties } from '../duties/start-duties.ts'
import { redisAt } from '../environment/redis-at.ts'
import { jobEnvironment, removeSecrets } from '../environment/secrets.ts'
import { workerStopMs } from '../environment/stop-time.ts'
import { workerVariables } from '../environment/worker-variables.ts'
import { EnvironmentError, listenMistake, readEnvironment } from '../environment.ts'
import { loadRegistry, queuesOf } from '../jobs/registry.ts'
import { createLifecycle } from '../lifecycle.ts'
import { createLogger } from '../logger.ts'
import { TenantQuotas } from '../queue/admission/tenant-quotas.ts'
import { ChildSubmitter } from '../queue/children/submit-children.ts'
import { hearCancels } from '../queue/consume/cancel-channel.ts'
import { Heartbeat } from '../queue/consume/heartbeat.ts'
import { LoopBlocker } from '../queue/consume/loop-blocker.ts'
import { JobEventWriter } from '../queue/events/event-writer.ts'
import { workerIdOf, workerNameOf } from '../queue/model/worker-name.ts'
import { connectRedis } from '../queue/redis/connection.ts'
import { watchFitness } from '../queue/redis/fitness.ts'
import { Keys } from '../queue/redis/keys.ts'
import { RedisClock } from '../queue/redis/redis-clock.ts'
import { ScheduleStore } from '../queue/schedules/schedule-store.ts'
import { StatsRecorder } from '../queue/stats/stats-recorder.ts'
import { JobControl } from '../queue/store/cancel-and-retry.ts'
import { JobQueue } from '../queue/store/job-queue.ts'
import { WebhookOutbox } from '../queue/webhooks/outbox.ts'
import { openTracing } from '../tracing/tracing.ts'
import { concurrencyFor } from './concurrency-for.ts'
import { createExecutors } from './executors/create-executors.ts'
import { finishOnRequest } from './finish-on-request.ts'
import { type HealthServer, serveHealth } from './health.ts'
import { WorkerMetrics } from './metrics.ts'
import { openConsumers } from './open-consumers.ts'
import { reportWorker, runningByType } from './report-worker.ts'
import { ConsumerWatchdog, watchEventLoop } from './watchdog.ts'

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
  const lifecycle = createLifecycle({ log, stopWithinMs: workerStopMs(config) })
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
  const fitness = await watchFitness(redis, { allowEviction: config.ALLOW_EVICTION, log })
  lifecycle.onStop('fitness', () => fitness.stop())
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
  const blocker = new LoopBlocker()
  const { door, watch } = openDoor({ redis, keys, config, registry, quotas, outbox, metrics, lifecycle, log })
  const consumers = openConsumers({
    redis,
    keys,
    config,
    workerName,
    registry,
    executors,
    events,
    stats,
    metrics,
    control,
    quotas,
    children: new ChildSubmitter({ redis, keys, jobs, registry, control, door, log }),
    outbox,
    tracing,
    lifecycle,
    blocker,
    log,
  })
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
  startDuties({
    redis,
    subscriber,
    keys,
    config,
    registry,
    jobs,
    schedules: new ScheduleStore({ redis, keys }),
    control,
    quotas,
    door,
    outbox,
    metrics,
    tracing,
    lifecycle,
    log,
  })
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
      warnings: () => [...fitness.warnings(), ...clock.warnings(), ...watch.warnings(), ...exhausted()],
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
