const dayMs = 86_400_000
/** One formatter costs about 0.2 ms to make. Clients can name a zone in more ways than there are zones, so the cache is bounded. */
const maxFormatters = 600
const formatters = new Map<string, Intl.DateTimeFormat>()

/**
 * The wall clock of a time zone. Instants are epoch ms. A local time is a number, too: the epoch ms at which a clock in UTC shows it.
 *
 * It relies on one fact about the time zone database: no clock is changed twice within 48 hours (the shortest distance so far
 * is 95 hours), and none by more than 24 hours.
 */
export class LocalClock {
  readonly #timezone: string

  /** @throws RangeError when there is no such time zone */
  constructor(timezone: string) {
    this.#timezone = timezone
    formatterOf(timezone)
  }

  /** Local time minus UTC at an instant, in ms. */
  offset(at: number): number {
    const text = formatterOf(this.#timezone).format(at)
    const [, sign, hours = '0', minutes = '0', seconds = '0'] =
      /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(text) ?? []
    const ms = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000
    return sign === '-' ? -ms : ms
  }

  /** The instant of the clock change in (`from`, `to`], which are at most two days apart; undefined when there is none. */
  changeBetween(from: number, to: number): number | undefined {
    const before = this.offset(from)
    if (this.offset(to) === before) return undefined
    let [low, high] = [Math.floor(from / 1000), Math.ceil(to / 1000)]
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (this.offset(middle * 1000) === before) low = middle
      else high = middle
    }
    return high * 1000
  }

  /** The latest local time that the clock has shown up to an instant: a clock that was set back has shown later ones before. */
  latestShown(at: number): number {
    const shown = at + this.offset(at)
    const change = this.changeBetween(at - dayMs, at)
    if (change === undefined) return shown
    return Math.max(shown, change - 1 + this.offset(change - 1))
  }

  /** The first instant at which the clock shows a local time or a later one. */
  whenReached(local: number): number {
    const [before, after] = [this.offset(local - dayMs), this.offset(local + dayMs)]
    if (before === after) return local - before
    const change = this.changeBetween(local - dayMs, local + dayMs) ?? local - after
    return local < change + before ? local - before : Math.max(change, local - after)
  }
}

function formatterOf(timezone: string): Intl.DateTimeFormat {
  const known = formatters.get(timezone)
  if (known) return known
  const formatter = new Intl.DateTimeFormat('en-US', { timeZone: timezone, timeZoneName: 'longOffset' })
  if (formatters.size >= maxFormatters) formatters.clear()
  formatters.set(timezone, formatter)
  return formatter
}
