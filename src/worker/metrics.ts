import { Gauge, Histogram } from '@prometheus-io/client'
import { jobSeconds, Metrics } from '../metrics.ts'
import type { LeasedJob, Settlement } from '../queue/consume/attempt.ts'
import type { JobConsumer } from '../queue/consume/job-consumer.ts'
import type { Executor } from './executors/executor.ts'

/** The Prometheus metrics of a worker. */
export class WorkerMetrics extends Metrics {
  readonly #durations = new Histogram({
    name: 'drover_job_duration_seconds',
    help: 'How long attempts ran, with any outcome',
    labelNames: ['type'],
    buckets: jobSeconds,
    registers: [this.series],
  })
  readonly #waits = new Histogram({
    name: 'drover_job_wait_seconds',
    help: 'Time from when a job was due until its first attempt',
    labelNames: ['type'],
    buckets: jobSeconds,
    registers: [this.series],
  })

  readonly #runningBy = new Map<string, number>()

  /** Wraps an executor to measure how long its runs take, and how many of each tenant there are. */
  measured(executor: Executor): Executor {
    return {
      run: (loaded, attempt, ...rest) => {
        const from = performance.now()
        const tenant = this.tenantLabel(attempt.tenant)
        this.#countRunning(tenant, 1)
        return executor.run(loaded, attempt, ...rest).then((outcome) => {
          this.#countRunning(tenant, -1)
          this.#durations.observe({ type: loaded.job.type }, (performance.now() - from) / 1000)
          return outcome
        })
      },
    }
  }

  /** Records the wait of a first attempt. A job that is left to other workers has not started. */
  attemptSettled({ type, starts, dueAt, startedAt }: LeasedJob, { status }: Settlement): void {
    if (starts !== 1 || status === 'left_to_others') return
    const waitedMs = Math.max(0, startedAt - dueAt)
    this.#waits.observe({ type: this.typeLabel(type) }, waitedMs / 1000)
    this.stats?.started(type, waitedMs)
  }

  #countRunning(tenant: string, change: number): void {
    this.#runningBy.set(tenant, (this.#runningBy.get(tenant) ?? 0) + change)
  }

  /** Adds the number of running jobs per queue and per tenant. */
  observeConsumers(consumers: readonly JobConsumer[]): void {
    const ofTenants = new Gauge({
      name: 'drover_tenant_running_jobs',
      help: 'Handlers running in this process, by tenant',
      labelNames: ['tenant'],
      registers: [this.series],
      collect: () => {
        for (const [tenant, count] of this.#runningBy) ofTenants.set({ tenant }, count)
      },
    })
    const running = new Gauge({
      name: 'drover_running_jobs',
      help: 'Jobs running in this process',
      labelNames: ['queue'],
      registers: [this.series],
      collect: () => {
        for (const consumer of consumers) running.set({ queue: consumer.queue }, consumer.runningJobs)
      },
    })
  }
}
