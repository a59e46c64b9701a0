const weekMs = 7 * 86_400_000

/** A change of a zone's clock: the first instant at which it shows the new time. */
export interface ClockChange {
  timezone: string
  at: number
}

/** Changes before the years that are searched, since nothing like them is announced: whole days left out, and odd steps. */
const rare: [timezone: string, day: string][] = [
  ['Pacific/Apia', '2011-12-30'],
  ['Pacific/Fakaofo', '2011-12-30'],
  ['Pacific/Kwajalein', '1993-08-21'],
  ['Pacific/Kiritimati', '1994-12-31'],
  ['Antarctica/Casey', '2020-10-03'],
  ['Antarctica/Casey', '2020-03-07'],
  ['Antarctica/Casey', '2023-03-08'],
  ['America/Caracas', '2007-12-09'],
  ['America/Caracas', '2016-05-01'],
  ['Asia/Pyongyang', '2015-08-14'],
  ['Asia/Pyongyang', '2018-05-04'],
  ['Asia/Kathmandu', '1985-12-31'],
  ['Asia/Singapore', '1981-12-31'],
]

/** Every change of every zone that this Node.js knows in some years, and rare ones of the past. */
export function clockChanges(fromYear: number, toYear: number): ClockChange[] {
  const found: ClockChange[] = []
  for (const timezone of Intl.supportedValuesOf('timeZone')) {
    const offset = offsetReader(timezone)
    const end = Date.UTC(toYear, 0)
    for (let from = Date.UTC(fromYear, 0); from < end; from += weekMs) {
      const at = findChange(offset, from, from + weekMs)
      if (at !== undefined) found.push({ timezone, at })
    }
  }
  for (const [timezone, day] of rare) {
    const middle = Date.parse(day)
    const at = findChange(offsetReader(timezone), middle - weekMs / 2, middle + weekMs / 2)
    if (at === undefined) throw new Error(`${timezone} has no change on ${day}`)
    found.push({ timezone, at })
  }
  return found
}

function offsetReader(timezone: string): (at: number) => string {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: timezone, timeZoneName: 'longOffset' })
  return (at) => format.format(at).split(', ')[1] ?? ''
}

function findChange(offset: (at: number) => string, from: number, to: number): number | undefined {
  const before = offset(from)
  if (offset(to) === before) return undefined
  let [low, high] = [from, to]
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2000) * 1000
    if (offset(middle) === before) low = middle
    else high = middle
  }
  return high
}
