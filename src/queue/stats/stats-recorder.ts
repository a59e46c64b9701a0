import type { JobEnd } from '../model/job-states.ts'
import { redisNow } from '../model/redis-time.ts'
import { QueueUnavailableError, type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import { type Counted, encodeField, otherTypes } from './stats-field.ts'
import { bucketOf } from './wait-histogram.ts'

const addCounts = loadScript('stats/add-counts')

export const minuteMs = 60_000
/** For how long a minute is kept: a day, and what a chart of a day begins before. */
export const keptMs = 25 * 3_600_000
/** A process writes at most this often, and not at all while nothing happens. */
const writeEveryMs = 5000
/** Fields of a minute's hash, each about 40 bytes: a day of full minutes takes about 60 MB. */
const maxFields = 1000
/** While Redis is away counts are kept for so many minutes. */
export const maxUnwrittenMinutes = 60

export interface RecorderOptions {
  redis: Redis
  keys: Keys
  /** The queue of a type; undefined: this process does not know the type. */
  queueOf: (type: string) => string | undefined
  /** How many jobs of each type run in this process. */
  running?: () => Iterable<readonly [type: string, count: number]>
  log: { debug(fields: object, message: string): void }
}

/**
 * Counts what happens in this process, by minute, queue and type, and adds it to the counts of all processes every five seconds. What was
 * counted since the last write is lost when the process is killed.
 */
export class StatsRecorder {
  readonly #options: RecorderOptions
  #minute = 0
  /** Of the current minute, by field. */
  #counts = new Map<string, Count>()
  /** The same, by type and what is counted: a job costs no text. */
  #found = new Map<string, Map<What, Count>>()
  /** What is not written yet, by minute. */
  readonly #unwritten = new Map<number, Map<string, Count>>()
  #timer: NodeJS.Timeout | undefined
  #sampledAt = 0
  #isStopped = false

  /** Writes only once something was counted. */
  constructor(options: RecorderOptions) {
    this.#options = options
  }

  /** Counts the end of a job. */
  readonly ended = (type: string, end: JobEnd): void => this.#add(type, end, 1)

  /** Counts the first start of a job that has waited for so long since it could start. */
  readonly started = (type: string, waitedMs: number): void => this.#add(type, bucketOf(waitedMs), 1)

  /** Jobs run: their time is counted from now on. */
  readonly wake = (): void => {
    if (this.#timer !== undefined || this.#isStopped) return
    this.#sampledAt = performance.now()
    this.#timer = setTimeout(() => void this.#writeAndGoOn(), writeEveryMs)
  }

  /** Writes what is left. Never rejects. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#write()
  }

  #add(type: string, what: What, count: number): void {
    const minute = Math.floor(redisNow() / minuteMs)
    if (minute !== this.#minute) this.#begin(minute)
    const known = this.#found.get(type)?.get(what) ?? this.#find(type, what)
    known.count += count
    this.wake()
  }

  #find(type: string, what: What): Count {
    const queue = this.#options.queueOf(type)
    const shown = queue === undefined ? otherTypes : type
    const counted = countedOf(what)
    const field = encodeField(queue ?? otherTypes, shown, counted)
    const known = this.#counts.get(field) ?? {
      count: 0,
      shared: encodeField(queue ?? otherTypes, otherTypes, counted),
    }
    this.#counts.set(field, known)
    // Types that no process knows may have any names.
    if (queue !== undefined) {
      const ofType = this.#found.get(type) ?? new Map<What, Count>()
      this.#found.set(type, ofType.set(what, known))
    }
    return known
  }

  #begin(minute: number): void {
    this.#minute = minute
    this.#found = new Map()
    this.#counts = this.#unwritten.get(minute) ?? new Map()
    this.#unwritten.set(minute, this.#counts)
    const [oldest] = this.#unwritten.keys()
    if (this.#unwritten.size > maxUnwrittenMinutes && oldest !== undefined) this.#unwritten.delete(oldest)
  }

  async #writeAndGoOn(): Promise<void> {
    this.#timer = undefined
    const isBusy = this.#sampleRunning()
    await this.#write()
    if (isBusy || this.#unwritten.size > 0) this.wake()
  }

  /** @returns whether jobs run */
  #sampleRunning(): boolean {
    const ms = Math.round(performance.now() - this.#sampledAt)
    let isBusy = false
    for (const [type, count] of this.#options.running?.() ?? []) {
      isBusy = true
      this.#add(type, 'running', count * ms)
    }
    // The sample itself set the timer.
    clearTimeout(this.#timer)
    this.#timer = undefined
    return isBusy
  }

  async #write(): Promise<void> {
    const { redis, keys, log } = this.#options
    const minutes = [...this.#unwritten]
    this.#unwritten.clear()
    this.#minute = 0
    for (const [minute, counts] of minutes) {
      const args = Array.from(counts, ([field, { count, shared }]) => [field, count, shared]).flat()
      try {
        await whenAvailable(addCounts(redis, [keys.statsOf(minute)], [keptMs, maxFields, ...args]))
      } catch (error) {
        log.debug({ err: error }, 'failed to write the counts of a minute')
        // What may have been written is not written again: while Redis is slow that would count everything many times.
        if (error instanceof QueueUnavailableError && error.wasNotCarriedOut) this.#putBack(minute, counts)
      }
    }
  }

  #putBack(minute: number, counts: Map<string, Count>): void {
    const newer = this.#unwritten.get(minute)
    if (!newer) this.#unwritten.set(minute, counts)
    else
      for (const [field, { count, shared }] of counts) {
        const known = newer.get(field)
        if (known) known.count += count
        else newer.set(field, { count, shared })
      }
    if (this.#unwritten.size > maxUnwrittenMinutes) this.#unwritten.delete(Math.min(...this.#unwritten.keys()))
  }
}

/** An end, the bucket of a wait, or that jobs run. */
type What = JobEnd | number | 'running'

function countedOf(what: What): Counted {
  if (what === 'running') return what
  return typeof what === 'number' ? { waitBucket: what } : { end: what }
}

interface Count {
  count: number
  /** The field that takes it where the minute has no room for another. */
  shared: string
}
