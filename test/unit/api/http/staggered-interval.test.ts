import { expect, onTestFinished, test, vi } from 'vitest'
import { StaggeredInterval } from '../../../../src/api/http/staggered-interval.ts'

test('each member is called once per interval, and few are called together', () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const calls = new Map<number, number>()
  let together = 0
  const interval = new StaggeredInterval<number>(15_000, (member) => {
    together += 1
    calls.set(member, (calls.get(member) ?? 0) + 1)
  })
  const takeOut = Array.from({ length: 6000 }, (_, n) => interval.add(n))
  expect([...interval]).toHaveLength(6000)
  let max = 0
  for (let ms = 0; ms < 30_000; ms += 250) {
    vi.advanceTimersByTime(250)
    max = Math.max(max, together)
    together = 0
  }
  expect(max).toBe(100)
  expect([...calls.values()].every((count) => count === 2)).toBe(true)

  expect(takeOut.map((take) => take())).not.toContain(false)
  expect(takeOut[0]?.()).toBe(false)
  interval.stop()
  vi.advanceTimersByTime(60_000)
  expect(calls.get(0)).toBe(2)
})
