import { afterEach, expect, test, vi } from 'vitest'
import { BoundedWarnings } from '../../../../src/queue/consume/bounded-warnings.ts'

afterEach(() => void vi.useRealTimers())

function record() {
  vi.useFakeTimers()
  const lines: unknown[] = []
  const log = { warn: (fields: object) => void lines.push(fields) }
  return { lines, warnings: new BoundedWarnings({ log, message: 'refused', fields: { queue: 'io' } }) }
}

test('a hundred warnings are four lines, and those of later are logged again', () => {
  const { lines, warnings } = record()
  for (let job = 0; job < 100; job++) warnings.warn({ job })
  expect(lines).toEqual([{ job: 0 }, { job: 1 }, { job: 2 }])
  vi.advanceTimersByTime(10_000)
  expect(lines.at(-1)).toEqual({ queue: 'io', more: 97 })
  warnings.warn({ job: 100 })
  vi.advanceTimersByTime(10_000)
  expect(lines).toHaveLength(5)
})

test('what was not logged is logged at the close', () => {
  const { lines, warnings } = record()
  for (let job = 0; job < 5; job++) warnings.warn({ job })
  warnings.close()
  warnings.close()
  expect(lines.slice(3)).toEqual([{ queue: 'io', more: 2 }])
})
