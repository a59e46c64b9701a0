import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { JobEvent } from '../jobs/job-event.ts'
import type { Redis } from './connection.ts'
import type { JobRef } from './job-id.ts'
import { announcedChange, announcedEnd, type Keys } from './keys.ts'
import { loadScript } from './scripts.ts'

const appendEvents = loadScript('append-events')

/** Bounds of what one job may hold: in the worker until Redis took it, and in its history. */
const bounds = {
  /** A generator waits from here on. */
  eager: 16,
  /** From here on progress replaces older progress, and log lines are dropped and counted. */
  pending: 1000,
  /** One event, in characters of JSON. */
  event: 262_144,
  historyEntries: 1000,
  historyCharacters: 4 * 1024 * 1024,
}

/** How often a batch that Redis refuses is offered. */
const mostTries = 20
const retryEveryMs = 250

/** A worker's side of the events: what handlers say, stored and announced only while the worker holds the job. */
export class JobEventWriter {
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #log: Logger
  readonly #hints = new Set<string>()
  #changed = new Map<string, typeof announcedChange | typeof announcedEnd>()

  constructor(deps: { redis: Redis; keys: Keys; log: Logger }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
    this.#log = deps.log
  }

  /** The events of one attempt. `onLost` is called when Redis says that the job is no longer this worker's. */
  open(ref: JobRef, token: string, attempt: number, onLost: () => void): AttemptEvents {
    const keys = [this.#keys.lock(ref), this.#keys.events(ref), this.#keys.job(ref)]
    const limits = [bounds.historyEntries, bounds.historyCharacters]
    // BullMQ may give two attempts of a job the same token, so that the token does not name this one.
    let name: string | undefined
    let batch = 0
    const append = async (events: string[], progress: string): Promise<void> => {
      const args = [
        token,
        this.#keys.channel(ref),
        `${(name ??= randomUUID())} ${++batch}`,
        ...limits,
        progress,
        ...events,
      ]
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
   * Tells watchers that the job's state has changed; they read it themselves. Sent once per turn of the event loop and job,
   * so that a job that starts and ends within one costs one message. `end`: it may have ended, which is what most wait for.
   */
  announce(ref: JobRef, change: 'change' | 'end', flow?: string): void {
    if (this.#changed.size === 0) setImmediate(() => this.#sendChanges())
    this.#changed.set(this.#keys.channel(ref), change === 'end' ? announcedEnd : announcedChange)
    // A job of a flow: whoever brings the flow on is to look at it.
    if (flow !== undefined) this.#hints.add(`${flow} ${ref.id}`)
  }

  #sendChanges(): void {
    const channels = this.#changed
    this.#changed = new Map()
    const pipeline = this.#redis.pipeline()
    for (const [channel, message] of channels) pipeline.publish(channel, message)
    for (const hint of this.#hints) pipeline.publish(this.#keys.flowHints, hint)
    this.#hints.clear()
    pipeline.exec().catch((error: unknown) => this.#log.warn({ err: error }, 'changes were not announced'))
  }
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

  /** Resolves when all that was emitted is stored or refused. The job must not end before. */
  async flush(): Promise<void> {
    await this.#sending
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
