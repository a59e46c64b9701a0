import { randomUUID } from 'node:crypto'
import { monotonicMs } from '../model/monotonic.ts'
import type { Redis } from './connection.ts'
import { loadScript } from './load-script.ts'

const releaseLease = loadScript('redis/release-lease')

/** By default its holder renews it when this part of its time is over, so that it outlasts a renewal that fails. */
const renewedShare = 1 / 3

/**
 * A lease on work that one process at a time should do: a key with an expiry that its holder renews. A process that is frozen for
 * longer than the lease lasts does not notice its loss, so the work itself must be safe when two processes do it at once.
 */
export class Lease {
  readonly #redis: Redis
  readonly #key: string
  readonly #ms: number
  readonly #renewAfterMs: number
  readonly #holder = randomUUID()
  /** When this object took or renewed it, in monotonic ms; undefined: another holds it. */
  #heldSince: number | undefined

  /** @param options `ms` is how long the lease lasts after each renewal, `renewAfterMs` when it is renewed at the earliest. */
  constructor(options: { redis: Redis; key: string; ms: number; renewAfterMs?: number }) {
    this.#redis = options.redis
    this.#key = options.key
    this.#ms = options.ms
    this.#renewAfterMs = options.renewAfterMs ?? options.ms * renewedShare
  }

  /**
   * Takes the lease, or renews it when it is time to: a holder may ask as often as it likes.
   *
   * @returns whether this object holds it
   * @throws when Redis does not answer
   */
  async hold(): Promise<boolean> {
    const sentAt = monotonicMs()
    const before = this.#heldSince
    if (before !== undefined && sentAt - before < this.#renewAfterMs) return true
    // Without an answer it may be held.
    this.#heldSince = Number.NEGATIVE_INFINITY
    const isHeld = before === undefined ? await this.#take() : await this.#renew()
    this.#heldSince = isHeld ? sentAt : undefined
    return isHeld
  }

  /** One command, since most processes find at most looks that another one holds it. */
  async #take(): Promise<boolean> {
    return (await this.#redis.set(this.#key, this.#holder, 'PX', this.#ms, 'NX')) === 'OK'
  }

  /** Two commands, of which a script would take three. The lease of another holder lasts longer by the first, once. */
  async #renew(): Promise<boolean> {
    const [, holder] = await Promise.all([this.#redis.pexpire(this.#key, this.#ms), this.#redis.get(this.#key)])
    return holder === this.#holder || (holder === null && (await this.#take()))
  }

  /** Gives the lease up, so that another process can take it at once. Does nothing when another process holds it. */
  async release(): Promise<void> {
    this.#heldSince = undefined
    await releaseLease(this.#redis, [this.#key], [this.#holder])
  }
}
