import fc from 'fast-check'
import { expect, test } from 'vitest'
import { retryDelay } from '../../../../src/worker/execution/retry-delay.ts'

const failure = { code: 'job_failed', message: '', retryable: true }
const backoff = { type: 'exponential', delayMs: 1000, jitter: 0 } as const
const first = { failure, attempt: 1, maxAttempts: 5, backoff, random: 0 }

test('the delay doubles or stays, and a delay of the failure takes precedence', () => {
  const exponential = [1, 2, 3, 4].map((attempt) => retryDelay({ ...first, attempt }))
  expect(exponential).toEqual([1000, 2000, 4000, 8000])
  const fixed = [1, 2, 3].map((attempt) => retryDelay({ ...first, attempt, backoff: { ...backoff, type: 'fixed' } }))
  expect(fixed).toEqual([1000, 1000, 1000])
  expect(retryDelay({ ...first, failure: { ...failure, retryAfterMs: 7 } })).toBe(7)
  expect(retryDelay({ ...first, failure: { ...failure, retryAfterMs: 3 * 86_400_000 } })).toBe(3 * 86_400_000)
})

test('there is no delay after the last attempt or a permanent failure', () => {
  expect(retryDelay({ ...first, attempt: 5 })).toBeUndefined()
  expect(retryDelay({ ...first, failure: { ...failure, retryable: false } })).toBeUndefined()
})

test('jitter only shortens, by at most its share; no backoff is longer than a day', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 1, max: 999 }),
      (random, jitter, attempt) => {
        const full = Math.min(1000 * 2 ** (attempt - 1), 86_400_000)
        const delay =
          retryDelay({ ...first, attempt, maxAttempts: 1000, backoff: { ...backoff, jitter }, random }) ?? -1
        expect(delay).toBeLessThanOrEqual(full)
        expect(delay).toBeGreaterThanOrEqual(Math.floor(full * (1 - jitter)))
      },
    ),
  )
})
