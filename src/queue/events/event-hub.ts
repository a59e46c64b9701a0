import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { JobRef } from '../model/job-id.ts'
import { decodeJob, hashOf, type StoredJob } from '../model/stored-job.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import { whenGathered } from '../redis/end-of-turn.ts'
import { announcedChange, announcedEnd, type Keys } from '../redis/keys.ts'

/** A stored event as it goes over the wire: `id` rises by one within a job, `data` is JSON text. */
export interface WiredEvent {
  id: number
  kind: string
  data: string
}

/**
 * What a watcher hears: new events, or that the job has changed and should be read again; only some changes may be its end.
 * An end may come with the job as Redis had it then.
 */
export type Announcement =
  | { changed: true; mayBeDone: boolean; job?: StoredJob | undefined }
  | { changed: false; events: WiredEvent[] }

type Listener = (announcement: Announcement) => void

interface Watched {
  /** Undefined: a flow. */
  ref: JobRef | undefined
  listeners: Set<Listener>
  subscribed: Promise<unknown>
}

/** The API's side of the events: one subscribing connection, one channel for each watched job, one for all waits for jobs that were stored here, nothing for jobs that nobody watches. */
export class JobEventHub {
  readonly #subscriber: Redis
  readonly #client: Redis
  readonly #keys: Keys
  readonly #log: Logger
  #batch: { channels: Set<string>; sent: Promise<void> } | undefined
  readonly #channels = new Map<string, Watched>()
  /** The channel of this process: on it come the ends of jobs that are stored with its name. */
  readonly waiter: string
  readonly #awaited = new Map<string, { ref: JobRef; onEnd: (job: StoredJob | undefined) => void }>()
  #waiterHeard: Promise<unknown> | undefined

  constructor(deps: { subscriber: Redis; client: Redis; keys: Keys; log: Logger }) {
    this.#subscriber = deps.subscriber
    this.#client = deps.client
    this.#keys = deps.keys
    this.#log = deps.log
    this.waiter = deps.keys.waiter(randomUUID())
    this.#subscriber.on('message', (channel: string, message: string) => this.#dispatch(channel, message))
    this.#subscriber.on('ready', () => void this.#subscribeAgain())
  }

  /**
   * Listens to a job. When the promise resolves, nothing that happens to the job from then on is missed while Redis is there.
   *
   * @returns a function that stops listening.
   * @throws QueueUnavailableError when Redis does not confirm.
   */
  watch(ref: JobRef, listener: Listener): Promise<() => void> {
    return this.#watch(this.#keys.channel(ref), ref, listener)
  }

  /**
   * Waits for the end of a job that is stored with {@link waiter}: that spares Redis and this process a channel for each. When the
   * promise resolves, no end is missed from then on while Redis is there. `onEnd` may be called when the job has not ended.
   *
   * @returns a function that stops waiting.
   * @throws QueueUnavailableError when Redis does not confirm.
   */
  async awaitEnd(ref: JobRef, onEnd: (job: StoredJob | undefined) => void): Promise<() => void> {
    this.#awaited.set(ref.id, { ref, onEnd })
    this.#waiterHeard ??= this.#subscriber.subscribe(this.waiter)
    try {
      await whenAvailable(this.#waiterHeard)
    } catch (error) {
      this.#log.debug({ channel: this.waiter, err: error }, 'not subscribed')
      this.#waiterHeard = undefined
      this.#awaited.delete(ref.id)
      throw error
    }
    return () => this.#awaited.delete(ref.id)
  }

  /** … to a flow, which announces that it has changed, and that it has ended. */
  watchFlow(id: string, listener: Listener): Promise<() => void> {
    return this.#watch(this.#keys.flow(id), undefined, listener)
  }

  async #watch(channel: string, ref: JobRef | undefined, listener: Listener): Promise<() => void> {
    let entry = this.#channels.get(channel)
    if (!entry) {
      entry = { ref, listeners: new Set(), subscribed: this.#inBatch(channel) }
      this.#channels.set(channel, entry)
    }
    entry.listeners.add(listener)
    const stop = () => this.#unwatch(channel, listener)
    try {
      await whenAvailable(entry.subscribed)
    } catch (error) {
      this.#log.debug({ channel, err: error }, 'not subscribed')
      stop()
      throw error
    }
    return stop
  }

  /** The stored events after `id`, oldest first, at most `limit`. */
  async read(ref: JobRef, afterId: number, limit: number): Promise<WiredEvent[]> {
    const entries = await whenAvailable(
      this.#client.xrange(this.#keys.events(ref), `(0-${afterId}`, '+', 'COUNT', limit),
    )
    return entries.map(([entryId, [, text = '']]) => decodeEvent(Number(entryId.slice(2)), text))
  }

  /** How many jobs and flows are watched now, or waited for. */
  get watched(): number {
    return this.#channels.size + this.#awaited.size
  }

  #unwatch(channel: string, listener: Listener): void {
    const entry = this.#channels.get(channel)
    if (!entry?.listeners.delete(listener) || entry.listeners.size > 0) return
    this.#channels.delete(channel)
    void this.#inBatch(channel)
  }

