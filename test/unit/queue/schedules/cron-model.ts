import fc from 'fast-check'

/** A drawn expression: its text, and what its fields mean. Nothing here reads the text. */
export interface DrawnCron {
  text: string
  seconds: ReadonlySet<number>
  minutes: ReadonlySet<number>
  hours: ReadonlySet<number>
  months: ReadonlySet<number>
  isDay: (date: DateParts) => boolean
}

/** A day of the calendar. `weekday`: 0 is Sunday. `last`: how many days its month has. */
interface DateParts {
  day: number
  month: number
  weekday: number
  last: number
}

interface Field<T> {
  text: string
  meaning: T
}

const all = (min: number, max: number) => Array.from({ length: max - min + 1 }, (_, n) => min + n)

// `5`, `1-4`, `*/3`, `2-20/5`, and lists of these.
function numbers(min: number, max: number): fc.Arbitrary<Field<Set<number>>> {
  const number = fc.integer({ min, max })
  const ends = fc.tuple(number, number).map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)])
  const step = fc.integer({ min: 1, max: max - min + 1 })
  const item = fc.oneof(
    { weight: 4, arbitrary: number.map((n) => ({ text: `${n}`, meaning: [n] })) },
    { weight: 2, arbitrary: ends.map(([a, b]) => ({ text: `${a}-${b}`, meaning: all(a, b) })) },
    {
      weight: 1,
      arbitrary: step.map((by) => ({ text: `*/${by}`, meaning: all(min, max).filter((n) => (n - min) % by === 0) })),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(ends, step)
        .map(([[a, b], by]) => ({ text: `${a}-${b}/${by}`, meaning: all(a, b).filter((n) => (n - a) % by === 0) })),
    },
  )
  return fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => ({
    text: items.map(({ text }) => text).join(','),
    meaning: new Set(items.flatMap(({ meaning }) => meaning)),
  }))
}

function orEvery(field: fc.Arbitrary<Field<Set<number>>>, min: number, max: number, weight: number) {
  const every = fc.constantFrom('*', '?').map((text) => ({ text, meaning: new Set(all(min, max)) }))
  return fc.oneof({ weight: 3, arbitrary: field }, { weight, arbitrary: every })
}

type IsDay = (date: DateParts) => boolean

/** Which day a month has for `nW`: the weekday nearest to its nth day, within the month. */
function nearestWeekday(n: number, { day, weekday, last }: DateParts): number | undefined {
  if (n > last) return undefined
  const of = (((weekday + n - day) % 7) + 7) % 7
  if (of === 6) return n === 1 ? n + 2 : n - 1
  if (of === 0) return n === last ? n - 2 : n + 1
  return n
}

const dayOfMonth: fc.Arbitrary<Field<IsDay> | undefined> = fc.oneof(
  { weight: 5, arbitrary: fc.constant(undefined) },
  {
    weight: 3,
    arbitrary: numbers(1, 31).map(({ text, meaning }) => ({ text, meaning: ({ day }: DateParts) => meaning.has(day) })),
  },
  { weight: 1, arbitrary: fc.constant({ text: 'L', meaning: ({ day, last }: DateParts) => day === last }) },
  {
    weight: 1,
    arbitrary: fc
      .integer({ min: 1, max: 31 })
      .map((n) => ({ text: `${n}W`, meaning: (date: DateParts) => nearestWeekday(n, date) === date.day })),
  },
)

const names = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']
const dayOfWeek: fc.Arbitrary<Field<IsDay> | undefined> = fc.oneof(
  { weight: 5, arbitrary: fc.constant(undefined) },
  {
    weight: 2,
    arbitrary: numbers(0, 6).map(({ text, meaning }) => ({
      text,
      meaning: ({ weekday }: DateParts) => meaning.has(weekday),
    })),
  },
  {
    weight: 1,
    arbitrary: fc
      .integer({ min: 0, max: 6 })
      .map((n) => ({ text: names[n] ?? '', meaning: ({ weekday }: DateParts) => weekday === n })),
  },
  { weight: 1, arbitrary: fc.constant({ text: '7', meaning: ({ weekday }: DateParts) => weekday === 0 }) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 1, max: 5 })).map(([n, nth]) => ({
      text: `${n}#${nth}`,
      meaning: ({ weekday, day }: DateParts) => weekday === n && Math.ceil(day / 7) === nth,
    })),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 0, max: 6 }).map((n) => ({
      text: `${n}L`,
      meaning: ({ weekday, day, last }: DateParts) => weekday === n && day > last - 7,
    })),
  },
)

