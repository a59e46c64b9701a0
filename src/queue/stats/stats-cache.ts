import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { decodeField } from './stats-field.ts'
import { keptMs, maxUnwrittenMinutes, minuteMs } from './stats-recorder.ts'
import { slotOf } from './tally.ts'

/** So many minutes are read at once: each is a call of at most 1 ms. */
const minutesAtOnce = 10
/** A process that could not reach Redis adds its counts to a minute that is past. After so many ms none does any more. */
const finalAfterMs = (maxUnwrittenMinutes + 5) * minuteMs
/** A past minute that may still change is read again after this. */
const reuseMs = 60_000
/** Counts that are kept, in 12 bytes each: of a day with 1,000 a minute. */
const maxCounts = 1_600_000
/** Different fields, each about 200 bytes. */
const maxFields = 50_000

/** What a field counts. */
export interface Field {
  queue: string
  type: string
  slot: number
}

/** The counts of a minute: `places` are those of the fields in {@link CountsOfMinutes.fields}. */
export interface MinuteCounts {
  places: Uint32Array
  counts: Float64Array
}

/** The counts of minutes in order. */
export interface CountsOfMinutes {
  fields: readonly Field[]
  minutes: MinuteCounts[]
}

interface Kept extends MinuteCounts {
  readAt: number
}

/** Reads what was counted minute by minute, and keeps the minutes that are over: a chart of a day reads them once. */
export class StatsCache {
  readonly #redis: Redis
  readonly #keys: Keys
  #fields: Field[] = []
  readonly #places = new Map<string, number>()
  readonly #minutes = new Map<number, Kept>()
  #kept = 0
  #reading: Promise<unknown> = Promise.resolve()

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
  }

  /**
   * The counts of the minutes from `first` to before `end`, in order.
   *
   * @param now epoch ms. @throws QueueUnavailableError
   */
  read(first: number, end: number, now: number): Promise<CountsOfMinutes> {
    // One after another: several clients that ask for the same day read it once.
    const reading = this.#reading.catch(() => undefined).then(() => this.#readAll(first, end, now))
    this.#reading = reading
    return reading
  }

  async #readAll(first: number, end: number, now: number): Promise<CountsOfMinutes> {
    this.#forget(now)
    const found = new Map<number, MinuteCounts>()
    const missing: number[] = []
    for (let minute = first; minute < end; minute++) {
      const kept = this.#minutes.get(minute)
      if (kept && isFresh(minute, kept.readAt, now)) found.set(minute, kept)
      else missing.push(minute)
    }
    for (let from = 0; from < missing.length; from += minutesAtOnce) {
      const some = missing.slice(from, from + minutesAtOnce)
      const hashes = await whenAvailable(
        Promise.all(some.map((minute) => this.#redis.hgetall(this.#keys.statsOf(minute)))),
      )
      for (const [n, minute] of some.entries()) {
        const counts = this.#decode(hashes[n] ?? {})
        found.set(minute, counts)
        this.#keep(minute, { ...counts, readAt: now })
      }
    }
    const minutes = Array.from({ length: Math.max(0, end - first) }, (_, n) => found.get(first + n) ?? empty)
    return { fields: this.#fields, minutes }
  }

  #decode(hash: Record<string, string>): MinuteCounts {
    const names = Object.keys(hash)
    const places = new Uint32Array(names.length)
    const counts = new Float64Array(names.length)
    let size = 0
    for (const name of names) {
      const place = this.#placeOf(name)
      if (place === undefined) continue
      places[size] = place
      counts[size++] = Number(hash[name])
    }
    return { places: places.subarray(0, size), counts: counts.subarray(0, size) }
  }

  /** Undefined where another version wrote the field. */
  #placeOf(name: string): number | undefined {
    const known = this.#places.get(name)
    if (known !== undefined) return known
    const decoded = decodeField(name)
    if (!decoded) return undefined
    const { queue, type, counted } = decoded
    const place = this.#fields.push({ queue, type, slot: slotOf(counted) }) - 1
    this.#places.set(name, place)
    return place
  }

  #keep(minute: number, kept: Kept): void {
    this.#drop(minute)
    if (this.#kept + kept.counts.length > maxCounts) return
    this.#minutes.set(minute, kept)
    this.#kept += kept.counts.length
  }

  #drop(minute: number): void {
    this.#kept -= this.#minutes.get(minute)?.counts.length ?? 0
    this.#minutes.delete(minute)
  }

  /** Forgets minutes that Redis has forgotten, and all where types came and went. */
  #forget(now: number): void {
    for (const minute of this.#minutes.keys()) if ((minute + 1) * minuteMs < now - keptMs) this.#drop(minute)
    if (this.#fields.length <= maxFields) return
    this.#minutes.clear()
    this.#places.clear()
    this.#fields = []
    this.#kept = 0
  }
}

const empty: MinuteCounts = { places: new Uint32Array(), counts: new Float64Array() }

/** Whether a minute that was read then is the same now, or as good as. */
function isFresh(minute: number, readAt: number, now: number): boolean {
  const endedAt = (minute + 1) * minuteMs
  if (readAt >= endedAt + finalAfterMs) return true
  // Processes write every five seconds.
  return readAt >= endedAt + 15_000 && now - readAt < reuseMs
}
