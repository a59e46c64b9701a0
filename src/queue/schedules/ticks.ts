import { Cron } from 'croner'

/** When a schedule runs: at the times of a cron expression, or every so often from `anchor` on. Times are epoch ms, both ends included. */
export type Timing = (
  | { kind: 'cron'; cron: string; timezone: string }
  | { kind: 'every'; everyMs: number; anchor: number }
) & {
  startAt?: number | undefined
  endAt?: number | undefined
}

/** Why a cron expression cannot be used; undefined when it can. Five fields, or six with seconds first. */
export function cronFault(cron: string): string | undefined {
  const fields = cron.trim().split(/\s+/).length
  if (fields !== 5 && fields !== 6) return 'has not five fields, or six with seconds first'
  try {
    return new Cron(cron, { timezone: 'UTC' }).nextRun() === null ? 'names no time in the future' : undefined
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return `is no cron expression (${error.message.replace(/^CronPattern: /, '')})`
  }
}

/** Whether `name` is a time zone of the IANA database as this Node.js knows it. */
export function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/**
 * The first tick after `after`; undefined when there is none. A local time that a clock change skips runs at the end of the gap;
 * one that comes twice runs the first time.
 */
export function nextTick(timing: Timing, after: number): number | undefined {
  const { startAt = -Infinity, endAt = Infinity } = timing
  const from = Math.max(after, startAt - 1)
  const tick = timing.kind === 'cron' ? nextCronTick(timing, from) : nextMultiple(timing, from)
  return tick === undefined || tick > endAt ? undefined : tick
}

/** The last tick at or before `now`, given one that is. */
export function latestTick(timing: Timing, due: number, now: number): number {
  const upTo = Math.min(now, timing.endAt ?? Infinity)
  if (timing.kind === 'every') return due + Math.max(0, Math.floor((upTo - due) / timing.everyMs)) * timing.everyMs
  const following = nextTick(timing, due)
  if (following === undefined || following > upTo) return due
  const cron = parseCron(timing)
  // The library counts in whole seconds, and looks before the time that it is given.
  let latest = previous(cron, upTo + 1000)
  if (latest > upTo) latest = previous(cron, latest)
  return Math.max(latest, due)
}

function nextMultiple({ everyMs, anchor }: { everyMs: number; anchor: number }, after: number): number {
  return anchor + Math.max(0, Math.floor((after - anchor) / everyMs) + 1) * everyMs
}

function nextCronTick(timing: { cron: string; timezone: string }, after: number): number | undefined {
  return parseCron(timing).nextRun(new Date(after))?.getTime()
}

function previous(cron: Cron, before: number): number {
  return cron.previousRuns(1, new Date(before))[0]?.getTime() ?? -Infinity
}

function parseCron({ cron, timezone }: { cron: string; timezone: string }): Cron {
  return new Cron(cron, { timezone })
}
