import { redisNow } from '../model/redis-time.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import { reportExpiryMs, rewriteMs, type WorkerReport } from './worker-report.ts'

const writeReport = loadScript('workers/write-report')

/** A report that has changed is written after this. */
const checkEveryMs = 2000

export interface ReporterOptions {
  redis: Redis
  /** Hears that the worker is to drain. */
  subscriber: Redis
  keys: Keys
  /** See workerIdOf: neither another worker of its name nor one that is started again takes its marks. */
  workerId: string
  /** What the worker is and runs now. */
  describe: () => Omit<WorkerReport, 'draining' | 'at'>
  /** The worker is to take no more jobs. Called once. */
  onDrain: () => Promise<void>
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

/**
 * Reports what a worker runs, for those who look at the workers of an installation: when that has changed, at most every two seconds, and
 * each minute in any case. Hears when it is to drain: by a message, and by a mark that each report reads.
 */
export class WorkerReporter {
  readonly #options: ReporterOptions
  #timer: NodeJS.Timeout | undefined
  #written = ''
  #writtenAt = Number.NEGATIVE_INFINITY
  #isDraining = false

  constructor(options: ReporterOptions) {
    this.#options = options
  }

  /** Resolves when the first report is written, or could not be. May be called twice. */
  async start(): Promise<void> {
    if (this.#timer !== undefined) return
    const { subscriber } = this.#options
    this.#timer = setInterval(() => void this.#report(), checkEveryMs)
    subscriber.on('message', this.#onMessage)
    // A message may be lost with the connection: the mark is not.
    subscriber.on('ready', this.#onReady)
    await this.#subscribe()
    await this.#report(true)
  }

  /** Takes the report back. May be called twice. */
  async stop(): Promise<void> {
    if (this.#timer === undefined) return
    clearInterval(this.#timer)
    this.#timer = undefined
    const { redis, subscriber, keys, workerId } = this.#options
    subscriber.off('message', this.#onMessage).off('ready', this.#onReady)
    await Promise.all([
      redis.del(keys.workerReport(workerId), keys.workerDrain(workerId)),
      redis.zrem(keys.reportingWorkers, workerId),
    ])
  }

  readonly #onMessage = (channel: string, message: string): void => {
    const { keys, workerId } = this.#options
    if (channel === keys.workerDrains && message === workerId) void this.#report(true)
  }

  readonly #onReady = (): void => {
    void this.#subscribe().then(() => this.#report(true))
  }

  /** Never rejects: a slow Redis must not end a worker. */
  async #subscribe(): Promise<void> {
    const { subscriber, keys, log } = this.#options
    try {
      await subscriber.subscribe(keys.workerDrains)
    } catch (error) {
      log.warn({ err: error }, 'not subscribed to drains; the mark is read each minute')
    }
  }

  /** Never rejects. */
  async #report(isForced = false): Promise<void> {
    const { redis, keys, workerId, describe, log } = this.#options
    const { memoryBytes, ...described } = describe()
    const text = JSON.stringify({ ...described, draining: this.#isDraining })
    const isNew = text !== this.#written || performance.now() - this.#writtenAt >= rewriteMs
    // A draining worker has no other heartbeat.
    if (!isNew && !isForced && !this.#isDraining) return
    const report: WorkerReport = { ...described, memoryBytes, draining: this.#isDraining, at: redisNow() }
    const names = [keys.workerReport(workerId), keys.reportingWorkers, keys.workerDrain(workerId)]
    try {
      const isToDrain = await writeReport(redis, names, [workerId, JSON.stringify(report), reportExpiryMs])
      this.#written = text
      this.#writtenAt = performance.now()
      if (isToDrain === 1) this.#drain()
    } catch (error) {
      log.warn({ err: error }, 'failed to report what this worker runs')
    }
  }

  #drain(): void {
    if (this.#isDraining || this.#timer === undefined) return
    this.#isDraining = true
    const { onDrain, log } = this.#options
    log.info({}, 'draining: this worker takes no more jobs, and goes on until it is stopped')
    void this.#report(true)
    onDrain().then(
      () => log.info({}, 'drained: no job runs here any more'),
      (error: unknown) => log.warn({ err: error }, 'failed to drain'),
    )
  }
}
