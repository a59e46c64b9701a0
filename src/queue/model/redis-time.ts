import { monotonicMs } from './monotonic.ts'

/** What Redis's clock read when the monotonic clock read 0; undefined: not measured yet. */
let redisAtZero: number | undefined

/** A call to Redis's TIME was sent and answered at these times of the monotonic clock. @param redisMs its answer, in epoch ms */
export function noteRedisTime({
  sentAt,
  answeredAt,
  redisMs,
}: {
  sentAt: number
  answeredAt: number
  redisMs: number
}): void {
  const measured = redisMs - (sentAt + answeredAt) / 2
  const uncertainMs = (answeredAt - sentAt) / 2 + 1
  // A measurement that does not contradict the last one adds nothing but its own uncertainty.
  if (redisAtZero === undefined || Math.abs(measured - redisAtZero) > uncertainMs) redisAtZero = measured
}

/**
 * Epoch ms by Redis's clock, without a call to Redis: all times that are stored, or compared with stored times, come from here, so that the
 * clocks of processes need not agree. It does not follow the wall clock of this process, which may be set.
 *
 * One value for a process, since a process has one Redis. Before the first measurement, which precedes every use in a running process, it is
 * the wall clock.
 */
export const redisNow = (): number => (redisAtZero === undefined ? Date.now() : Math.round(redisAtZero + monotonicMs()))

/** A time of Redis's clock as the wall clock of this process shows it: for BullMQ's loop, which waits by that. */
export const byWallClock = (redisMs: number): number =>
  redisAtZero === undefined ? redisMs : redisMs + Date.now() - redisNow()

/** Wall clocks that differ by less are left as they are, so that lines of one moment keep their order. */
const negligibleMs = 100

/** A time that a process of this machine took from the wall clock, by Redis's clock. Both as ISO 8601. */
export function byRedisClock(at: string): string {
  const behindMs = redisNow() - Date.now()
  return Math.abs(behindMs) < negligibleMs ? at : new Date(Date.parse(at) + behindMs).toISOString()
}
