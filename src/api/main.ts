import { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { boot } from '../boot.ts'
import { BootHealth } from '../boot-health.ts'
import { containerMemory, memoryLimits } from '../container-memory.ts'
import { watchDescriptors } from '../descriptor-watch.ts'
import { openDoor } from '../duties/open-door.ts'
import { startDuties } from '../duties/start-duties.ts'
import { apiVariables } from '../environment/api-variables.ts'
import { redisAt } from '../environment/redis-at.ts'
import { retentionOf } from '../environment/retention.ts'
import { listenMistake, readEnvironment } from '../environment.ts'
import { loadRegistry, queuesOf } from '../jobs/registry.ts'
import { storedSecrets } from '../jobs/secrets.ts'
import { createLifecycle } from '../lifecycle.ts'
import { createLogger } from '../logger.ts'
import { TenantQuotas } from '../queue/admission/tenant-quotas.ts'
import { AuditLog } from '../queue/audit/audit-log.ts'
import { JobEventHub } from '../queue/events/event-hub.ts'
import { Flows } from '../queue/flows/flows.ts'
import { OperationStore } from '../queue/operations/operation-store.ts'
import { connectRedis } from '../queue/redis/connection.ts'
import { describeRedis } from '../queue/redis/describe-redis.ts'
import { watchFitness } from '../queue/redis/fitness.ts'
import { Keys } from '../queue/redis/keys.ts'
import { RedisClock } from '../queue/redis/redis-clock.ts'
import { ScheduleStore } from '../queue/schedules/schedule-store.ts'
import { readStats } from '../queue/stats/read-stats.ts'
import { StatsCache } from '../queue/stats/stats-cache.ts'
import { StatsRecorder } from '../queue/stats/stats-recorder.ts'
import { JobControl } from '../queue/store/cancel-and-retry.ts'
import { IdempotencyKeys } from '../queue/store/idempotency-keys.ts'
import { JobIndex } from '../queue/store/job-index.ts'
import { JobQueue } from '../queue/store/job-queue.ts'
import { WebhookOutbox } from '../queue/webhooks/outbox.ts'
import { Workers } from '../queue/workers/workers.ts'
import { openTracing } from '../tracing/tracing.ts'
import { announceLimits } from './access/announce-limits.ts'
import { ApiKeys } from './access/api-keys.ts'
import { bodyBudgetOf } from './access/limit-bodies.ts'
import { buildApp } from './app.ts'
import { ApiMetrics } from './health/metrics.ts'
import { OperationRunner } from './operations/operation-runner.ts'

/** Waiting clients are answered at once when the API closes; what is left are answers on their way. */
const closeWithinMs = 4500

await boot('api', async () => {
  const config = readEnvironment(apiVariables, process.env)
  const log = await createLogger({ role: 'api', level: config.LOG_LEVEL, format: config.LOG_FORMAT })
  const lifecycle = createLifecycle({ log, stopWithinMs: config.DRAIN_DELAY_MS + closeWithinMs })
  const tracing = await openTracing('api', config, log)
  lifecycle.onStop('traces', () => tracing?.stop())
  const registry = await loadRegistry({
    diagnosticJobs: config.DIAGNOSTIC_JOBS,
    jobsDir: config.JOBS_DIR,
    builtIn: config.JOB_TYPES,
    stopping: lifecycle.signal,
  })

  const apiKeys = config.API_KEYS_FILE === undefined ? undefined : await ApiKeys.open(config.API_KEYS_FILE, log)
  lifecycle.onStop('keys', () => apiKeys?.close())

  const waiting = new BootHealth({ host: config.HOST, port: config.PORT }, log)
  lifecycle.onStop('boot health', () => waiting.stop())
  const onWait = (): void => waiting.start()
  const client = await connectRedis({ ...redisAt(config), role: 'client', name: 'api', log, onWait })
  lifecycle.onStop('redis client', () => client.disconnect())
  const clock = new RedisClock({ redis: client, log })
  await clock.start()
  lifecycle.onStop('clock', () => clock.stop())
  const subscriber = await connectRedis({ ...redisAt(config), role: 'subscriber', name: 'api-events', log, onWait })
  lifecycle.onStop('redis subscriber', () => subscriber.disconnect())

  const fitness = await watchFitness(client, { allowEviction: config.ALLOW_EVICTION, log })
  lifecycle.onStop('fitness', () => fitness.stop())
  const keys = new Keys(config.KEY_PREFIX)
  const index = new JobIndex({ redis: client, keys })
  try {
    await index.open(queuesOf(registry))
  } catch (error) {
    // Redis accepts no writes at the moment: the first search notes it, and walks over the jobs until then.
    log.warn({ err: error }, 'cannot note since when jobs have labels')
  }
  const stats = new StatsRecorder({ redis: client, keys, queueOf: (type) => registry.get(type)?.job.queue, log })
  lifecycle.onStop('stats', () => stats.stop())
  const metrics = new ApiMetrics([...registry.keys()], stats)
  const plainSecrets = (type: string) => {
    const loaded = registry.get(type)
    return loaded && storedSecrets(loaded.job)
  }
  const isShared = () => apiKeys?.isShared ?? false
  const queue = new JobQueue({
    client,
    keys,
    queues: queuesOf(registry),
    isShared,
    acceptsPlainJobs: config.ACCEPT_BULLMQ_JOBS,
    plainSecrets,
    onAdded: metrics.jobSubmitted,
  })
  metrics.observeProcess()
  metrics.observeClock(clock)
  metrics.observeQueues(queue)
  const hub = new JobEventHub({ subscriber, client, keys, log, plainSecrets })
  metrics.observeWatched(hub)
  const control = new JobControl({ redis: client, keys })
  const outbox = new WebhookOutbox({ redis: client, keys, jobs: queue, control, log })
  const quotas = new TenantQuotas({ redis: client, keys })
  const shared = { redis: client, keys, config, registry, quotas, outbox, metrics, lifecycle, log }
  const { door, watch } = openDoor(shared)
  if (apiKeys) lifecycle.onStop('limits', await announceLimits(apiKeys, door.limits, log))
  const schedules = new ScheduleStore({ redis: client, keys })
  startDuties({ ...shared, subscriber, jobs: queue, schedules, control, door, tracing, isShared })
  const flows = new Flows({
    redis: client,
    keys,
    registry,
    outbox,
    door,
    isShared,
    onAdded: metrics.jobSubmitted,
    onEnded: metrics.jobEnded,
  })
  const idempotency = new IdempotencyKeys({ redis: client, keys })
  const stores = { queue, index, idempotency, outbox, schedules, flows }
  // The app's own method does nothing: see drain.ts.
  const releaseIdle = () => Server.prototype.closeIdleConnections.call(app.server)
  const exhausted = watchDescriptors({ log, lifecycle, release: releaseIdle })
  const warnings = () => [...fitness.warnings(), ...clock.warnings(), ...watch.warnings(), ...exhausted()]
  const { admission } = door
  const retention = retentionOf(config)
  const steps = { ...stores, hub, control, quotas, admission, metrics, retention, warnings }
  const operations = new OperationStore({ redis: client, keys })
  const runner = new OperationRunner({ ...steps, registry, store: operations, apiKeys, log })
  runner.start()
  lifecycle.onStop('operations', () => runner.stop())
  const draining = new AbortController()
  const bodyBudget = bodyBudgetOf(config, containerMemory())
  const pastStats = new StatsCache({ redis: client, keys })
  const app = await buildApp({
    config: { ...config, BODY_BUDGET_BYTES: bodyBudget },
    registry,
    apiKeys,
    draining: draining.signal,
    tracing,
    log,
    clock,
    operations: { store: operations, begin: (id) => runner.begin(id) },
    audit: new AuditLog({ redis: client, keys }),
    workers: new Workers({ redis: client, keys, queues: queuesOf(registry) }),
    readStats: (range) => readStats(pastStats, range),
    describeRedis: () => describeRedis(client),
    ...steps,
  })
  lifecycle.onStop('http', async () => {
    draining.abort()
    if (!lifecycle.isFault) await sleep(config.DRAIN_DELAY_MS)
    await app.close()
  })
  await waiting.stop()
  try {
    await app.listen({
      host: config.HOST,
      port: config.PORT,
      listenTextResolver: (address) => `the API listens at ${address}`,
    })
  } catch (error) {
    await lifecycle.stop()
    throw listenMistake(error)
  }
  const { port } = app.server.address() as AddressInfo
  log.info({ port, job_types: registry.size, ...memoryLimits(), body_budget_mb: Math.round(bodyBudget / 1e6) }, 'ready')
})
