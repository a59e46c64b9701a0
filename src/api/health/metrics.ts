import { Counter, Gauge, Histogram } from '@prometheus-io/client'
import { Metrics } from '../../metrics.ts'
import { redisNow } from '../../queue/model/redis-time.ts'
import type { StatsRecorder } from '../../queue/stats/stats-recorder.ts'
import type { QueueCounts } from '../../queue/store/count-queue.ts'
import type { JobQueue } from '../../queue/store/job-queue.ts'

/** Each process reads the counts from Redis at most this often, however many clients scrape it: two round trips for each queue. */
const countedForMs = 5000

const answerSeconds = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5]
const heldKinds = ['stream', 'wait'] as const
const states = ['scheduled', 'queued', 'blocked', 'running', 'succeeded', 'failed'] as const

/** The metrics of an API process. */
export class ApiMetrics extends Metrics {
  readonly #submitted = new Counter({
    name: 'drover_jobs_submitted_total',
    help: 'Jobs stored by this process',
    labelNames: ['type'],
    registers: [this.series],
  })
  readonly #answers = new Histogram({
    name: 'drover_http_request_duration_seconds',
    help: 'Requests by route, without successful event streams and waits, which take as long as their job',
    labelNames: ['route', 'method', 'status'],
    buckets: answerSeconds,
    registers: [this.series],
  })
  readonly eventStreams = new Gauge({
    name: 'drover_event_streams',
    help: 'Open event streams',
    registers: [this.series],
  })
  readonly #submittedBy = new Counter({
    name: 'drover_tenant_jobs_submitted_total',
    help: 'Jobs stored by this process, by tenant',
    labelNames: ['tenant'],
    registers: [this.series],
  })
  readonly #refused = new Counter({
    name: 'drover_tenant_refusals_total',
    help: 'Requests that were refused with 401, 403, 429 or 503, by tenant and problem code; tenant none: without a valid key',
    labelNames: ['tenant', 'code'],
    registers: [this.series],
  })
  readonly #revoked = new Counter({
    name: 'drover_answers_revoked_total',
    help: 'Streams and waits that ended because their API key was removed or expired, or lost its scope',
    labelNames: ['kind'],
    registers: [this.series],
  })
  readonly #authentications = new Counter({
    name: 'drover_authentication_failures_total',
    help: 'Requests with an API key that is not valid: refused (401), or throttled after many from one address (429)',
    labelNames: ['outcome'],
    registers: [this.series],
  })
  readonly #idle = new Counter({
    name: 'drover_idle_connections_closed_total',
    help: 'Connections without a valid API key that were closed because they were idle',
    registers: [this.series],
  })

  constructor(types: readonly string[], stats?: Pick<StatsRecorder, 'ended' | 'started'>) {
    super(types, stats)
    for (const kind of heldKinds) this.#revoked.inc({ kind }, 0)
    for (const outcome of ['refused', 'throttled']) this.#authentications.inc({ outcome }, 0)
    for (const type of types) this.#submitted.inc({ type }, 0)
  }

  /** Counts a stored job. */
  readonly jobSubmitted = (type: string, tenant: string): void => {
    this.#submitted.inc({ type: this.typeLabel(type) })
    this.#submittedBy.inc({ tenant: this.tenantLabel(tenant) })
  }

  /** Counts a request that was refused; `tenant` is undefined without a valid key. */
  requestRefused(tenant: string | undefined, code: string): void {
    this.#refused.inc({ tenant: tenant === undefined ? 'none' : this.tenantLabel(tenant), code })
  }

  /** Counts an answered request. `route` is its pattern, undefined for an unknown path. */
  requestAnswered(request: { route: string | undefined; method: string; status: number; ms: number }): void {
    const { route = 'none', method, status, ms } = request
    this.#answers.observe({ route, method, status }, ms / 1000)
  }

  /** Counts a stream or a wait that ended with its key. */
  readonly answerRevoked = (kind: (typeof heldKinds)[number]): void => this.#revoked.inc({ kind })

  /** Counts a request whose key is not valid. */
  readonly authenticationFailed = (outcome: 'refused' | 'throttled'): void => this.#authentications.inc({ outcome })

  /** Counts a connection that was closed because it was idle. */
  readonly idleConnectionClosed = (): void => this.#idle.inc()

  /** Adds the number of streams and waits that are open. */
  observeHolds(holds: { count(kind: (typeof heldKinds)[number]): number }): void {
    const open: Gauge<'kind'> = new Gauge({
      name: 'drover_held_answers',
      help: 'Streams (events and NDJSON) and waits that are open',
      labelNames: ['kind'],
      registers: [this.series],
      collect: () => {
        for (const kind of heldKinds) open.set({ kind }, holds.count(kind))
      },
    })
  }

  /** Adds the number of jobs and flows that clients of this process watch or wait for. */
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
   * Adds the counts of the queues. Every API process reports the same counts: aggregate them by `max`. While Redis does not answer
   * they are missing, and a scrape takes a second longer.
   */
  observeQueues(queue: Pick<JobQueue, 'names' | 'count' | 'waitingSince'>): void {
    const read = cached(countedForMs, () => Promise.all(queue.names.map((name) => countWithWait(queue, name))))
    const observe = <L extends string>(
      name: string,
      help: string,
      labelNames: L[],
      set: (gauge: Gauge<L | 'queue'>, counts: CountsWithWait) => void,
    ) => {
      const gauge = new Gauge({
        name,
        help,
        labelNames: ['queue' as const, ...labelNames],
        registers: [this.series],
        collect: async () => {
          const all = await read().catch(() => [])
          gauge.reset()
          for (const counts of all) set(gauge, counts)
        },
      })
    }
    observe(
      'drover_queue_jobs',
      'Stored jobs by state; failed includes canceled and expired',
      ['state'],
      (gauge, counts) => states.forEach((state) => gauge.set({ queue: counts.name, state }, counts[state])),
    )
    observe(
      'drover_queue_oldest_wait_seconds',
      'How long the oldest waiting job has waited',
      [],
      (gauge, { name, oldestWaitMs }) => gauge.set({ queue: name }, oldestWaitMs / 1000),
    )
    observe('drover_queue_paused', '1: the queue is paused', [], (gauge, { name, paused }) =>
      gauge.set({ queue: name }, paused ? 1 : 0),
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
  return { ...counts, oldestWaitMs: since === undefined ? 0 : Math.max(0, redisNow() - since) }
}

/** Calls `read` at most once in `forMs`, and once at a time: concurrent callers share a result. A failure is not cached. */
function cached<T>(forMs: number, read: () => Promise<T>): () => Promise<T> {
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
