import { asyncProperty, check, integer } from 'fast-check'
import { describe, expect, test } from 'vitest'
import countPrimes from '../../../src/jobs/catalog/count-primes.ts'
import { runJob, startJob } from '../../helpers/job-context.ts'

function countNaively(limit: number): { count: number; largest: number | null } {
  const primes: number[] = []
  for (let candidate = 2; candidate < limit; candidate++) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate)
  }
  return { count: primes.length, largest: primes.at(-1) ?? null }
}

describe('count-primes', () => {
  test.each([
    [2, 0, null],
    [3, 1, 2],
    [4, 2, 3],
    [5, 2, 3],
    [6, 3, 5],
    [97, 24, 89],
    [98, 25, 97],
    [100, 25, 97],
    [1_000_000, 78_498, 999_983],
    [5_000_000, 348_513, 4_999_999],
    [100_000_000, 5_761_455, 99_999_989],
  ])('below %i there are %i primes, the largest is %s', async (limit, count, largest) => {
    expect(await runJob(countPrimes, { limit })).toEqual({ count, largest })
  })

  test('agrees with trial division', async () => {
    const result = await check(
      asyncProperty(integer({ min: 2, max: 3000 }), async (limit) => {
        expect(await runJob(countPrimes, { limit })).toEqual(countNaively(limit))
      }),
    )
    expect(result.counterexample).toBeNull()
  })

  test('agrees with itself across the borders of its segments', async () => {
    for (const border of [1 << 14, 1 << 15, 3 << 14]) {
      for (const limit of [border - 1, border, border + 1, border + 2]) {
        expect(await runJob(countPrimes, { limit })).toEqual(countNaively(limit))
      }
    }
  })

  test.each([100, 1_000_000, 5_000_000, 100_000_000])(
    'reports rising progress that ends at 1, up to %i',
    async (limit) => {
      const job = startJob(countPrimes, { limit })
      await job.done
      const fractions = job.progress.map(({ fraction }) => fraction)
      expect(fractions).toEqual([...new Set(fractions)].sort((a, b) => a - b))
      expect(fractions.at(-1)).toBe(1)
      expect(fractions.length).toBeLessThanOrEqual(51)
      expect(fractions.length).toBeGreaterThanOrEqual(limit === 100 ? 1 : 19)
    },
  )

  test('stops between two segments when it is aborted', async () => {
    const job = startJob(countPrimes, { limit: 100_000_000 }, { onProgress: () => job.abort(new Error('stop')) })
    await expect(job.done).rejects.toThrow('stop')
    expect(job.progress).toHaveLength(1)
  })
})
