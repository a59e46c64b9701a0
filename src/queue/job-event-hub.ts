import type { Logger } from 'pino'
import { type Redis, whenAvailable } from './connection.ts'
import { whenGathered } from './end-of-turn.ts'
import type { JobRef } from './job-id.ts'
import { decodeJob, hashOf, type StoredJob } from './job-record.ts'
import { announcedChange, announcedEnd, type Keys } from './keys.ts'

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

/** The API's side of the events: one subscribing connection, one channel per watched job, nothing for jobs that nobody watches. */
export class JobEventHub {
  readonly #subscriber: Redis
  readonly #client: Redis
  readonly #keys: Keys
  readonly #log: Logger
  #batch: { channels: Set<string>; sent: Promise<void> } | undefined
  readonly #channels = new Map<string, Watched>()

  constructor(deps: { subscriber: Redis; client: Redis; keys: Keys; log: Logger }) {
    this.#subscriber = deps.subscriber
    this.#client = deps.client
    this.#keys = deps.keys
    this.#log = deps.log
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

  /** How many jobs are watched now. */
  get watched(): number {
    return this.#channels.size
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
    if (channels.length === 0) return
    try {
      await this.#subscriber.subscribe(...channels)
      for (const channel of channels) this.#dispatch(channel, announcedEnd)
    } catch (error) {
      this.#log.warn({ err: error }, 'not subscribed again: once more on a new connection')
      this.#subscriber.disconnect(true)
    }
  }

  #dispatch(channel: string, message: string): void {
    const entry = this.#channels.get(channel)
    if (!entry) return
    const announcement = decodeAnnouncement(message, entry.ref)
    for (const listener of entry.listeners) listener(announcement)
  }
}

function decodeAnnouncement(message: string, ref: JobRef | undefined): Announcement {
  if (message === announcedChange || message === announcedEnd)
    return { changed: true, mayBeDone: message === announcedEnd }
  if (message.startsWith(announcedEnd))
    return { changed: true, mayBeDone: true, job: ref && decodeEnded(ref, message.slice(announcedEnd.length + 1)) }
  const [first = '', ...events] = message.split('\n')
  return { changed: false, events: events.map((text, index) => decodeEvent(Number(first) + index, text)) }
}

/** announce-ends.lua says it so: the hash as fields and values, and the id of the last event. */
function decodeEnded(ref: JobRef, json: string): StoredJob | undefined {
  const fields: string[] = JSON.parse(json)
  const lastEventId = Number(fields.pop())
  return decodeJob(ref, hashOf(fields), { place: 'finished', lastEventId, dueAt: undefined })
}

function decodeEvent(id: number, text: string): WiredEvent {
  const space = text.indexOf(' ')
  return { id, kind: text.slice(0, space), data: text.slice(space + 1) }
}
