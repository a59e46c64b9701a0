import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cronFault } from '../../../../src/queue/schedules/cron-expression.ts'
import { isTimezone, latestTick, nextTick, type Timing, ticksAt } from '../../../../src/queue/schedules/ticks.ts'

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

/** In Berlin on 28 March 2027 02:00 is 03:00; on 31 October 2027 the hour from 02:00 on comes twice. */
const spring = '2027-03-27T22:59:00Z'
const autumn = '2027-10-30T21:59:00Z'

test.each([
  ['one time', '30 2 * * *', ['2027-03-28T01:00:00.000Z', '2027-03-29T00:30:00.000Z']],
  ['a list of hours', '30 2,14 * * *', ['2027-03-28T01:00:00.000Z', '2027-03-28T12:30:00.000Z']],
  ['a list of minutes', '15,45 2 * * *', ['2027-03-28T01:00:00.000Z', '2027-03-29T00:15:00.000Z']],
  ['a step of minutes', '*/15 2 * * *', ['2027-03-28T01:00:00.000Z', '2027-03-29T00:00:00.000Z']],
  [
    'a range of hours',
    '0 1-3 * * *',
    ['2027-03-28T00:00:00.000Z', '2027-03-28T01:00:00.000Z', '2027-03-28T23:00:00.000Z'],
  ],
  [
    'a step of hours',
    '0 */2 * * *',
    ['2027-03-27T23:00:00.000Z', '2027-03-28T01:00:00.000Z', '2027-03-28T02:00:00.000Z'],
  ],
  ['a day that is changed', '0 2 28 3 *', ['2027-03-28T01:00:00.000Z', '2028-03-28T00:00:00.000Z']],
])('times that the clock skips run once, at the instant of the change: %s', (_, cron, expected) => {
  expect(ticks(berlin(cron), spring, expected.length)).toEqual(expected)
})

test.each([
  ['one time', '30 2 * * *', ['2027-10-31T00:30:00.000Z', '2027-11-01T01:30:00.000Z']],
  ['a list of hours', '0 2,14 * * *', ['2027-10-31T00:00:00.000Z', '2027-10-31T13:00:00.000Z']],
  [
    'a list of minutes',
    '15,45 2 * * *',
    ['2027-10-31T00:15:00.000Z', '2027-10-31T00:45:00.000Z', '2027-11-01T01:15:00.000Z'],
  ],
  [
    'a range of hours',
    '0 1-3 * * *',
    ['2027-10-30T23:00:00.000Z', '2027-10-31T00:00:00.000Z', '2027-10-31T02:00:00.000Z'],
  ],
  [
    'a step of hours',
    '0 */2 * * *',
    ['2027-10-30T22:00:00.000Z', '2027-10-31T00:00:00.000Z', '2027-10-31T03:00:00.000Z'],
  ],
])('times that come twice run in the first pass: %s', (_, cron, expected) => {
  expect(ticks(berlin(cron), autumn, expected.length)).toEqual(expected)
})

test('a schedule of every hour skips what the clock skips, and runs in both passes, also where a clock moves by half an hour', () => {
  const hourly = (cron: string, timezone: string): Timing => ({ kind: 'cron', cron, timezone })
  expect(ticks(berlin('30 * * * *'), '2027-03-27T23:59:00Z', 3)).toEqual([
    '2027-03-28T00:30:00.000Z',
    '2027-03-28T01:30:00.000Z',
    '2027-03-28T02:30:00.000Z',
  ])
  expect(ticks(berlin('30 0-23 * * *'), '2027-10-30T23:59:00Z', 3)).toEqual([
    '2027-10-31T00:30:00.000Z',
    '2027-10-31T01:30:00.000Z',
    '2027-10-31T02:30:00.000Z',
  ])
  expect(ticks(hourly('45 * * * *', 'Australia/Lord_Howe'), '2027-04-03T14:00:00Z', 3)).toEqual([
    '2027-04-03T14:45:00.000Z',
    '2027-04-03T15:15:00.000Z',
    '2027-04-03T16:15:00.000Z',
  ])
})

