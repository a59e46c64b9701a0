import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { JobEvent } from '../../jobs/job-event.ts'
import type { JobRef } from '../model/job-id.ts'
import type { Redis } from '../redis/connection.ts'
import { announcedChange, announcedEnd, type Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const sayOnMany = loadScript('events/announce')
const appendEvents = loadScript('events/append-events')

/** Bounds of what one job may hold: in the worker until Redis took it, and in its history. */
const bounds = {
  /** A generator waits from here on. */
  eager: 16,
  /** From here on progress replaces older progress, and log lines are dropped and counted. */
  pending: 1000,
  /** One event, in characters of JSON. */
  event: 262_144,
  /** Changes that are announced by one command. */
  announced: 500,
  historyEntries: 1000,
  historyCharacters: 4 * 1024 * 1024,
}

/** How often a batch that Redis refuses is offered. */
const mostTries = 20
const retryEveryMs = 250
/** A change that is not an end is announced so much later. */
const changeAfterMs = 5

/** A worker's side of the events: what handlers say, stored and announced only while the worker holds the job. */
export class JobEventWriter {
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #log: Logger
  /** Channels on which a change and an end are to be announced. */
  readonly #changed = new Set<string>()
  readonly #ended = new Set<string>()
  readonly #hints = new Set<string>()
  #changedTimer: NodeJS.Timeout | undefined

  constructor(deps: { redis: Redis; keys: Keys; log: Logger }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
    this.#log = deps.log
  }

  /** The events of one attempt. `onLost` is called when Redis says that the job is no longer this worker's. */
  open(ref: JobRef, token: string, attempt: number, onLost: () => void): AttemptEvents {
    const limits = [bounds.historyEntries, bounds.historyCharacters]
    // Most jobs say nothing.
    let keys: string[] | undefined
    let batch = 0
    const append = async (events: string[], progress: string): Promise<void> => {
      keys ??= [this.#keys.lock(ref), this.#keys.events(ref), this.#keys.job(ref)]
      const args = [token, this.#keys.channel(ref), `${token} ${++batch}`, ...limits, progress, ...events]
      this.#sendChangeBefore(ref)
      for (let tries = 1; ; tries++) {
        try {
          if ((await appendEvents(this.#redis, keys, args)) === 0) onLost()
          return
        } catch (error) {
          // A Redis that is away is waited for below; one that refuses (its memory is full, say) may take it a little later.
          if (tries === mostTries)
            return this.#log.error({ job: ref.id, events: events.length, err: error }, 'job events were lost')
          await sleep(retryEveryMs)
        }
      }
    }
    return new AttemptEvents(append, attempt)
  }

  /**
   * Tells watchers that the job's state has changed; they read it themselves. `end`: it may have ended, which is what most
   * wait for, so that it is sent with the turn of the event loop. Any other change is sent a little later, before the job's
   * first event: a job that starts and ends within that time costs one message.
   *
   * @param waiter the channel of who waits for its end
   */
  announce(ref: JobRef, change: 'change' | 'end', waiter?: string): void {
    const channel = this.#keys.channel(ref)
    if (change === 'end') {
      if (waiter !== undefined) this.#send(`${ref.id} ${announcedEnd}`, [waiter])
      if (this.#ended.size === 0) setImmediate(() => this.#send(announcedEnd, take(this.#ended)))
      this.#ended.add(channel)
      this.#changed.delete(channel)
      return
    }
    this.#changed.add(channel)
    if (this.#changedTimer !== undefined) return
    this.#changedTimer = setTimeout(() => {
      this.#changedTimer = undefined
      this.#send(announcedChange, take(this.#changed))
    }, changeAfterMs)
  }

  /** Tells whoever brings a flow on that a job of it may have ended. */
  hint(flow: string, ref: JobRef): void {
    if (this.#hints.size === 0) setImmediate(() => this.#sendHints())
    this.#hints.add(`${flow} ${ref.id}`)
  }

  /** Its end is about to be told by the script that ends it: a change that was to be announced is not. */
  leaveToEnd(ref: JobRef): void {
    this.#changed.delete(this.#keys.channel(ref))
  }

  #sendHints(): void {
    const pipeline = this.#redis.pipeline()
    for (const hint of take(this.#hints)) pipeline.publish(this.#keys.flowHints, hint)
    pipeline.exec().catch((error: unknown) => this.#log.warn({ err: error }, 'flows were not told of their jobs'))
  }

  /** Who watches reads the new state before the events of it. */
  #sendChangeBefore(ref: JobRef): void {
    const channel = this.#keys.channel(ref)
    if (this.#changed.delete(channel)) this.#send(announcedChange, [channel])
  }

  /** One command for many: a busy worker has dozens at once. */
  #send(message: string, channels: string[]): void {
    // Lua takes a bounded number of arguments.
    for (let from = 0; from < channels.length; from += bounds.announced) {
      const some = channels.slice(from, from + bounds.announced)
      sayOnMany(this.#redis, [], [message, ...some]).catch((error: unknown) =>
        this.#log.warn({ err: error }, 'changes were not announced'),
      )
    }
  }
}

function take(set: Set<string>): string[] {
  const taken = [...set]
  set.clear()
  return taken
}

/** Sends events in order, those of one turn together, one request at a time. */
export class AttemptEvents {
  readonly #append: (events: string[], progress: string) => Promise<void>
  readonly #attempt: number
  #pending: JobEvent[] = []
  #sending: Promise<void> | undefined
  #droppedLogs = 0

  constructor(append: (events: string[], progress: string) => Promise<void>, attempt: number) {
    this.#append = append
    this.#attempt = attempt
  }

  /** Takes an event; returns a promise when the receiver is behind. Never throws. */
  emit(event: JobEvent): Promise<void> | undefined {
    if (this.#pending.length >= bounds.pending) this.#makeRoomFor(event)
    else this.#pending.push(event)
    this.#sending ??= this.#send()
    return this.#pending.length >= bounds.eager ? this.#sending : undefined
  }

  /** Resolves when all that was emitted is stored or refused; undefined when it is. The job must not end before. */
  flush(): Promise<void> | undefined {
    return this.#sending
  }

  /** Generators wait, so only progress and logs ever come this far. */
  #makeRoomFor(event: JobEvent): void {
    if (event.kind === 'log') {
      this.#droppedLogs += 1
      return
    }
    const stale = this.#pending.findLastIndex((pending) => pending.kind === 'progress')
    if (event.kind === 'progress' && stale >= 0) this.#pending.splice(stale, 1)
    this.#pending.push(event)
  }

  async #send(): Promise<void> {
    // What a handler says in one turn goes in one request.
    await new Promise(setImmediate)
    while (this.#pending.length > 0) {
      const batch = this.#pending
      this.#pending = []
      if (this.#droppedLogs > 0) batch.push(this.#droppedLogsNotice())
      const progress = batch.findLast((event) => event.kind === 'progress')
      await this.#append(batch.map(encodeEvent), progress ? encodePayload(progress) : '')
    }
    this.#sending = undefined
  }

  #droppedLogsNotice(): JobEvent {
    const message = `${this.#droppedLogs} log lines were dropped: they came faster than they could be stored`
    this.#droppedLogs = 0
    return { kind: 'log', at: new Date().toISOString(), level: 'warn', message, attempt: this.#attempt }
  }
}

/** `<kind> <JSON>`: whoever passes it on need not parse the JSON. */
function encodeEvent(event: JobEvent): string {
  return `${event.kind} ${encodePayload(event)}`
}

function encodePayload(event: JobEvent): string {
  const { kind, ...payload } = event
  const json = JSON.stringify(payload)
  if (json.length <= bounds.event) return json
  const note = `this ${kind} event had ${json.length} characters, more than ${bounds.event}`
  return JSON.stringify(kind === 'progress' ? { ...payload, data: null, message: note } : { value: null, error: note })
}
