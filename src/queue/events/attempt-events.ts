import type { JobEvent } from '../../jobs/job-event.ts'
import type { JobFailure } from '../../jobs/job-failure.ts'
import { byRedisClock, redisNow } from '../model/redis-time.ts'

/** What a job may yield in one list of values: as many, and as much JSON in UTF-8. */
const valueLimits = {
  values: 100_000,
  bytes: 64 * 1024 * 1024,
  bytesOfOne: 8 * 1024 * 1024,
}

/** Bounds of what one attempt may hold in the memory of its worker. */
const max = {
  /** Events until a generator waits, and characters of values. */
  eager: 16,
  eagerCharacters: 131_072,
  /** Events until progress replaces older progress, and log lines are dropped and counted. */
  pending: 1000,
  /** Characters of one progress event or log line as JSON. */
  eventCharacters: 262_144,
  /** A batch ends with the value by which it gets as long. */
  batchCharacters: 1024 * 1024,
}

/** Events to be stored at one moment, each as `<kind> <JSON>`. */
export interface EventBatch {
  events: string[]
  /** The newest progress as JSON, or ''. */
  progress: string
  hasValues: boolean
  /** How many values of this attempt were stored before. */
  valuesBefore: number
  /** Values of an earlier start are dropped, whether this one has any or not. */
  beginsList: boolean
}

/** `lost`: the job is another worker's. `values_missing`: Redis has lost values that it had stored. `refused`: Redis did not store the batch. */
export type Appended = 'stored' | 'lost' | 'values_missing' | 'refused'

/** Why an attempt cannot count: its values are not complete. `put_back`: through no fault of the handler. */
export type ValuesVerdict = { status: 'failed'; failure: JobFailure } | { status: 'put_back' }

/** A value is encoded when it comes, which counts its bytes; progress when it is sent, since newer progress may replace it. */
type Pending = JobEvent | { kind: 'encoded'; text: string }

/** The events of one attempt: sent in order, those of one turn of the event loop together, one request at a time. */
export class AttemptEvents {
  readonly #append: (batch: EventBatch) => Promise<Appended>
  readonly #attempt: number
  #pending: Pending[] = []
  #pendingCharacters = 0
  #sending: Promise<void> | undefined
  #droppedLogs = 0
  #beginsList: boolean
  #values = { count: 0, bytes: 0, sent: 0 }
  /** The job is another worker's: nothing that comes is stored. */
  #isLost = false
  #verdict: ValuesVerdict | undefined
  #onVerdict: (() => void) | undefined

  /** @param isFirst whether no earlier start of the job can have stored values */
  constructor(
    append: (batch: EventBatch) => Promise<Appended>,
    { attempt, isFirst }: { attempt: number; isFirst: boolean },
  ) {
    this.#append = append
    this.#attempt = attempt
    this.#beginsList = !isFirst
    if (!isFirst) this.#sending = this.#send()
  }

  /** Set once the values of this attempt cannot be complete any more: nothing is stored of what comes then. */
  get verdict(): ValuesVerdict | undefined {
    return this.#verdict
  }

