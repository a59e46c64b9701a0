import { isKeepRequest, type JobEvent, type KeepRequest } from '../../jobs/job-event.ts'
import type { JobFailure } from '../../jobs/job-failure.ts'
import { KeptSizes, keepRefused, notKept } from '../../jobs/kept-limits.ts'
import type { KeptState } from '../model/kept-state.ts'
import { byRedisClock, redisNow } from '../model/redis-time.ts'
import { encodeEvent, encodePayload, isKeeping, isValue, type Keeping, type Pending, settle } from './pending-event.ts'

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
  /** `1`: values of an earlier start are dropped, whether this one has any or not. `restored`: those are, that came after its checkpoint. */
  begins: '1' | 'restored' | ''
}

/** What came before an attempt. */
export interface AttemptBefore {
  attempt: number
  /** No earlier start of the job can have stored values. */
  isFirst: boolean
  /** What earlier starts have kept. */
  kept?: KeptState | undefined
}

/** `lost`: the job is another worker's. `values_missing`: Redis has lost values that it had stored. `refused`: Redis did not store the batch. */
export type Appended = 'stored' | 'lost' | 'values_missing' | 'refused'

/** Why an attempt cannot count: its values are not complete. `put_back`: through no fault of the handler. */
export type ValuesVerdict = { status: 'failed'; failure: JobFailure } | { status: 'put_back' }

/** The events of one attempt: sent in order, those of one turn of the event loop together, one request at a time. */
export class AttemptEvents {
  readonly #append: (batch: EventBatch) => Promise<Appended>
  readonly #attempt: number
  #pending: Pending[] = []
  #pendingCharacters = 0
  #sending: Promise<void> | undefined
  #droppedLogs = 0
  #begins: EventBatch['begins']
  readonly #values = { count: 0, bytes: 0, sent: 0 }
  readonly #kept: AttemptBefore['kept']
  #sizes: KeptSizes | undefined
  /** The job is another worker's: nothing that comes is stored. */
  #isLost = false
  #verdict: ValuesVerdict | undefined
  #onVerdict: (() => void) | undefined

  constructor(append: (batch: EventBatch) => Promise<Appended>, { attempt, isFirst, kept }: AttemptBefore) {
    this.#append = append
    this.#attempt = attempt
    this.#kept = kept
    this.#begins = kept?.state ? 'restored' : isFirst ? '' : '1'
    if (kept?.state) {
      const { count, bytes } = kept.state.values
      Object.assign(this.#values, { count, bytes, sent: count })
    }
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

  /** Takes an event; returns a promise to wait for when Redis is slower than the handler, or as EmitJobEvent says. Never throws. */
  emit(event: JobEvent | KeepRequest): Promise<JobFailure | undefined | void> | undefined {
    if (isKeepRequest(event)) return this.#keep(event)
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

  #keep(request: KeepRequest): Promise<JobFailure | undefined> {
    if (this.#isLost || this.#verdict) return Promise.resolve(keepRefused)
    this.#sizes ??= new KeptSizes(this.#kept?.steps)
    const refusal = this.#sizes.refuse(request)
    if (refusal) return Promise.resolve(refusal)
    const { promise, resolve } = Promise.withResolvers<JobFailure | undefined>()
    const keeping: Keeping = { kind: 'keep', request, at: redisNow(), settle: [resolve] }
    if (request.kind === 'checkpoint') this.#replaceStale(keeping)
    this.#pending.push(keeping)
    this.#sending ??= this.#send()
    return promise
  }

  /** The newest checkpoint is the one that counts: one that was not sent yet gives way. */
  #replaceStale(newest: Keeping): void {
    const isStale = (pending: Pending) => isKeeping(pending) && pending.request.kind === 'checkpoint'
    const [stale] = this.#pending.filter(isStale).filter(isKeeping)
    if (!stale) return
    newest.settle.push(...stale.settle)
    this.#pending.splice(this.#pending.indexOf(stale), 1)
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
    while ((this.#pending.length > 0 || this.#begins !== '') && !this.#isLost) {
      const { batch, keeping } = this.#takeBatch()
      const appended = await this.#append(batch)
      this.#values.sent += batch.events.filter(isValue).length
      if (appended === 'lost') this.#isLost = true
      else if (appended === 'values_missing') this.#decide({ status: 'put_back' })
      else if (appended === 'refused' && (batch.hasValues || batch.begins !== '')) this.#fail(notStored)
      settle(keeping, appended === 'stored' ? undefined : appended === 'lost' ? keepRefused : notKept)
      // Behind values that are not stored, none is.
      if (this.#isLost || (this.#verdict && appended !== 'stored')) {
        settle(this.#pending.filter(isKeeping), keepRefused)
        this.#pending = []
      }
    }
    this.#sending = undefined
  }

  #takeBatch(): { batch: EventBatch; keeping: Keeping[] } {
    let [characters, kept] = [0, 0]
    const end = this.#pending.findIndex((pending) => {
      if (pending.kind === 'encoded') characters += pending.text.length
      else if (isKeeping(pending)) kept += pending.request.json.length
      return characters + kept >= max.batchCharacters
    })
    const taken = this.#pending.splice(0, end < 0 ? this.#pending.length : end + 1)
    this.#pendingCharacters -= characters
    if (this.#droppedLogs > 0) taken.push(this.#droppedLogsEvent())
    const events = taken.map(encodeEvent)
    const progress = taken.findLast((event) => event.kind === 'progress')
    const begins = this.#begins
    this.#begins = ''
    const batch: EventBatch = {
      events,
      progress: progress ? encodePayload(progress) : '',
      hasValues: events.some(isValue),
      valuesBefore: this.#values.sent,
      begins,
    }
    return { batch, keeping: taken.filter(isKeeping) }
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
