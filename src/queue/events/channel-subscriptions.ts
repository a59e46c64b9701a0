import type { Logger } from 'pino'
import type { Redis } from '../redis/connection.ts'
import { whenGathered } from '../redis/end-of-turn.ts'

/** Keeps the subscriptions of a connection as they are wanted. The calls of one turn of the event loop are coalesced into two. */
export class ChannelSubscriptions {
  readonly #subscriber: Redis
  readonly #isWanted: (channel: string) => boolean
  readonly #log: Logger
  #batch: { channels: Set<string>; sent: Promise<void> } | undefined

  constructor(deps: { subscriber: Redis; isWanted: (channel: string) => boolean; log: Logger }) {
    this.#subscriber = deps.subscriber
    this.#isWanted = deps.isWanted
    this.#log = deps.log
  }

  /**
   * Subscribes to a channel or unsubscribes from it: what counts is whether it is wanted at the end of the turn.
   * Rejects when Redis does not confirm a subscription.
   */
  update(channel: string): Promise<void> {
    this.#batch ??= this.#openBatch()
    this.#batch.channels.add(channel)
    return this.#batch.sent
  }

  #openBatch(): { channels: Set<string>; sent: Promise<void> } {
    const channels = new Set<string>()
    const { promise: sent, resolve } = Promise.withResolvers<void>()
    whenGathered(() => {
      this.#batch = undefined
      resolve(this.#send(channels))
    })
    return { channels, sent }
  }

  async #send(channels: Set<string>): Promise<void> {
    const wanted = [...channels].filter(this.#isWanted)
    const unwanted = [...channels].filter((channel) => !this.#isWanted(channel))
    // A failure leaves nothing behind: without a connection there are no subscriptions.
    if (unwanted.length > 0)
      this.#subscriber
        .unsubscribe(...unwanted)
        .catch((error: unknown) => this.#log.debug({ err: error }, 'failed to unsubscribe'))
    if (wanted.length > 0) await this.#subscriber.subscribe(...wanted)
  }
}