  /** All who begin or stop listening in one turn of the event loop share a call: a crowd that comes at once is a few calls. */
  #inBatch(channel: string): Promise<void> {
    this.#batch ??= this.#openBatch()
    this.#batch.channels.add(channel)
    return this.#batch.sent
  }

  #openBatch(): { channels: Set<string>; sent: Promise<void> } {
    const channels = new Set<string>()
    const { promise: sent, resolve } = Promise.withResolvers<void>()
    whenGathered(() => {
      this.#batch = undefined
      resolve(this.#bring(channels))
    })
    return { channels, sent }
  }

  /** Only what is so now counts: who came and left within the turn, or left and came back, costs no order of calls. */
  async #bring(channels: Set<string>): Promise<void> {
    const [wanted = [], left = []] = [true, false].map((is) =>
      [...channels].filter((one) => this.#channels.has(one) === is),
    )
    // A connection that is lost takes its subscriptions with it, so a failure here leaves nothing behind.
    if (left.length > 0)
      this.#subscriber
        .unsubscribe(...left)
        .catch((error: unknown) => this.#log.debug({ err: error }, 'not unsubscribed'))
    if (wanted.length > 0) await this.#subscriber.subscribe(...wanted)
  }

  /** What was said while the connection was away is lost: when all are subscribed again, everybody reads again. */
  async #subscribeAgain(): Promise<void> {
    const channels = [...this.#channels.keys()]
    const wanted = this.#waiterHeard ? [...channels, this.waiter] : channels
    if (wanted.length === 0) return
    try {
      await this.#subscriber.subscribe(...wanted)
      for (const channel of channels) this.#dispatch(channel, announcedEnd)
      for (const { onEnd } of this.#awaited.values()) onEnd(undefined)
    } catch (error) {
      this.#log.warn({ err: error }, 'not subscribed again: once more on a new connection')
      this.#subscriber.disconnect(true)
    }
  }

  #dispatch(channel: string, message: string): void {
    if (channel === this.waiter) return this.#dispatchEnd(message)
    const entry = this.#channels.get(channel)
    if (!entry) return
    const announcement = decodeAnnouncement(message, entry.ref)
    for (const listener of entry.listeners) listener(announcement)
  }

  /** `<id> ended`, perhaps with the job. */
  #dispatchEnd(message: string): void {
    const cut = message.indexOf(' ')
    const awaited = this.#awaited.get(message.slice(0, cut))
    awaited?.onEnd(decodeEnded(awaited.ref, message.slice(cut + 1)))
  }
}

function decodeAnnouncement(message: string, ref: JobRef | undefined): Announcement {
  if (message === announcedChange || message === announcedEnd)
    return { changed: true, mayBeDone: message === announcedEnd }
  if (message.startsWith(announcedEnd)) return { changed: true, mayBeDone: true, job: ref && decodeEnded(ref, message) }
  const [first = '', ...events] = message.split('\n')
  return { changed: false, events: events.map((text, index) => decodeEvent(Number(first) + index, text)) }
}

/** complete-and-fetch.lua says it so: the hash as fields and values, and the id of the last event. Undefined: it came without the job. */
function decodeEnded(ref: JobRef, message: string): StoredJob | undefined {
  if (message.length <= announcedEnd.length) return undefined
  const fields: string[] = JSON.parse(message.slice(announcedEnd.length + 1))
  const lastEventId = Number(fields.pop())
  return decodeJob(ref, hashOf(fields), { place: 'finished', lastEventId, dueAt: undefined })
}

function decodeEvent(id: number, text: string): WiredEvent {
  const space = text.indexOf(' ')
  return { id, kind: text.slice(0, space), data: text.slice(space + 1) }
}
