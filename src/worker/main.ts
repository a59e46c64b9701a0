import { hostname } from 'node:os'
import { boot } from '../boot.ts'
import { readEnvironment, workerVariables } from '../environment.ts'
import type { RunsOn } from '../jobs/define-job.ts'
import { loadRegistry, type Registry } from '../jobs/registry.ts'
import { createLifecycle } from '../lifecycle.ts'
import { createLogger } from '../logger.ts'
import { connectRedis, whenAvailable } from '../queue/connection.ts'
import { JobConsumer } from '../queue/job-consumer.ts'
import { JobEventWriter } from '../queue/job-event-writer.ts'
import { Keys } from '../queue/keys.ts'
import { executeJob } from './execute-job.ts'
import { createExecutors } from './executors/create-executors.ts'
import { serveHealth } from './health.ts'

/** Beyond the grace that running jobs get: to put back those that did not finish. */
const putBackMs = 2000

await boot('worker', async () => {
  const config = readEnvironment(workerVariables, process.env)
  const log = await createLogger({ role: 'worker', level: config.LOG_LEVEL })
  const lifecycle = createLifecycle({ log, stopWithinMs: config.SHUTDOWN_GRACE_MS + putBackMs })
  const registry = await loadRegistry({ diagnosticJobs: config.DIAGNOSTIC_JOBS, jobsDir: config.JOBS_DIR })

  const redis = await connectRedis({ url: config.REDIS_URL, role: 'worker', name: 'worker', log })
  lifecycle.onStop('redis', () => redis.disconnect())
  const keys = new Keys(config.KEY_PREFIX)
  const events = new JobEventWriter({ redis, keys, log })
  const executors = createExecutors({
    threads: widthFor('thread', registry, config.WORKER_QUEUES),
    processes: widthFor('process', registry, config.WORKER_QUEUES),
    allowCidrs: config.EGRESS_ALLOW_CIDRS,
    log,
  })
  lifecycle.onStop('executors', () => executors.close())

  const deps = { registry, executorFor: (runsOn: RunsOn) => executors.for(runsOn), log }
  const consumers = [...config.WORKER_QUEUES].map(
    ([queue, concurrency]) =>
      new JobConsumer({
        queue,
        concurrency,
        redis,
        keys,
        events,
        log,
        workerName: `${hostname()}:${process.pid}`,
        lockMs: config.LOCK_MS,
        execute: (claimed) => executeJob(deps, claimed),
      }),
  )
  lifecycle.onStop('consumers', () => Promise.all(consumers.map((consumer) => consumer.stop(config.SHUTDOWN_GRACE_MS))))
  await Promise.all(consumers.map((consumer) => consumer.start()))

  if (config.WORKER_PORT !== undefined) {
    const ready = async () => {
      await Promise.all(consumers.map((consumer) => whenAvailable(consumer.probe())))
    }
    const health = await serveHealth(config.WORKER_PORT, { ready })
    lifecycle.onStop('health', () => health.close())
  }
  log.info({ queues: Object.fromEntries(config.WORKER_QUEUES), job_types: registry.size }, 'ready')
})

/** How many jobs of a kind can run at once: the width of every queue that a job type of that kind uses. */
function widthFor(runsOn: RunsOn, registry: Registry, queues: ReadonlyMap<string, number>): number {
  const used = new Set([...registry.values()].filter(({ job }) => job.runsOn === runsOn).map(({ job }) => job.queue))
  return [...used].reduce((sum, queue) => sum + (queues.get(queue) ?? 0), 0)
}