const days = fc.tuple(dayOfMonth, dayOfWeek, fc.boolean()).map(([date, weekday, both]) => {
  if (!date || !weekday) {
    return { date: date?.text ?? '*', weekday: weekday?.text ?? '*', isDay: date?.meaning ?? weekday?.meaning }
  }
  const isDay = both
    ? (parts: DateParts) => date.meaning(parts) && weekday.meaning(parts)
    : (parts: DateParts) => date.meaning(parts) || weekday.meaning(parts)
  return { date: date.text, weekday: both ? `+${weekday.text}` : weekday.text, isDay }
})

/** Expressions of five fields, or of six with `withSeconds`. */
export function drawnCron({ withSeconds = false } = {}): fc.Arbitrary<DrawnCron> {
  return fc
    .record({
      seconds: withSeconds ? orEvery(numbers(0, 59), 0, 59, 1) : fc.constant({ text: '', meaning: new Set([0]) }),
      minutes: orEvery(numbers(0, 59), 0, 59, 1),
      hours: orEvery(numbers(0, 23), 0, 23, 2),
      months: orEvery(numbers(1, 12), 1, 12, 6),
      days,
    })
    .map(({ seconds, minutes, hours, months, days: { date, weekday, isDay = () => true } }) => ({
      text: [seconds.text, minutes.text, hours.text, date, months.text, weekday].join(' ').trim(),
      seconds: seconds.meaning,
      minutes: minutes.meaning,
      hours: hours.meaning,
      months: months.meaning,
      isDay,
    }))
}

/** Whether an expression names a local time, written as the epoch ms at which a clock in UTC shows it. */
function namesTime(cron: DrawnCron, local: number): boolean {
  const time = new Date(local)
  if (!cron.minutes.has(time.getUTCMinutes()) || !cron.hours.has(time.getUTCHours())) return false
  const month = time.getUTCMonth() + 1
  if (!cron.seconds.has(time.getUTCSeconds()) || !cron.months.has(month)) return false
  const last = new Date(Date.UTC(time.getUTCFullYear(), month, 0)).getUTCDate()
  return cron.isDay({ day: time.getUTCDate(), month, weekday: time.getUTCDay(), last })
}

/** What a clock shows from one instant on, at each step of `stepMs`. */
export interface Walk {
  from: number
  stepMs: number
  shown: number[]
}

/** Reads a zone's clock step by step. Instants and the step are whole seconds. */
export function walk(timezone: string, from: number, to: number, stepMs: number): Walk {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  })
  const shown: number[] = []
  for (let at = from; at <= to; at += stepMs) {
    const [month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0] = format.format(at).split(/\D+/).map(Number)
    shown.push(Date.UTC(year, month - 1, day, hour, minute, second))
  }
  return { from, stepMs, shown }
}

/**
 * All instants of a walk at which an expression runs, found by looking at the clock at every step, as somebody with a list in
 * the hand would: the rule of docs/schedules.md, and none of the code under test.
 */
export function runsOn(cron: DrawnCron, { from, stepMs, shown }: Walk): number[] {
  const runs: number[] = []
  let furthest = (shown[0] ?? 0) - stepMs
  for (const [n, local] of shown.entries()) {
    const at = from + n * stepMs
    if (cron.hours.size === 24) {
      if (namesTime(cron, local)) runs.push(at)
      continue
    }
    let isDue = false
    // Usually one step; all of a gap where the clock jumps; none where it shows again what it has shown.
    for (let reached = furthest + stepMs; reached <= local; reached += stepMs) isDue ||= namesTime(cron, reached)
    if (isDue) runs.push(at)
    furthest = Math.max(furthest, local)
  }
  return runs
}
