import { monotonicMs } from '../model/monotonic.ts'
import { noteRedisTime, redisNow } from '../model/redis-time.ts'
import type { ConnectionLog, Redis } from './connection.ts'
import type { Warning } from './warning.ts'

/** The clocks of two machines drift apart by less than a millisecond in this time. */
const everyMs = 5000
/** The first measurement is the best of some. */
const firstSamples = 3
/** A wall clock that is further away from Redis's is reported. */
const maxSkewMs = 2000

/** Keeps `redisNow` true by TIME every five seconds, and watches how far the wall clock of this process is away from it. */
export class RedisClock {
  readonly #redis: Redis
  readonly #log: ConnectionLog
  #timer: NodeJS.Timeout | undefined
  #isSkewed = false

  constructor(deps: { redis: Redis; log: ConnectionLog }) {
    this.#redis = deps.redis
    this.#log = deps.log
  }

  /** Resolves after the first measurement. @throws what Redis answers */
  async start(): Promise<void> {
    for (let n = 0; n < firstSamples; n++) await this.#measure()
    this.#timer ??= setInterval(this.#measureAgain, everyMs)
    // Another server may have another clock.
    this.#redis.on('ready', this.#measureAgain)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#redis.off('ready', this.#measureAgain)
  }

  /** How far the wall clock of this process is ahead of Redis's, in ms. */
  get skewMs(): number {
    return Date.now() - redisNow()
  }

  warnings(): Warning[] {
    const { skewMs } = this
    if (Math.abs(skewMs) <= maxSkewMs) return []
    const seconds = (Math.abs(skewMs) / 1000).toFixed(1)
    const direction = skewMs > 0 ? 'ahead of' : 'behind'
    return [{ code: 'clock_skew', detail: `the clock of this machine is ${seconds} s ${direction} that of Redis` }]
  }

  readonly #measureAgain = (): void => {
    this.#measure().catch((error: unknown) => this.#log.debug({ err: error }, 'failed to read the clock of Redis'))
  }

  async #measure(): Promise<void> {
    const sentAt = monotonicMs()
    const [seconds, microseconds] = (await this.#redis.time()).map(Number)
    const redisMs = (seconds ?? 0) * 1000 + (microseconds ?? 0) / 1000
    noteRedisTime({ sentAt, answeredAt: monotonicMs(), redisMs })
    const [warning] = this.warnings()
    if (warning && !this.#isSkewed) {
      const why = 'the clocks of this machine and of Redis differ: times in logs are wrong; jobs use the clock of Redis'
      this.#log.warn({ skew_ms: Math.round(this.skewMs) }, why)
    } else if (!warning && this.#isSkewed) this.#log.info({}, 'the clocks of this machine and of Redis agree again')
    this.#isSkewed = warning !== undefined
  }
}
