import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import { defineJob } from '../define-job.ts'

/** Most numbers per segment. Its odd numbers, a byte each, are 128 KiB and stay in the processor's cache. */
const maxSegment = 1 << 18
const minSegment = 1 << 14
const progressSteps = 50
/** About what the loss of a worker costs. Short counts make no checkpoint. */
const checkpointEveryMs = 50

/** Where the count stands: all primes below `low` are counted. */
const stateSchema = z.object({ low: z.int(), count: z.int(), largest: z.int().nullable() })

/** Segmented sieve of Eratosthenes over the odd numbers: memory does not grow with the limit. */
export default defineJob({
  type: 'count-primes',
  title: 'Count the primes below a limit',
  description:
    'Counts the primes smaller than `limit` and names the largest of them. A prime limit does not count itself.',
  runsOn: 'thread',
  input: z.strictObject({ limit: z.int().min(2).max(100_000_000) }),
  output: z.strictObject({
    count: z.int(),
    largest: z.int().nullable().describe('null where there is no prime below the limit (limit 2)'),
  }),
  examples: [{ input: { limit: 100 }, output: { count: 25, largest: 97 } }],
  async run({ limit }, job) {
    const span = Math.max(minSegment, Math.min(maxSegment, 2 * Math.ceil(limit / progressSteps / 2)))
    const smallPrimes = oddPrimesUpTo(Math.floor(Math.sqrt(limit)))
    // One buffer for all segments: to allocate one each time needs the system, where the threads of a process wait for each other.
    const buffer = new Uint8Array(span / 2)
    const first = limit > 2 ? { low: 0, count: 1, largest: 2 } : { low: 0, count: 0, largest: null }
    const restored = stateSchema.safeParse(job.restored).data ?? first
    let { count, largest } = restored
    let reported = restored.low / limit
    let checkpointAt = performance.now() + checkpointEveryMs
    for (let { low } = restored; low < limit; low += span) {
      const high = Math.min(low + span, limit)
      const found = sieveSegment(low, high, smallPrimes, buffer)
      count += found.count
      largest = found.largest ?? largest
      if (high === limit || high / limit - reported >= 1 / progressSteps) {
        reported = high / limit
        job.progress(reported, `${count} primes below ${high}`)
        if (high < limit && performance.now() >= checkpointAt) {
          // Not waited for: the count goes on meanwhile.
          void job.checkpoint({ low: high, count, largest })
          checkpointAt = performance.now() + checkpointEveryMs
        }
      }
      // The signal arrives as a message, which only the event loop delivers.
      await setImmediate()
      job.signal.throwIfAborted()
    }
    return { count, largest }
  },
})

/** Sieves the odd numbers from `low` (even) up to but not including `high` in `buffer`. */
function sieveSegment(
  low: number,
  high: number,
  smallPrimes: number[],
  buffer: Uint8Array,
): { count: number; largest: number | null } {
  // Entry i is low + 2i + 1.
  const composite = buffer.subarray(0, Math.floor((high - low) / 2)).fill(0)
  if (low === 0) composite[0] = 1
  for (const prime of smallPrimes) {
    if (prime * prime >= high) break
    let multiple = Math.max(prime * prime, Math.ceil(low / prime) * prime)
    if (multiple % 2 === 0) multiple += prime
    for (let i = (multiple - low - 1) / 2; i < composite.length; i += prime) composite[i] = 1
  }
  let count = 0
  for (const flag of composite) count += 1 - flag
  const last = composite.lastIndexOf(0)
  return { count, largest: last === -1 ? null : low + 2 * last + 1 }
}

function oddPrimesUpTo(limit: number): number[] {
  const primes: number[] = []
  for (let candidate = 3; candidate <= limit; candidate += 2) {
    if (primes.every((prime) => candidate % prime !== 0 || prime * prime > candidate)) primes.push(candidate)
  }
  return primes
}
