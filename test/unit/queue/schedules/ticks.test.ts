import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cronFault, isTimezone, latestTick, nextTick, type Timing } from '../../../../src/queue/schedules/ticks.ts'

const at = (text: string) => Date.parse(text)
const berlin = (cron: string): Timing => ({ kind: 'cron', cron, timezone: 'Europe/Berlin' })

function ticks(timing: Timing, after: string, count: number): string[] {
  const found: string[] = []
  let tick: number | undefined = at(after)
  while (tick !== undefined && found.length < count) {
    tick = nextTick(timing, tick)
    found.push(tick === undefined ? 'none' : new Date(tick).toISOString())
  }
  return found
}

test('a daily time keeps its place on the clock when the clock is changed', () => {
  expect(ticks(berlin('0 9 * * *'), '2026-03-28T00:00:00Z', 3)).toEqual([
    '2026-03-28T08:00:00.000Z',
    '2026-03-29T07:00:00.000Z',
    '2026-03-30T07:00:00.000Z',
  ])
  expect(ticks(berlin('0 9 * * *'), '2026-10-24T00:00:00Z', 2)).toEqual([
    '2026-10-24T07:00:00.000Z',
    '2026-10-25T08:00:00.000Z',
  ])
})

test('a time that the clock skips runs once, at the end of the gap; one that comes twice runs the first time', () => {
  expect(ticks(berlin('30 2 * * *'), '2026-03-28T12:00:00Z', 2)).toEqual([
    '2026-03-29T01:00:00.000Z',
    '2026-03-30T00:30:00.000Z',
  ])
  expect(ticks(berlin('30 2 * * *'), '2026-10-24T12:00:00Z', 2)).toEqual([
    '2026-10-25T00:30:00.000Z',
    '2026-10-26T01:30:00.000Z',
  ])
})

test('what runs every half hour runs every half hour through both changes', () => {
  for (const from of ['2026-03-29T00:00:00Z', '2026-10-24T23:00:00Z']) {
    const found = ticks(berlin('*/30 * * * *'), from, 8).map(at)
    expect(found.map((tick, n) => tick - (n === 0 ? at(from) : (found[n - 1] ?? 0)))).toEqual(
      Array.from({ length: 8 }, () => 1_800_000),
    )
  }
})

test('start and end bound the ticks, both included', () => {
  const bounded = { ...berlin('0 0 12 * * *'), startAt: at('2026-01-02T11:00:00Z'), endAt: at('2026-01-03T11:00:00Z') }
  expect(ticks(bounded, '2025-06-01T00:00:00Z', 3)).toEqual([
    '2026-01-02T11:00:00.000Z',
    '2026-01-03T11:00:00.000Z',
    'none',
  ])
  expect(latestTick(bounded, at('2026-01-02T11:00:00Z'), at('2026-02-01T00:00:00Z'))).toBe(at('2026-01-03T11:00:00Z'))
  const every: Timing = { kind: 'every', everyMs: 1000, anchor: 5000, startAt: 5000, endAt: 7500 }
  expect([0, 4999, 5000, 6500, 7000].map((after) => nextTick(every, after))).toEqual([
    5000,
    5000,
    6000,
    7000,
    undefined,
  ])
  expect(latestTick(every, 5000, 100_000)).toBe(7000)
})

test('an expression that cannot be used is said to be so', () => {
  for (const good of ['* * * * *', '*/5 * * * * *', '0 9 * * MON-FRI', '0 0 L * *', '0 12 1 */3 *'])
    expect(cronFault(good), good).toBeUndefined()
  for (const bad of ['', '* * * *', '60 * * * *', '@daily', 'x * * * *', '* * * * * * *', '2026-11-24T00:00:00'])
    expect(cronFault(bad), bad).toBeDefined()
  expect(cronFault('0 0 31 2 *')).toBe('names no time in the future')
  expect(['Europe/Berlin', 'UTC', 'Mars/Olympus', ''].map(isTimezone)).toEqual([true, true, false, false])
})

const timings = fc.oneof(
  fc
    .record({
      everyMs: fc.integer({ min: 1000, max: 10_000_000 }),
      anchor: fc.integer({ min: 0, max: 2_000_000_000_000 }),
    })
    .map(({ everyMs, anchor }): Timing => ({ kind: 'every', everyMs, anchor })),
  fc
    .record({
      cron: fc.constantFrom('* * * * *', '*/7 * * * * *', '30 2 * * *', '15 */3 * * *', '0 0 1 * *', '0 1,2,3 * * SUN'),
      timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata'),
    })
    .map(({ cron, timezone }): Timing => ({ kind: 'cron', cron, timezone })),
)

test('the latest tick of any time is due, not after it, and followed by one that is', () => {
  fc.assert(
    fc.property(
      timings,
      fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2027-12-01T00:00:00Z') }),
      fc.integer({ min: 0, max: 40 * 86_400_000 }),
      (timing, from, lateMs) => {
        const due = nextTick(timing, from) ?? Number.NaN
        expect(due).toBeGreaterThan(from)
        const latest = latestTick(timing, due, due + lateMs)
        expect(latest).toBeGreaterThanOrEqual(due)
        expect(latest).toBeLessThanOrEqual(due + lateMs)
        expect(nextTick(timing, latest)).toBeGreaterThan(due + lateMs)
        // The latest is itself a tick: whoever looks just before it finds it.
        expect(nextTick(timing, latest - 1)).toBe(latest)
      },
    ),
    { numRuns: 300 },
  )
})
