import { Cron } from 'croner'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { latestTick, nextTick, type Timing } from '../../../../src/queue/schedules/ticks.ts'
import { propertyRuns } from '../../../helpers/property-runs.ts'
import { clockChanges } from './clock-changes.ts'
import { type DrawnCron, drawnCron, runsOn, walk } from './cron-model.ts'

const hourMs = 3_600_000
const minuteMs = 60_000
const changes = clockChanges(2026, 2032)
const anyChange = fc.constantFrom(...changes)

/** The ticks after an instant up to another, as the code under test gives them. */
function ticks(timing: Timing, after: number, to: number): number[] {
  const found: number[] = []
  for (let tick = nextTick(timing, after); tick !== undefined && tick <= to; tick = nextTick(timing, tick)) {
    found.push(tick)
  }
  return found
}

const times = (instants: number[]) => instants.map((at) => new Date(at).toISOString())

test('there are changes to try: of whole and half hours, of two hours and of a day, at midnight too', () => {
  const zones = new Set(changes.map(({ timezone }) => timezone))
  expect(zones.size).toBeGreaterThan(100)
  for (const zone of ['Australia/Lord_Howe', 'Antarctica/Troll', 'Africa/Casablanca', 'Africa/Cairo', 'America/Havana'])
    expect([...zones]).toContain(zone)
})

test('around any change of any clock an expression runs when the rule says so', () => {
  const crons = fc.array(drawnCron(), { minLength: 8, maxLength: 8 })
  fc.assert(
    fc.property(anyChange, crons, fc.integer({ min: -26 * 60, max: 4 * 60 }), ({ timezone, at }, drawn, minutes) => {
      // The walk begins a day before anything is asked, so that it knows what the clock has shown before.
      const clock = walk(timezone, at - 50 * hourMs, at + 30 * hourMs, minuteMs)
      const from = at + minutes * minuteMs
      for (const cron of drawn) expectRuns(cron, timezone, runsOn(cron, clock), from, from + 26 * hourMs)
    }),
    { numRuns: propertyRuns(50) },
  )
}, 120_000)

test('around any change of any clock an expression with seconds runs when the rule says so', () => {
  const crons = fc.array(drawnCron({ withSeconds: true }), { minLength: 4, maxLength: 4 })
  fc.assert(
    fc.property(anyChange, crons, fc.integer({ min: -3600, max: 3600 }), ({ timezone, at }, drawn, seconds) => {
      // Changes of a whole day are for the test above.
      const clock = walk(timezone, at - 4 * hourMs, at + 2 * hourMs, 1000)
      const from = at + seconds * 1000
      for (const cron of drawn) expectRuns(cron, timezone, runsOn(cron, clock), from, from + hourMs)
    }),
    { numRuns: propertyRuns(8) },
  )
}, 120_000)

function expectRuns(cron: DrawnCron, timezone: string, runs: number[], from: number, to: number): void {
  const timing: Timing = { kind: 'cron', cron: cron.text, timezone }
  // An expression for every second has thousands: the first of them and the last say enough.
  const expected = runs.filter((run) => run > from && run <= to)
  const some = expected.slice(0, 40)
  const upTo = some.length < 40 ? to : (some.at(-1) ?? to)
  const label = `${cron.text} in ${timezone} from ${new Date(from).toISOString()}`
  expect(times(ticks(timing, from, upTo)), label).toEqual(times(some))
  const [first] = expected
  if (first !== undefined) expect(latestTick(timing, first, to), label).toBe(expected.at(-1))
}

test('where no clock is changed an expression runs as the library has it', () => {
  const start = Date.parse('2026-01-01T00:00:00Z')
  const zones = ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Asia/Kathmandu', 'Pacific/Chatham', 'Asia/Tokyo']
  fc.assert(
    fc.property(
      fc.oneof(drawnCron(), drawnCron({ withSeconds: true })),
      fc.constantFrom(...zones),
      fc.integer({ min: 0, max: 5 * 365 * 24 * 60 }),
      (cron, timezone, minutes) => {
        const from = start + minutes * minuteMs
        const expected = new Cron(cron.text, { timezone }).nextRun(new Date(from))?.getTime()
        const near = (at: number) =>
          changes.some((change) => change.timezone === timezone && Math.abs(change.at - at) < 25 * hourMs)
        fc.pre(!near(from) && (expected === undefined || !near(expected)))
        expect(nextTick({ kind: 'cron', cron: cron.text, timezone }, from), cron.text).toBe(expected)
      },
    ),
    { numRuns: propertyRuns(100) },
  )
}, 60_000)

test('an expression runs on the days that its two day fields name', () => {
  fc.assert(
    fc.property(drawnCron(), fc.integer({ min: 0, max: 365 * 8 }), (cron, day) => {
      const from = Date.UTC(2026, 0, 1 + day)
      const clock = walk('UTC', from, from + 40 * 24 * hourMs, hourMs)
      // At six o'clock, so that every run falls on a step.
      const [, , ...fields] = cron.text.split(' ')
      const daily = { ...cron, text: `0 6 ${fields.join(' ')}`, minutes: new Set([0]), hours: new Set([6]) }
      const timing: Timing = { kind: 'cron', cron: daily.text, timezone: 'UTC' }
      expect(times(ticks(timing, from, from + 40 * 24 * hourMs)), daily.text).toEqual(times(runsOn(daily, clock)))
    }),
    { numRuns: propertyRuns(50) },
  )
}, 60_000)