  /** Calls `listener` when there is a {@link verdict}, at once if there is one. */
  onVerdict(listener: () => void): void {
    this.#onVerdict = listener
    if (this.#verdict) listener()
  }

  /** Takes an event; returns a promise to wait for when Redis is slower than the handler. Never throws. */
  emit(event: JobEvent): Promise<void> | undefined {
    if (this.#isLost || this.#verdict) return undefined
    if (event.kind === 'output') this.#addValue(event.value)
    else if (this.#pending.length >= max.pending) this.#makeRoomFor(event)
    else this.#pending.push(event.kind === 'log' ? { ...event, at: byRedisClock(event.at) } : event)
    this.#sending ??= this.#send()
    const isBehind = this.#pending.length >= max.eager || this.#pendingCharacters >= max.eagerCharacters
    return isBehind ? this.#sending : undefined
  }

  /** Resolves when all events are stored or refused; undefined when they are. The job must not end before. */
  flush(): Promise<void> | undefined {
    return this.#sending
  }

  #addValue(value: unknown): void {
    const json = JSON.stringify(value ?? null)
    const bytes = Buffer.byteLength(json)
    const { values, bytes: maxBytes, bytesOfOne } = valueLimits
    if (bytes > bytesOfOne) {
      const message = `a yielded value has ${bytes} bytes of JSON, more than ${bytesOfOne}`
      return this.#fail({ code: 'invalid_output', message, retryable: false })
    }
    this.#values.count += 1
    this.#values.bytes += bytes
    if (this.#values.count > values || this.#values.bytes > maxBytes) {
      const message = `the job yielded more than ${values} values, or more than ${maxBytes} bytes of JSON`
      return this.#fail({ code: 'too_many_values', message, retryable: false })
    }
    this.#pending.push({ kind: 'encoded', text: `output ${json}` })
    this.#pendingCharacters += json.length
  }

  #fail(failure: JobFailure): void {
    this.#decide({ status: 'failed', failure })
  }

  #decide(verdict: ValuesVerdict): void {
    if (this.#verdict) return
    this.#verdict = verdict
    this.#onVerdict?.()
  }

  /** Only progress and logs get here, since generators wait. */
  #makeRoomFor(event: JobEvent): void {
    if (event.kind === 'log') {
      this.#droppedLogs += 1
      return
    }
    const stale = this.#pending.findLastIndex((pending) => pending.kind === 'progress')
    if (stale >= 0) this.#pending.splice(stale, 1)
    this.#pending.push(event)
  }

  async #send(): Promise<void> {
    // Collects the events of this turn.
    await new Promise(setImmediate)
    while ((this.#pending.length > 0 || this.#beginsList) && !this.#isLost) {
      const batch = this.#takeBatch()
      const appended = await this.#append(batch)
      this.#values.sent += batch.events.filter(isValue).length
      if (appended === 'lost') this.#isLost = true
      else if (appended === 'values_missing') this.#decide({ status: 'put_back' })
      else if (appended === 'refused' && (batch.hasValues || batch.beginsList)) this.#fail(notStored)
      // Behind values that are not stored, none is.
      if (this.#isLost || (this.#verdict && appended !== 'stored')) this.#pending = []
    }
    this.#sending = undefined
  }

  #takeBatch(): EventBatch {
    let characters = 0
    const end = this.#pending.findIndex((pending) => {
      if (pending.kind === 'encoded') characters += pending.text.length
      return characters >= max.batchCharacters
    })
    const batch = this.#pending.splice(0, end < 0 ? this.#pending.length : end + 1)
    this.#pendingCharacters -= characters
    if (this.#droppedLogs > 0) batch.push(this.#droppedLogsEvent())
    const events = batch.map(encodeEvent)
    const progress = batch.findLast((event) => event.kind === 'progress')
    const beginsList = this.#beginsList
    this.#beginsList = false
    return {
      events,
      progress: progress ? encodePayload(progress) : '',
      hasValues: events.some(isValue),
      valuesBefore: this.#values.sent,
      beginsList,
    }
  }

  #droppedLogsEvent(): JobEvent {
    const message = `${this.#droppedLogs} log lines were dropped: they came faster than they could be stored`
    this.#droppedLogs = 0
    return { kind: 'log', at: new Date(redisNow()).toISOString(), level: 'warn', message, attempt: this.#attempt }
  }
}

const notStored: JobFailure = {
  code: 'values_not_stored',
  message: 'Redis refused to store the values that the job yielded',
  retryable: true,
}

function isValue(event: string): boolean {
  return event.startsWith('output ')
}

/** `<kind> <JSON>`, so that readers can pass the JSON on without parsing it. */
function encodeEvent(event: Pending): string {
  return event.kind === 'encoded' ? event.text : `${event.kind} ${encodePayload(event)}`
}

function encodePayload(event: JobEvent): string {
  const { kind, ...payload } = event
  const json = JSON.stringify(payload)
  if (json.length <= max.eventCharacters) return json
  const note = `this ${kind} event had ${json.length} characters, more than ${max.eventCharacters}`
  return JSON.stringify({ ...payload, data: null, message: note })
}
