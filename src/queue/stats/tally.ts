import { type JobEnd, jobEnds } from '../model/job-states.ts'
import type { Counted } from './stats-field.ts'
import { type Histogram, percentile } from './wait-histogram.ts'

/** What was counted in some time. */
export class Tally {
  readonly #ends: Record<JobEnd, number> = { succeeded: 0, failed: 0, canceled: 0, expired: 0 }
  readonly #waits = new Map<number, number>()
  #runningMs = 0

  add(counted: Counted, count: number): void {
    if (counted === 'running') this.#runningMs += count
    else if ('end' in counted) this.#ends[counted.end] += count
    else this.#waits.set(counted.waitBucket, (this.#waits.get(counted.waitBucket) ?? 0) + count)
  }

  /** How many jobs ended in any way. */
  get ended(): number {
    return jobEnds.reduce((sum, end) => sum + this.#ends[end], 0)
  }

  /** @param ms how long the time was: `running` is the average number of running jobs in it */
  over(ms: number): TallyOverTime {
    const waits: Histogram = this.#waits
    return {
      ...this.#ends,
      started: Array.from(waits.values()).reduce((sum, count) => sum + count, 0),
      waitP50Ms: percentile(waits, 0.5),
      waitP95Ms: percentile(waits, 0.95),
      running: Math.round((100 * this.#runningMs) / ms) / 100,
    }
  }
}

/** Counts of some time. `started`: first starts, whose waits the percentiles are of. */
export interface TallyOverTime extends Record<JobEnd, number> {
  started: number
  waitP50Ms: number | null
  waitP95Ms: number | null
  /** Average. */
  running: number
}