test('a change at midnight, and a day that a zone leaves out, keep the days of a schedule', () => {
  const daily = (cron: string, timezone: string): Timing => ({ kind: 'cron', cron, timezone })
  expect(ticks(daily('0 0 * * *', 'America/Havana'), '2027-03-13T12:00:00Z', 2)).toEqual([
    '2027-03-14T05:00:00.000Z',
    '2027-03-15T04:00:00.000Z',
  ])
  expect(ticks(daily('0 12 30 12 *', 'Pacific/Apia'), '2011-12-29T00:00:00Z', 2)).toEqual([
    '2011-12-30T10:00:00.000Z',
    '2012-12-29T22:00:00.000Z',
  ])
})

test('with both day fields either is enough, with + both are needed', () => {
  expect(ticks(berlin('0 12 13 * FRI'), '2027-08-07T00:00:00Z', 3)).toEqual([
    '2027-08-13T10:00:00.000Z',
    '2027-08-20T10:00:00.000Z',
    '2027-08-27T10:00:00.000Z',
  ])
  expect(ticks(berlin('0 12 13 * +FRI'), '2027-08-07T00:00:00Z', 2)).toEqual([
    '2027-08-13T10:00:00.000Z',
    '2028-10-13T10:00:00.000Z',
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

test('an invalid expression is reported', () => {
  for (const good of ['* * * * *', '*/5 * * * * *', '0 9 * * MON-FRI', '0 0 L * *', '0 12 1 */3 *'])
    expect(cronFault(good), good).toBeUndefined()
  for (const bad of ['', '* * * *', '60 * * * *', '@daily', 'x * * * *', '* * * * * * *', '2026-11-24T00:00:00'])
    expect(cronFault(bad), bad).toBeDefined()
  // Six words that name a date.
  expect(cronFault('Tue Nov 24 2099 10:00:00 GMT')).toBe('has a character that no cron expression has')
  expect(cronFault(`${'1,'.repeat(4_000_000)}1 * * * *`)).toBe('is longer than 200 characters')
  expect(['Europe/Berlin', 'UTC', 'Mars/Olympus', ''].map(isTimezone)).toEqual([true, true, false, false])
})

test('an expression that names no time is found out in a bounded time', () => {
  const weekdays = Array.from({ length: 23 }, (_, n) => `${n + 1}W`).join(',')
  const never = [
    '0 0 31 2 *',
    '0 0 30 2 *',
    '* * 30,31 2 +1,2,3,4,5,6,0',
    '* * 1-7 1-12 +1#5,2#5,3#5,4#5,5#5',
    `0 0 ${weekdays} * +6`,
  ]
  for (const cron of never) {
    const before = process.cpuUsage()
    expect(cronFault(cron), cron).toBe('names no time in the next 50 years')
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(250)
  }
  // What is rare is found: 29 February on a Monday, the next but one after 40 years.
  expect(ticks(berlin('0 12 29 2 +MON'), '2072-03-01T00:00:00Z', 1)).toEqual(['2112-02-29T11:00:00.000Z'])
  expect(nextTick({ ...berlin('0 12 * * *'), startAt: at('9999-12-31T23:00:00Z') }, 0)).toBeUndefined()
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
        // The latest is itself a tick: a look just before it finds it.
        expect(nextTick(timing, latest - 1)).toBe(latest)
      },
    ),
    { numRuns: 300 },
  )
})

test('the tick to fire, and the one after it, are those of the two questions one by one', () => {
  const timing = fc.oneof(
    fc.record({
      kind: fc.constant('cron' as const),
      cron: fc.constantFrom('* * * * *', '*/7 2,3 * * *', '30 2 * * 0', '15,45 0-23 * * *'),
      timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'Australia/Lord_Howe'),
    }),
    fc.record({
      kind: fc.constant('every' as const),
      everyMs: fc.integer({ min: 1000, max: 10_000_000 }),
      anchor: fc.nat(),
    }),
  )
  const from = fc.integer({ min: at('2027-03-27T00:00:00Z'), max: at('2027-03-29T00:00:00Z') })
  const lateness = fc.oneof(fc.nat(1000), fc.nat(100_000_000))
  fc.assert(
    fc.property(timing, fc.option(fc.nat(200_000_000)), from, lateness, (rule, endsIn, after, lateMs) => {
      const limited: Timing = endsIn === null ? rule : { ...rule, endAt: after + endsIn }
      const due = nextTick(limited, after)
      if (due === undefined) return
      const fired = latestTick(limited, due, due + lateMs)
      const expected = { fired, next: nextTick(limited, fired) }
      // The second time from what is remembered.
      for (let time = 0; time < 2; time++) expect(ticksAt(limited, due, due + lateMs)).toEqual(expected)
    }),
  )
})
