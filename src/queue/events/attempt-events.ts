import type { JobEvent } from '../../jobs/job-event.ts'

/** Bounds of what one attempt may hold in the memory of its worker. */
const max = {
  /** Events until a generator waits. */
  eager: 16,
  /** Events until progress replaces older progress, and log lines are dropped and counted. */
  pending: 1000,
  /** Characters of one event as JSON. */
  eventCharacters: 262_144,
}

/** The events of one attempt: sent in order, those of one turn of the event loop together, one request at a time. */
export class AttemptEvents {
  readonly #append: (events: string[], progress: string) => Promise<void>
  readonly #attempt: number
  #pending: JobEvent[] = []
  #sending: Promise<void> | undefined
  #droppedLogs = 0

  /** @param append stores encoded events; `progress` is the newest as JSON, or '' */
  constructor(append: (events: string[], progress: string) => Promise<void>, attempt: number) {
    this.#append = append
    this.#attempt = attempt
  }

  /** Takes an event; returns a promise to wait for when Redis is slower than the handler. Never throws. */
  emit(event: JobEvent): Promise<void> | undefined {
    if (this.#pending.length >= max.pending) this.#makeRoomFor(event)
    else this.#pending.push(event)
    this.#sending ??= this.#send()
    return this.#pending.length >= max.eager ? this.#sending : undefined
  }

  /** Resolves when all events are stored or refused; undefined when they are. The job must not end before. */
  flush(): Promise<void> | undefined {
    return this.#sending
  }

  /** Only progress and logs get here, since generators wait. */
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
    // Collects the events of this turn.
    await new Promise(setImmediate)
    while (this.#pending.length > 0) {
      const batch = this.#pending
      this.#pending = []
      if (this.#droppedLogs > 0) batch.push(this.#droppedLogsEvent())
      const progress = batch.findLast((event) => event.kind === 'progress')
      await this.#append(batch.map(encodeEvent), progress ? encodePayload(progress) : '')
    }
    this.#sending = undefined
  }

  #droppedLogsEvent(): JobEvent {
    const message = `${this.#droppedLogs} log lines were dropped: they came faster than they could be stored`
    this.#droppedLogs = 0
    return { kind: 'log', at: new Date().toISOString(), level: 'warn', message, attempt: this.#attempt }
  }
}

/** `<kind> <JSON>`, so that readers can pass the JSON on without parsing it. */
function encodeEvent(event: JobEvent): string {
  return `${event.kind} ${encodePayload(event)}`
}

function encodePayload(event: JobEvent): string {
  const { kind, ...payload } = event
  const json = JSON.stringify(payload)
  if (json.length <= max.eventCharacters) return json
  const note = `this ${kind} event had ${json.length} characters, more than ${max.eventCharacters}`
  return JSON.stringify(kind === 'progress' ? { ...payload, data: null, message: note } : { value: null, error: note })
}
