import { Counter, collectDefaultMetrics, Registry } from '@prometheus-io/client'
import { type JobEnd, jobEnds } from './queue/model/job-states.ts'

/** Spans of time that tell a job's 10 ms from its half an hour, in seconds. */
export const jobSeconds = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800]

/**
 * The series of a process, as Prometheus reads them. Every label has few values: job types that this process does not know
 * are one, and neither ids nor addresses are labels. What is counted is what this process did since it started: the sum over
 * all processes is right but for what one did just before it was killed.
 */
export class Metrics {
  protected readonly series = new Registry()
  readonly #types: ReadonlySet<string>
  readonly #ended: Counter<'type' | 'state'>

  /** `types`: the job types that this process knows. */
  constructor(types: readonly string[]) {
    this.#types = new Set(types)
    this.#ended = new Counter({
      name: 'drover_jobs_ended_total',
      help: 'Jobs that ended, by how. Said by the process that ended them: a worker, or an API for those that never started',
      labelNames: ['type', 'state'],
      registers: [this.series],
    })
    // From 0 on, so that a rate sees the first.
    for (const type of this.#types) for (const state of jobEnds) this.#ended.inc({ type, state }, 0)
  }

  /** A job has ended. */
  readonly jobEnded = (type: string, state: JobEnd): void => this.#ended.inc({ type: this.typeLabel(type), state })

  /** Adds what Node.js says of itself: memory, CPU, garbage collection, lag of the event loop. Goes on until the process ends. */
  observeProcess(): void {
    collectDefaultMetrics({ register: this.series, eventLoopMonitoringPrecision: 20 })
  }

  /** All series, in the text format that `contentType` names. Never waits for Redis for longer than a second. */
  async read(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.series.contentType, text: await this.series.metrics() }
  }

  /** A type as a label. */
  protected typeLabel(type: string): string {
    return this.#types.has(type) ? type : 'unknown'
  }
}
