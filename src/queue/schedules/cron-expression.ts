import { Cron } from 'croner'
import { redisNow } from '../model/redis-time.ts'

/** Longer expressions are refused before anything reads them. */
export const maxCronLength = 200

/** The calendar repeats every combination of date and weekday within 40 years. What names no time in 50 names none. */
const maxYears = 50
/** The last that the library knows. */
const lastYear = 9999

/**
 * The local times that a cron expression names, as epoch ms of a clock in UTC (see `LocalClock`). Five fields, or six with seconds
 * first. Clock changes are not its concern: it reads the calendar, in which every time occurs once.
 */
export class CronExpression {
  readonly #fields: readonly string[]

  /** `cron` is one for which {@link cronFault} finds no fault. */
  constructor(cron: string) {
    const fields = fieldsOf(cron)
    this.#fields = fields.length === 5 ? ['0', ...fields] : fields
  }

  /** Whether it names every hour of the day, however that is written: `*`, `0-23`. */
  get isHourly(): boolean {
    const hours = this.#fields[2] ?? ''
    if (hours === '*') return true
    const daily = new Cron(`0 0 ${hours} * * *`, { utcOffset: 0 })
    return Array.from({ length: 24 }).every((_, hour) => daily.match(new Date(hour * 3_600_000)))
  }

  /** The first local time after another. Undefined: none within 50 years. @throws when this is no cron expression */
  next(after: number): number | undefined {
    const year = new Date(after).getUTCFullYear()
    return this.#within(year, year + maxYears)
      .nextRun(new Date(after))
      ?.getTime()
  }

  /** The last local time at or before another, and not in a year before that of `from`. */
  latest(upTo: number, from: number): number | undefined {
    const years = this.#within(new Date(from).getUTCFullYear(), new Date(upTo).getUTCFullYear())
    // The library counts in whole seconds, and looks before the time that it is given.
    return years.previousRuns(1, new Date(Math.floor(upTo / 1000) * 1000 + 1000))[0]?.getTime()
  }

  /** The library's seventh field bounds its work: without years it looks for 30 February in 400 of them. */
  #within(from: number, to: number): Cron {
    const years = `${Math.min(from, lastYear)}-${Math.min(to, lastYear)}`
    return new Cron([...this.#fields, years].join(' '), { utcOffset: 0, mode: '7-part' })
  }
}

/** Why a cron expression cannot be used; undefined when it can. `now` is epoch ms: a time must follow it. */
export function cronFault(cron: string, now = redisNow()): string | undefined {
  if (cron.length > maxCronLength) return `is longer than ${maxCronLength} characters`
  // The library would read a date as an expression that runs once.
  if (!/^[\s\w*?,/#+-]*$/.test(cron)) return 'has a character that no cron expression has'
  const fields = fieldsOf(cron).length
  if (fields !== 5 && fields !== 6) return 'has not five fields, or six with seconds first'
  try {
    return new CronExpression(cron).next(now) === undefined ? 'names no time in the next 50 years' : undefined
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return `is no cron expression (${error.message.replace(/^CronPattern: /, '')})`
  }
}

function fieldsOf(cron: string): string[] {
  return cron.trim().split(/\s+/)
}
