import { Gauge, Histogram } from '@prometheus-io/client'
import { jobSeconds, Metrics } from '../metrics.ts'
import type { ClaimedJob, Settlement } from '../queue/consume/attempt.ts'
import type { JobConsumer } from '../queue/consume/job-consumer.ts'
import type { Executor } from './executors/executor.ts'

/** What a worker tells Prometheus. */
export class WorkerMetrics extends Metrics {
  readonly #durations = new Histogram({
    name: 'drover_job_duration_seconds',
    help: 'How long attempts ran, whatever their outcome',
    labelNames: ['type'],
    buckets: jobSeconds,
    registers: [this.series],
  })
  readonly #waits = new Histogram({
    name: 'drover_job_wait_seconds',
    help: 'From when a job could have started until its first attempt',
    labelNames: ['type'],
    buckets: jobSeconds,
    registers: [this.series],
  })

  /** An executor that does what `executor` does, and is measured. */
  measured(executor: Executor): Executor {
    return {
      run: (loaded, attempt, emit, stop) => {
        const from = performance.now()
        return executor.run(loaded, attempt, emit, stop).then((outcome) => {
          this.#durations.observe({ type: loaded.job.type }, (performance.now() - from) / 1000)
          return outcome
        })
      },
    }
  }

  /** An attempt is over. A job that is left to others has not started, and may come again. */
  attemptSettled({ type, starts, dueAt, startedAt }: ClaimedJob, { status }: Settlement): void {
    if (starts !== 1 || status === 'left_to_others') return
    this.#waits.observe({ type: this.typeLabel(type) }, Math.max(0, startedAt - dueAt) / 1000)
  }

  /** Adds how many jobs run here. */
  observeConsumers(consumers: readonly JobConsumer[]): void {
    const running = new Gauge({
      name: 'drover_running_jobs',
      help: 'Jobs that run in this process',
      labelNames: ['queue'],
      registers: [this.series],
      collect: () => {
        for (const consumer of consumers) running.set({ queue: consumer.queue }, consumer.runningJobs)
      },
    })
  }
}
