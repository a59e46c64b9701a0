import { CronExpression } from './cron-expression.ts'
import { LocalClock } from './local-clock.ts'

/** When a schedule runs: at the times of a cron expression, or every so often from `anchor` on. Times are epoch ms, both ends included. */
export type Timing = (
  | { kind: 'cron'; cron: string; timezone: string }
  | { kind: 'every'; everyMs: number; anchor: number }
) & {
  startAt?: number | undefined
  endAt?: number | undefined
}

const maxTimezoneLength = 100

/** Whether `name` is a time zone of the IANA database as this Node.js knows it. */
export function isTimezone(name: string): boolean {
  if (name.length > maxTimezoneLength) return false
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/** The first tick after `after`; undefined when there is none. What clock changes do: see {@link CronTicks}. */
export function nextTick(timing: Timing, after: number): number | undefined {
  const { startAt = -Infinity, endAt = Infinity } = timing
  const from = Math.max(after, startAt - 1)
  const tick = timing.kind === 'cron' ? new CronTicks(timing).next(from) : nextMultiple(timing, from)
  return tick === undefined || tick > endAt ? undefined : tick
}

/** The last tick at or before `now`, given one that is. */
export function latestTick(timing: Timing, due: number, now: number): number {
  const upTo = Math.min(now, timing.endAt ?? Infinity)
  if (timing.kind === 'every') return due + Math.max(0, Math.floor((upTo - due) / timing.everyMs)) * timing.everyMs
  return new CronTicks(timing).latest(upTo, due)
}

/** The latest tick at or before `now`, given one that is, and the one that follows it. */
export function ticksAt(timing: Timing, due: number, now: number): { fired: number; next: number | undefined } {
  const next = knownNextTick(timing, due)
  // Nearly always: it is fired before the next one is due.
  if (next === undefined || next > now) return { fired: due, next }
  const fired = latestTick(timing, due, now)
  return { fired, next: knownNextTick(timing, fired) }
}

/** Thousands of schedules have the same expression, and are due at the same moment: the next tick takes 0.1 ms to find. */
const nextTicks = new Map<string, number | undefined>()
const maxKnown = 1000

function knownNextTick(timing: Timing, after: number): number | undefined {
  if (timing.kind === 'every') return nextTick(timing, after)
  const { cron, timezone, startAt = '', endAt = '' } = timing
  const key = [after, startAt, endAt, timezone, cron].join(' ')
  const known = nextTicks.get(key)
  if (known !== undefined) return known
  const tick = nextTick(timing, after)
  if (nextTicks.size >= maxKnown) nextTicks.clear()
  nextTicks.set(key, tick)
  return tick
}

function nextMultiple({ everyMs, anchor }: { everyMs: number; anchor: number }, after: number): number {
  return anchor + Math.max(0, Math.floor((after - anchor) / everyMs) + 1) * everyMs
}

const dayMs = 86_400_000

/**
 * The instants at which a cron expression runs in a time zone. docs/schedules.md states the rule:
 *
 * - An expression that names every hour of the day runs whenever the clock shows one of its times: it skips what the clock skips,
 *   and runs in both passes of what comes twice.
 * - Any other runs once for each of its times, when the clock first shows that time or a later one. So a time that the clock
 *   skips runs at the instant of the change, together with all others that the same change skips, and one that comes twice
 *   runs in the first pass.
 */
class CronTicks {
  readonly #expression: CronExpression
  readonly #clock: LocalClock

  constructor({ cron, timezone }: { cron: string; timezone: string }) {
    this.#expression = new CronExpression(cron)
    this.#clock = new LocalClock(timezone)
  }

  /** The first after an instant; undefined when there is none within 50 years. */
  next(after: number): number | undefined {
    if (this.#expression.isHourly) return this.#nextShown(after + 1)
    const local = this.#expression.next(this.#clock.latestShown(after))
    return local === undefined ? undefined : this.#clock.whenReached(local)
  }

  /** The last at or before an instant, or `due`, which is one before it. */
  latest(upTo: number, due: number): number {
    // Its local time may be of another year than its instant.
    const from = due - 2 * dayMs
    if (this.#expression.isHourly) return Math.max(due, this.#latestShown(upTo, from) ?? due)
    const local = this.#expression.latest(this.#clock.latestShown(upTo), from)
    return Math.max(due, local === undefined ? due : this.#clock.whenReached(local))
  }

  /** The first instant from `from` on at which the clock shows a time of the expression. */
  #nextShown(from: number): number | undefined {
    const offset = this.#clock.offset(from)
    const local = this.#expression.next(from + offset - 1)
    if (local === undefined) return undefined
    const tick = local - offset
    const near = Math.min(tick, from + dayMs)
    const change = this.#clock.changeBetween(from, near)
    if (change !== undefined) return this.#nextShown(change)
    // Whatever changes between a day from now and a day before the tick leaves the clock between the two local times.
    return near === tick ? tick : this.#nextShown(Math.max(near, tick - dayMs))
  }

  /** The last instant up to `upTo` at which the clock shows a time of the expression; none is looked for in years before `from`. */
  #latestShown(upTo: number, from: number): number | undefined {
    const offset = this.#clock.offset(upTo)
    const local = this.#expression.latest(upTo + offset, from)
    if (local === undefined) return undefined
    const tick = local - offset
    const near = Math.max(tick, upTo - dayMs)
    const change = this.#clock.changeBetween(near, upTo)
    if (change !== undefined) return this.#latestShown(change - 1, from)
    return near === tick ? tick : this.#latestShown(Math.min(near, tick + dayMs), from)
  }
}
