import { Counter, collectDefaultMetrics, Gauge, Registry } from '@prometheus-io/client'
import { type EndKind, evictionOrder } from './queue/model/eviction.ts'
import { type JobEnd, jobEnds } from './queue/model/job-states.ts'
import type { StatsRecorder } from './queue/stats/stats-recorder.ts'

/** Histogram buckets for the duration of jobs, from 10 ms to half an hour, in seconds. */
export const jobSeconds = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800]

/** So many tenants have series of their own in a process; all others share one. */
const maxTenants = 100

/**
 * The Prometheus series of a process. Every label has few values: all job types that this process does not know share one
 * value, and neither ids nor addresses are labels. A process counts what it did itself since it started. The sum over all
 * processes is correct, except for what a process did just before it was killed.
 */
export class Metrics {
  protected readonly series = new Registry()
  protected readonly stats: Pick<StatsRecorder, 'ended' | 'started'> | undefined
  readonly #types: ReadonlySet<string>
  readonly #ended: Counter<'type' | 'state'>

  /** @param types that this process knows. @param stats counts the same for `GET /v1/stats` */
  constructor(types: readonly string[], stats?: Pick<StatsRecorder, 'ended' | 'started'>) {
    this.#types = new Set(types)
    this.stats = stats
    this.#ended = new Counter({
      name: 'drover_jobs_ended_total',
      help: 'Ended jobs by state. Counted by the process that ended them: a worker, or an API for jobs that never started',
      labelNames: ['type', 'state'],
      registers: [this.series],
    })
    // Starts at 0, so that rate() sees the first increment.
    for (const type of this.#types) for (const state of jobEnds) this.#ended.inc({ type, state }, 0)
    for (const ended of evictionOrder) this.#evicted.inc({ ended }, 0)
  }

  readonly #evicted = new Counter({
    name: 'drover_evicted_total',
    help: 'Ended jobs, deliveries, and flows with their jobs, that were removed before their time to make room',
    labelNames: ['ended'],
    registers: [this.series],
  })
  readonly #tenants = new Set<string>()

  /** Counts an ended job. */
  readonly jobEnded = (type: string, state: JobEnd): void => {
    this.#ended.inc({ type: this.typeLabel(type), state })
    this.stats?.ended(type, state)
  }

  /** Adds the series of the Node.js process: memory, CPU, garbage collection, event loop lag. Measures until the process ends. */
  observeProcess(): void {
    collectDefaultMetrics({ register: this.series, eventLoopMonitoringPrecision: 20 })
  }

  /** Adds how far the clock of this process is ahead of Redis's. */
  observeClock(clock: { readonly skewMs: number }): void {
    const skew: Gauge = new Gauge({
      name: 'drover_clock_skew_seconds',
      help: 'How far the wall clock of this process is ahead of the clock of Redis',
      registers: [this.series],
      collect: () => {
        skew.set(clock.skewMs / 1000)
      },
    })
  }

  /** Counts what was evicted. */
  readonly evicted = (ended: EndKind, count: number): void => this.#evicted.inc({ ended }, count)

  /** Adds the memory of Redis, as it was last read: of the node of a cluster that is fullest. */
  observeMemory(memory: { readonly fullest: { used: number; limit: number } }): void {
    const gauge = (name: string, help: string, value: () => number) => {
      const bytes: Gauge = new Gauge({ name, help, registers: [this.series], collect: () => bytes.set(value()) })
    }
    gauge('drover_redis_used_bytes', 'What Redis uses of its memory limit', () => memory.fullest.used)
    gauge('drover_redis_limit_bytes', "Redis's maxmemory; 0: it has none", () => memory.fullest.limit)
  }

  /** All series in the text format that `contentType` names. Waits at most a second for Redis. */
  async read(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.series.contentType, text: await this.series.metrics() }
  }

  /** The label value of a tenant: clients cannot make series without end. */
  protected tenantLabel(tenant: string): string {
    if (this.#tenants.size < maxTenants) this.#tenants.add(tenant)
    return this.#tenants.has(tenant) ? tenant : 'other'
  }

  /** The label value of a job type. */
  protected typeLabel(type: string): string {
    return this.#types.has(type) ? type : 'unknown'
  }
}
