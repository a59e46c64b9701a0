import type { Logger } from 'pino'
import type { JobConsumer } from '../queue/consume/job-consumer.ts'
import { redisNow } from '../queue/model/redis-time.ts'
import type { Redis } from '../queue/redis/connection.ts'
import type { Keys } from '../queue/redis/keys.ts'
import { maxReportedJobs } from '../queue/workers/worker-report.ts'
import { WorkerReporter } from '../queue/workers/worker-reporter.ts'
import { version } from '../version.ts'

/** Reports what the consumers of this worker run, from `start` on. */
export function reportWorker(options: {
  redis: Redis
  subscriber: Redis
  keys: Keys
  workerName: string
  workerId: string
  consumers: readonly JobConsumer[]
  /** Of the queues that are reported. */
  concurrency: ReadonlyMap<string, number>
  onDrain: () => Promise<void>
  log: Logger
}): WorkerReporter {
  const { consumers, concurrency, workerName, workerId } = options
  const startedAt = redisNow()
  const reported = consumers.filter(({ queue }) => concurrency.has(queue))
  const describe = () => ({
    ...(workerName !== workerId && { name: workerName }),
    version,
    node: process.versions.node,
    pid: process.pid,
    startedAt,
    queues: Object.fromEntries(
      reported.map(({ queue, runningJobs }) => [
        queue,
        { concurrency: concurrency.get(queue) ?? 0, running: runningJobs },
      ]),
    ),
    jobs: reported.flatMap((consumer) => [...consumer.running().take(maxReportedJobs)]).slice(0, maxReportedJobs),
    memoryBytes: process.memoryUsage.rss(),
  })
  return new WorkerReporter({ ...options, describe })
}

/** How many jobs of each type the consumers run. */
export function* runningByType(consumers: readonly JobConsumer[]): Generator<readonly [type: string, count: number]> {
  const counts = new Map<string, number>()
  for (const consumer of consumers)
    for (const { type } of consumer.running()) counts.set(type, (counts.get(type) ?? 0) + 1)
  yield* counts
}
