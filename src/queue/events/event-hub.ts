import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { JobRef } from '../model/job-id.ts'
import type { PlainSecrets } from '../model/job-record.ts'
import type { StoredJob } from '../model/stored-job.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import { announcedEnd, type Keys } from '../redis/keys.ts'
import { type Announcement, decodeAnnouncement, decodeEnded, decodeEvent, type WiredEvent } from './announcement.ts'
import { ChannelSubscriptions } from './channel-subscriptions.ts'
import { type EventPage, readEvents } from './read-events.ts'

export type { Announcement, WiredEvent } from './announcement.ts'

type Listener = (announcement: Announcement) => void

interface Watched {
  /** Undefined: a flow. */
  ref: JobRef | undefined
  listeners: Set<Listener>
  subscribed: Promise<void>
}

/** A job whose end a client awaits. `onEnd` is undefined afterwards: a Map that grows leaves its table behind, and what stood in it. */
interface AwaitedEnd {
  ref: JobRef
  onEnd: ((job: StoredJob | undefined) => void) | undefined
}

/**
 * The API's side of events: one subscriber connection with a channel for each watched job or flow, and one channel for all clients that
 * wait for jobs which this process stored. There is no pub/sub traffic for jobs that nobody watches.
 */
export class JobEventHub {
  /** The channel of this process, on which the ends of jobs are published that were stored with its name. */
  readonly replyChannel: string
  readonly #subscriber: Redis
  readonly #client: Redis
  readonly #keys: Keys
  readonly #plainSecrets: PlainSecrets | undefined
  readonly #log: Logger
  readonly #watched = new Map<string, Watched>()
  readonly #subscriptions: ChannelSubscriptions
  readonly #awaited = new Map<string, AwaitedEnd>()
  #replyChannelSubscribed: Promise<unknown> | undefined

  constructor(deps: { subscriber: Redis; client: Redis; keys: Keys; log: Logger; plainSecrets?: PlainSecrets }) {
    this.#plainSecrets = deps.plainSecrets
    this.#subscriber = deps.subscriber
    this.#client = deps.client
    this.#keys = deps.keys
    this.#log = deps.log
    this.replyChannel = deps.keys.replyChannel(randomUUID())
    this.#subscriptions = new ChannelSubscriptions({ ...deps, isWanted: (channel) => this.#watched.has(channel) })
    this.#subscriber.on('message', (channel: string, message: string) => this.#dispatch(channel, message))
    this.#subscriber.on('ready', () => void this.#subscribeAgain())
  }

  /** How many jobs and flows are watched or awaited. */
  get watched(): number {
    return this.#watched.size + this.#awaited.size
  }

  /**
   * Watches a job. Once this resolves, no announcement of the job is missed while the connection lasts; after a lost connection the
   * listener is called as for a possible end.
   *
   * @returns a function that stops watching
   * @throws QueueUnavailableError when Redis does not confirm the subscription
   */
  watch(ref: JobRef, listener: Listener): Promise<() => void> {
    return this.#watch(this.#keys.channel(ref), ref, listener)
  }

  /** Watches a flow, which announces changes and its end. Otherwise as {@link watch}. */
  watchFlow(id: string, listener: Listener): Promise<() => void> {
    return this.#watch(this.#keys.flow(id), undefined, listener)
  }

  /**
   * Awaits the end of a job that is stored with {@link replyChannel}, which needs no channel per job. Once this resolves, the end is not missed
   * while the connection lasts. `onEnd` may be called when the job has not ended.
   *
   * @returns a function that stops waiting
   * @throws QueueUnavailableError when Redis does not confirm the subscription
   */
  async awaitEnd(ref: JobRef, onEnd: (job: StoredJob | undefined) => void): Promise<() => void> {
    const awaited: AwaitedEnd = { ref, onEnd }
    this.#awaited.set(ref.id, awaited)
    const stop = () => {
      awaited.onEnd = undefined
      this.#awaited.delete(ref.id)
    }
    this.#replyChannelSubscribed ??= this.#subscriber.subscribe(this.replyChannel)
    try {
      await whenAvailable(this.#replyChannelSubscribed)
    } catch (error) {
      this.#log.debug({ channel: this.replyChannel, err: error }, 'failed to subscribe')
      this.#replyChannelSubscribed = undefined
      stop()
      throw error
    }
    return stop
  }

  /** The stored events of a job after event `id` without its values, oldest first, at most `limit`. @throws QueueUnavailableError */
  async readWithoutValues(ref: JobRef, afterId: number, limit: number): Promise<WiredEvent[]> {
    const entries = await whenAvailable(
      this.#client.xrange(this.#keys.events(ref), `(0-${afterId}`, '+', 'COUNT', limit),
    )
    return entries.map(([entryId, [, text = '']]) => decodeEvent(Number(entryId.slice(2)), text))
  }

  /** See {@link readEvents}. @throws QueueUnavailableError */
  read(ref: JobRef, place: { after: number; gapTo: number }): Promise<EventPage> {
    return readEvents({ redis: this.#client, keys: this.#keys }, ref, place)
  }

  async #watch(channel: string, ref: JobRef | undefined, listener: Listener): Promise<() => void> {
    let watched = this.#watched.get(channel)
    if (!watched) {
      watched = { ref, listeners: new Set(), subscribed: this.#subscriptions.update(channel) }
      this.#watched.set(channel, watched)
    }
    watched.listeners.add(listener)
    const stop = () => this.#unwatch(channel, listener)
    try {
      await whenAvailable(watched.subscribed)
    } catch (error) {
      this.#log.debug({ channel, err: error }, 'failed to subscribe')
      stop()
      throw error
    }
    return stop
  }

  #unwatch(channel: string, listener: Listener): void {
    const watched = this.#watched.get(channel)
    if (!watched?.listeners.delete(listener) || watched.listeners.size > 0) return
    this.#watched.delete(channel)
    void this.#subscriptions.update(channel)
  }

  /** Messages were missed while the connection was away: once all channels are subscribed again, every listener reads its job again. */
  async #subscribeAgain(): Promise<void> {
    const channels = [...this.#watched.keys()]
    const wanted = this.#replyChannelSubscribed ? [...channels, this.replyChannel] : channels
    if (wanted.length === 0) return
    try {
      await this.#subscriber.subscribe(...wanted)
      for (const channel of channels) this.#dispatch(channel, announcedEnd)
      for (const { onEnd } of this.#awaited.values()) onEnd?.(undefined)
    } catch (error) {
      this.#log.warn({ err: error }, 'failed to subscribe again; reconnecting')
      this.#subscriber.disconnect(true)
    }
  }

  #dispatch(channel: string, message: string): void {
    if (channel === this.replyChannel) return this.#dispatchEnd(message)
    const watched = this.#watched.get(channel)
    if (!watched) return
    const announcement = decodeAnnouncement(message, watched.ref, this.#plainSecrets)
    for (const listener of watched.listeners) listener(announcement)
  }

  /** `<id> ended`, perhaps followed by the job. */
  #dispatchEnd(message: string): void {
    const cut = message.indexOf(' ')
    const awaited = this.#awaited.get(message.slice(0, cut))
    awaited?.onEnd?.(decodeEnded(awaited.ref, message.slice(cut + 1), this.#plainSecrets))
  }
}
