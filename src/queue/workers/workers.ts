import { heartbeatExpiryMs } from '../model/held-by.ts'
import { redisNow } from '../model/redis-time.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { decodeReport, type WorkerReport } from './worker-report.ts'

/** A worker process that lives. */
export interface LiveWorker {
  id: string
  /** As it is stored with the jobs that it starts. Several workers may have it. */
  name: string
  /** Epoch ms. */
  lastHeartbeat: number
  /** The queues from which it takes jobs. */
  consumes: string[]
  /** Undefined: a version that makes none, or its first is not written yet. */
  report: WorkerReport | undefined
  isDraining: boolean
}

/** A worker takes its time to stop; after this its drain mark is of no use. */
const drainMarkMs = 7 * 86_400_000

/** The worker processes of an installation, as those see them who run it. */
export class Workers {
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #queues: readonly string[]

  /** @param deps `queues`: all that workers may consume */
  constructor(deps: { redis: Redis; keys: Keys; queues: Iterable<string> }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
    this.#queues = [...deps.queues]
  }

  /** All workers with a heartbeat of the last seconds, by id. @throws QueueUnavailableError */
  async list(): Promise<LiveWorker[]> {
    const reporting = await whenAvailable(this.#redis.zrange(this.#keys.reportingWorkers, 0, '-1'))
    const reports = await this.#readReports(reporting)
    const queues = new Set([...this.#queues, ...[...reports.values()].flatMap((report) => Object.keys(report.queues))])
    const consumers = await this.#readConsumers([...queues])
    const ids = new Set([...consumers.keys(), ...reports.keys()])
    const silentSince = redisNow() - heartbeatExpiryMs
    const workers = [...ids].map(async (id): Promise<LiveWorker> => {
      const { lastBeat, consumes } = consumers.get(id) ?? { lastBeat: 0, consumes: [] }
      const report = reports.get(id)
      const isDraining = report?.draining === true || (await this.#isMarked(id))
      const name = report?.name ?? id
      return { id, name, lastHeartbeat: Math.max(lastBeat, report?.at ?? 0), consumes, report, isDraining }
    })
    const live = (await Promise.all(workers)).filter(({ lastHeartbeat }) => lastHeartbeat > silentSince)
    return live.sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  /**
   * Asks a worker to take no more jobs. It hears that at once, or within a minute.
   *
   * @returns the worker; undefined: there is none of this id
   * @throws QueueUnavailableError
   */
  async drain(id: string): Promise<LiveWorker | undefined> {
    const worker = (await this.list()).find((live) => live.id === id)
    if (!worker) return undefined
    await whenAvailable(this.#redis.set(this.#keys.workerDrain(id), '1', 'PX', drainMarkMs))
    await whenAvailable(this.#redis.publish(this.#keys.workerDrains, id))
    return { ...worker, isDraining: true }
  }

  async #isMarked(id: string): Promise<boolean> {
    return (await whenAvailable(this.#redis.exists(this.#keys.workerDrain(id)))) === 1
  }

  async #readReports(names: string[]): Promise<Map<string, WorkerReport>> {
    if (names.length === 0) return new Map()
    const texts = await whenAvailable(this.#redis.mget(names.map((name) => this.#keys.workerReport(name))))
    return new Map(
      names.flatMap((name, n) => {
        const report = decodeReport(texts[n] ?? null)
        return report ? [[name, report] as const] : []
      }),
    )
  }

  async #readConsumers(queues: string[]): Promise<Map<string, { lastBeat: number; consumes: string[] }>> {
    const beats = await whenAvailable(
      Promise.all(queues.map((queue) => this.#redis.zrange(this.#keys.workers(queue), 0, '-1', 'WITHSCORES'))),
    )
    const consumers = new Map<string, { lastBeat: number; consumes: string[] }>()
    for (const [n, queue] of queues.entries()) {
      const scored = beats[n] ?? []
      for (let at = 0; at + 1 < scored.length; at += 2) {
        const name = scored[at] ?? ''
        const known = consumers.get(name) ?? { lastBeat: 0, consumes: [] }
        consumers.set(name, {
          lastBeat: Math.max(known.lastBeat, Number(scored[at + 1])),
          consumes: [...known.consumes, queue],
        })
      }
    }
    return consumers
  }
}
