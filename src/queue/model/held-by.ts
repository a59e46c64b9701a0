import type { Place } from './place.ts'

/** Why a job waits although its time has come, and since when, in epoch ms. */
export interface HeldBy {
  kind: 'paused' | 'no_worker' | 'unknown_type'
  since: number
}

/** A worker whose last heartbeat is older than this does not count: three intervals of the heartbeat. */
export const heartbeatExpiryMs = 15_000

/** The queue of a job that waits, at one moment. Times in epoch ms. */
export interface WaitingQueue {
  now: number
  isPaused: boolean
  /** Undefined where a tool of BullMQ paused it. */
  pausedAt: number | undefined
  /** When a worker last stopped. */
  workerLeftAt: number | undefined
  /** The last heartbeat of a worker that has not stopped. */
  lastBeat: number | undefined
}

/** What holds the jobs of a queue that could start since `since`; undefined: nothing. */
export function heldByQueue(queue: WaitingQueue, since: number): HeldBy | undefined {
  const { now, isPaused, pausedAt = since, workerLeftAt = since, lastBeat } = queue
  if (isPaused) return { kind: 'paused', since: Math.max(since, pausedAt) }
  const isConsumed = lastBeat !== undefined && lastBeat > now - heartbeatExpiryMs
  return isConsumed ? undefined : { kind: 'no_worker', since: Math.max(since, workerLeftAt, lastBeat ?? since) }
}

/** Since when no worker has known the type of a waiting job; undefined: none has refused it since its last start. */
export function unknownSince(hash: Readonly<Record<string, string>>): number | undefined {
  const [, starts, since] = /^(\d+) (\d+)$/.exec(hash['unknownSince'] ?? '') ?? []
  return Number(starts) === Number(hash['ats'] ?? 0) + 1 ? Number(since) : undefined
}

/** Where a job waits, as clients see it: one whose time has come is queued, wherever BullMQ keeps it. */
export function shownPlace(
  place: Place,
  isUnknown: boolean,
  dueAt: number | undefined,
  now: number | undefined,
): Place {
  const isDue = isUnknown || (dueAt !== undefined && now !== undefined && dueAt <= now)
  return place === 'delayed' && isDue ? 'waiting' : place
}
