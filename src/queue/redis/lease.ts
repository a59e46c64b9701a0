import { randomUUID } from 'node:crypto'
import type { Redis } from './connection.ts'
import { loadScript } from './load-script.ts'

const holdLease = loadScript('redis/hold-lease')
const releaseLease = loadScript('redis/release-lease')

/**
 * A lease on work that one process at a time should do: a key with an expiry that its holder renews. A process that is frozen for
 * longer than the lease lasts does not notice its loss, so the work itself must be safe when two processes do it at once.
 */
export class Lease {
  readonly #redis: Redis
  readonly #key: string
  readonly #ms: number
  readonly #holder = randomUUID()

  /** @param options `ms` is how long the lease lasts after each renewal. */
  constructor(options: { redis: Redis; key: string; ms: number }) {
    this.#redis = options.redis
    this.#key = options.key
    this.#ms = options.ms
  }

  /** Takes or renews the lease. @returns whether this object holds it. @throws when Redis does not answer */
  async hold(): Promise<boolean> {
    return (await holdLease(this.#redis, [this.#key], [this.#holder, this.#ms])) === 1
  }

  /** Gives the lease up, so that another process can take it at once. Does nothing when another process holds it. */
  async release(): Promise<void> {
    await releaseLease(this.#redis, [this.#key], [this.#holder])
  }
}
