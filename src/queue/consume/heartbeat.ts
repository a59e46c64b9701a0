import { heartbeatExpiryMs } from '../model/held-by.ts'
import { redisNow } from '../model/redis-time.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const beatWorker = loadScript('consume/beat-worker')

const heartbeatMs = heartbeatExpiryMs / 3
/** Workers that have gone without a word are removed so seldom: those who count workers leave them out. */
const beatsPerCleaning = 12

/** A worker's heartbeat: it consumes some queues. Renewed until {@link stop}. */
export class Heartbeat {
  readonly #options: { redis: Redis; keys: Keys; queues: string[]; workerId: string }
  #timer: NodeJS.Timeout | undefined
  #beats = 0

  constructor(options: { redis: Redis; keys: Keys; queues: string[]; workerId: string }) {
    this.#options = options
  }

  /** Resolves after the first heartbeat. */
  async start(onError: (error: unknown) => void): Promise<void> {
    await this.#beat()
    this.#timer ??= setInterval(() => this.#beat().catch(onError), heartbeatMs)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    const { redis, keys, queues, workerId } = this.#options
    await Promise.all(
      queues.flatMap((queue) => [
        redis.zrem(keys.workers(queue), workerId),
        // Since when jobs wait for a worker, in case it was the last.
        redis.hset(keys.bull(queue, 'meta'), 'drover.workerLeftAt', redisNow()),
      ]),
    )
  }

  async #beat(): Promise<void> {
    const { redis, keys, queues, workerId } = this.#options
    const isCleaning = this.#beats++ % beatsPerCleaning === 0
    const beat = (queue: string) =>
      isCleaning
        ? beatWorker(redis, [keys.workers(queue)], [workerId, heartbeatExpiryMs])
        : redis.zadd(keys.workers(queue), redisNow(), workerId)
    await Promise.all(queues.map(beat))
  }
}
