import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { bullIdOf, type JobRef } from '../model/job-id.ts'
import type { Redis } from '../redis/connection.ts'
import { announcedChange, announcedEnd, type Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import { type Appended, type AttemptBefore, AttemptEvents, type EventBatch } from './attempt-events.ts'

const publishOnAll = loadScript('events/publish-on-all')
const appendEvents = loadScript('events/append-events')

/** Bounds of the stored progress and logs of a job; the oldest make room. */
const maxHistory = { entries: 1000, characters: 4 * 1024 * 1024 }
/** Events of more bytes are published without their content. */
const maxMessageBytes = 524_288
/** Lua takes a bounded number of arguments. */
const maxChannelsPerCall = 500
/** How often a batch of events is offered to a Redis that refuses it. */
const maxTries = 20
const retryEveryMs = 250
/** The delay of announcements that are not an end. */
const changeAfterMs = 5

/** A worker's side of events: stores and publishes what handlers emit, while the worker holds the lease of the job. */
export class JobEventWriter {
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #log: Logger
  /** Jobs of which a change is to be announced, by their ids: most end before their channels are needed. */
  readonly #changed = new Map<string, JobRef>()
  /** Channels on which an end is to be announced. */
  readonly #ended = new Set<string>()
  readonly #hints = new Set<string>()
  #changedTimer: NodeJS.Timeout | undefined

  constructor(deps: { redis: Redis; keys: Keys; log: Logger }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
    this.#log = deps.log
  }

  /**
   * The events of one attempt. `onLost` is called when Redis answers that this worker does not hold the job any more.
   *
   * @param start see {@link AttemptEvents}
   */
  open(ref: JobRef, token: string, start: AttemptBefore, onLost: () => void): AttemptEvents {
    // Made when needed: most jobs emit nothing.
    let keys: string[] | undefined
    let batches = 0
    const append = async (batch: EventBatch): Promise<Appended> => {
      keys ??= [this.#keys.lock(ref), this.#keys.events(ref), this.#keys.job(ref), this.#keys.values(ref)]
      const bounds = [maxHistory.entries, maxHistory.characters]
      const args = [
        token,
        this.#keys.channel(ref),
        `${token} ${++batches}`,
        ...bounds,
        batch.progress,
        bullIdOf(ref),
        maxMessageBytes,
        batch.valuesBefore,
        batch.begins,
        ...batch.events,
      ]
      this.#announceChangeBefore(ref)
      for (let tries = 1; ; tries++) {
        try {
          const reply = await appendEvents(this.#redis, keys, args)
          if (reply === 1) return 'stored'
          if (reply === 0) onLost()
          return reply === 0 ? 'lost' : 'values_missing'
        } catch (error) {
          // The connection waits for a Redis that is away. One that refuses, because its memory is full, may accept later.
          if (tries === maxTries) {
            this.#log.error({ job: ref.id, events: batch.events.length, err: error }, 'failed to store job events')
            return 'refused'
          }
          await sleep(retryEveryMs)
        }
      }
    }
    return new AttemptEvents(append, start)
  }

  /**
   * Announces that the state of a job has changed, so that watchers read it. `end`: it may have ended; most watchers wait for that, so
   * it is sent at the end of this turn of the event loop. Other changes are sent a few ms later but before the next event of the job:
   * a job that starts and ends within that time costs one message.
   *
   * @param replyChannel the channel of the process that awaits the end
   */
  announce(ref: JobRef, change: 'change' | 'end', replyChannel?: string): void {
    if (change === 'end') {
      const channel = this.#keys.channel(ref)
      if (replyChannel !== undefined) this.#publish(`${ref.id} ${announcedEnd}`, [replyChannel])
      if (this.#ended.size === 0) setImmediate(() => this.#publish(announcedEnd, take(this.#ended)))
      this.#ended.add(channel)
      this.#changed.delete(ref.id)
      return
    }
    this.#changed.set(ref.id, ref)
    if (this.#changedTimer !== undefined) return
    this.#changedTimer = setTimeout(() => {
      this.#changedTimer = undefined
      const channels = Array.from(this.#changed.values(), (changed) => this.#keys.channel(changed))
      this.#changed.clear()
      this.#publish(announcedChange, channels)
    }, changeAfterMs)
  }

  /** Tells the flow coordinator that a job of a flow may have ended. */
  hint(flow: string, ref: JobRef): void {
    if (this.#hints.size === 0) setImmediate(() => this.#sendHints())
    this.#hints.add(`${flow} ${ref.id}`)
  }

  /** The script that ends the job is about to announce that: a pending change is not announced any more. */
  leaveToEnd(ref: JobRef): void {
    this.#changed.delete(ref.id)
  }

  #sendHints(): void {
    const pipeline = this.#redis.pipeline()
    for (const hint of take(this.#hints)) pipeline.publish(this.#keys.flowHints, hint)
    pipeline.exec().catch((error: unknown) => this.#log.warn({ err: error }, 'failed to publish hints for flows'))
  }

  /** Watchers read the new state before they get the events that belong to it. */
  #announceChangeBefore(ref: JobRef): void {
    if (this.#changed.delete(ref.id)) this.#publish(announcedChange, [this.#keys.channel(ref)])
  }

  /** One command for many channels: a busy worker has dozens at once. */
  #publish(message: string, channels: string[]): void {
    for (let from = 0; from < channels.length; from += maxChannelsPerCall) {
      const some = channels.slice(from, from + maxChannelsPerCall)
      publishOnAll(this.#redis, [], [message, ...some]).catch((error: unknown) =>
        this.#log.warn({ err: error }, 'failed to announce changes of jobs'),
      )
    }
  }
}

function take(set: Set<string>): string[] {
  const taken = [...set]
  set.clear()
  return taken
}
