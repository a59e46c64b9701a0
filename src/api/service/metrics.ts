import { Counter, Gauge, Histogram } from '@prometheus-io/client'
import { Metrics } from '../../metrics.ts'
import type { QueueCounts } from '../../queue/store/count-queue.ts'
import type { JobQueue } from '../../queue/store/job-queue.ts'

/** However many scrape, Redis is asked at most this often by each process: two round trips for each queue. */
const countedForMs = 5000

const answerSeconds = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5]
const states = ['scheduled', 'queued', 'running', 'succeeded', 'failed'] as const

/** What an API process tells Prometheus. */
export class ApiMetrics extends Metrics {
  readonly #submitted = new Counter({
    name: 'drover_jobs_submitted_total',
    help: 'Jobs that this process stored',
    labelNames: ['type'],
    registers: [this.series],
  })
  readonly #answers = new Histogram({
    name: 'drover_http_request_duration_seconds',
    help: 'Requests by route, but for event streams and waits that went well, which take as long as their job',
    labelNames: ['route', 'method', 'status'],
    buckets: answerSeconds,
    registers: [this.series],
  })
  /** Event streams that are open. */
  readonly eventStreams = new Gauge({
    name: 'drover_event_streams',
    help: 'Event streams that are open',
    registers: [this.series],
  })

  constructor(types: readonly string[]) {
    super(types)
    for (const type of types) this.#submitted.inc({ type }, 0)
  }

  /** A job was stored. */
  readonly jobSubmitted = (type: string): void => this.#submitted.inc({ type: this.typeLabel(type) })

  /** A request was answered. `route` is its pattern, undefined where there is none. */
  requestAnswered(request: { route: string | undefined; method: string; status: number; ms: number }): void {
    const { route = 'none', method, status, ms } = request
    this.#answers.observe({ route, method, status }, ms / 1000)
  }

  /** Adds how many jobs and flows clients of this process watch or wait for. */
  observeWatched(hub: { readonly watched: number }): void {
    const watched: Gauge = new Gauge({
      name: 'drover_watched',
      help: 'Jobs and flows that clients watch or wait for',
      registers: [this.series],
      collect: () => {
        watched.set(hub.watched)
      },
    })
  }

  /**
   * Adds how full the queues are. Every API process says the same of them, so that they are to be joined by `max`. While Redis
   * does not answer they are missing, and a read takes a second longer.
   */
  observeQueues(queue: Pick<JobQueue, 'names' | 'count' | 'waitingSince'>): void {
    const read = remember(countedForMs, () => Promise.all(queue.names.map((name) => countWithWait(queue, name))))
    const observe = <L extends string>(
      name: string,
      help: string,
      labelNames: L[],
      tell: (gauge: Gauge<L | 'queue'>, counts: CountsWithWait) => void,
    ) => {
      const gauge = new Gauge({
        name,
        help,
        labelNames: ['queue' as const, ...labelNames],
        registers: [this.series],
        collect: async () => {
          const all = await read().catch(() => [])
          gauge.reset()
          for (const counts of all) tell(gauge, counts)
        },
      })
    }
    observe(
      'drover_queue_jobs',
      'Jobs by where they stand; of those that ended, the ones that are still kept: failed says canceled and expired, too',
      ['state'],
      (gauge, counts) => states.forEach((state) => gauge.set({ queue: counts.name, state }, counts[state])),
    )
    observe(
      'drover_queue_oldest_wait_seconds',
      'How long the job has waited that has waited longest',
      [],
      (gauge, { name, oldestWaitMs }) => gauge.set({ queue: name }, oldestWaitMs / 1000),
    )
    observe('drover_queue_workers', 'Worker processes that consume the queue', [], (gauge, { name, workers }) =>
      gauge.set({ queue: name }, workers),
    )
  }
}

interface CountsWithWait extends QueueCounts {
  oldestWaitMs: number
}

async function countWithWait(queue: Pick<JobQueue, 'count' | 'waitingSince'>, name: string): Promise<CountsWithWait> {
  const counts = await queue.count(name)
  const since = await queue.waitingSince(name, counts.first)
  return { ...counts, oldestWaitMs: since === undefined ? 0 : Math.max(0, Date.now() - since) }
}

/** Calls `read` at most once in `forMs`, and once at a time: whoever asks meanwhile gets the same. A failure is forgotten. */
function remember<T>(forMs: number, read: () => Promise<T>): () => Promise<T> {
  let known: { at: number; value: Promise<T> } | undefined
  return () => {
    if (known && performance.now() - known.at < forMs) return known.value
    const begun = { at: performance.now(), value: read() }
    known = begun
    begun.value.catch(() => {
      if (known === begun) known = undefined
    })
    return begun.value
  }
}
