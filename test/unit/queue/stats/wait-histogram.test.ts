import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bucketOf, maxBucket, percentile } from '../../../../src/queue/stats/wait-histogram.ts'

test('a percentile is at most a fifth away from the true one', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 3_600_000 }), { minLength: 1, maxLength: 200 }), (waits) => {
      const histogram = new Float64Array(maxBucket + 1)
      for (const ms of waits) histogram[bucketOf(ms)] = (histogram[bucketOf(ms)] ?? 0) + 1
      const sorted = waits.toSorted((a, b) => a - b)
      for (const q of [0.5, 0.95]) {
        const exact = sorted[Math.ceil(q * waits.length) - 1] ?? 0
        expect(Math.abs((percentile(histogram, q) ?? 0) - exact)).toBeLessThanOrEqual(0.2 * exact + 0.5)
      }
    }),
  )
})

test('waits below a millisecond and above an hour have a bucket, and none has no percentile', () => {
  expect([bucketOf(0), bucketOf(Number.NaN), bucketOf(-5)]).toEqual([0, 0, 0])
  expect(bucketOf(Number.MAX_SAFE_INTEGER)).toBe(bucketOf(7_200_000))
  expect(percentile(new Float64Array(maxBucket + 1), 0.5)).toBeNull()
  expect(percentile(Float64Array.of(3, 0), 0.95)).toBe(0)
})
