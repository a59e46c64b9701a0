import { expect, onTestFinished, test, vi } from 'vitest'
import { Rounds } from '../../../../src/api/http/staggered-interval.ts'

test('each member has its turn once a round, and few have it together', () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const turns = new Map<number, number>()
  let together = 0
  const rounds = new Rounds<number>(15_000, (member) => {
    together += 1
    turns.set(member, (turns.get(member) ?? 0) + 1)
  })
  const takeOut = Array.from({ length: 6000 }, (_, n) => rounds.add(n))
  expect([...rounds]).toHaveLength(6000)
  let most = 0
  for (let ms = 0; ms < 30_000; ms += 250) {
    vi.advanceTimersByTime(250)
    most = Math.max(most, together)
    together = 0
  }
  expect(most).toBe(100)
  expect([...turns.values()].every((count) => count === 2)).toBe(true)

  expect(takeOut.map((take) => take())).not.toContain(false)
  expect(takeOut[0]?.()).toBe(false)
  rounds.stop()
  vi.advanceTimersByTime(60_000)
  expect(turns.get(0)).toBe(2)
})
