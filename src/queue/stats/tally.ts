import { type JobEnd, jobEnds } from '../model/job-states.ts'
import type { Counted } from './stats-field.ts'
import { maxBucket, percentile } from './wait-histogram.ts'

const firstWait = jobEnds.length + 1

/** How many slots a tally has: one for each end, one for running, one for each bucket of waits. */
const slots = firstWait + maxBucket + 1

/** The slot that counts something. */
export function slotOf(counted: Counted): number {
  if (counted === 'running') return jobEnds.length
  return 'end' in counted ? jobEnds.indexOf(counted.end) : firstWait + Math.min(maxBucket, counted.waitBucket)
}

/** What was counted in some time. */
export class Tally {
  readonly #counts = new Float64Array(slots)

  /** @param slot see {@link slotOf} */
  add(slot: number, count: number): void {
    this.#counts[slot] = (this.#counts[slot] ?? 0) + count
  }

  /** How many jobs ended in any way. */
  get ended(): number {
    return jobEnds.reduce((sum, _, slot) => sum + this.#at(slot), 0)
  }

  /** @param ms how long the time was: `running` is the average number of running jobs in it */
  over(ms: number): TallyOverTime {
    const waits = this.#counts.subarray(firstWait)
    return {
      succeeded: this.#of('succeeded'),
      failed: this.#of('failed'),
      canceled: this.#of('canceled'),
      expired: this.#of('expired'),
      started: waits.reduce((sum, count) => sum + count, 0),
      waitP50Ms: percentile(waits, 0.5),
      waitP95Ms: percentile(waits, 0.95),
      running: Math.round((100 * this.#at(slotOf('running'))) / ms) / 100,
    }
  }

  #of(end: JobEnd): number {
    return this.#at(slotOf({ end }))
  }

  #at(slot: number): number {
    return this.#counts[slot] ?? 0
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
