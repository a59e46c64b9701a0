import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const script = loadScript('bullmq/find-stalled')

/** Bounds of one call, so that it takes Redis less than a millisecond, or few where many have stalled. */
const maxSeen = 500
const maxGivenBack = 100
/** The list is in the order of starts, but for the clocks of workers: so many are looked at again by the next call. */
const overlap = 100

/** Who looks for stalled jobs of a queue, and how. */
export interface StalledLook {
  redis: Redis
  keys: Keys
  queue: string
  /** Of the process, or of this part of it. */
  looker: string
  /** A job that stalls more often than this is to fail. */
  maxCrashes: number
}

/** How far a look has come: so many of the oldest jobs were looked at, the newest of which has its place by `start`; 0: there is nothing to look for. */
export interface LookedUpTo {
  count: number
  start: number
}
export const fromOldest: LookedUpTo = { count: 0, start: 0 }

/** What one call has found. */
export interface StalledPiece {
  /** The jobs that were given back to the head of their queue. */
  ids: string[]
  /** Where the next call goes on; undefined: all jobs were looked at. */
  next: LookedUpTo | undefined
  /** There may be more to give back where this call looked. */
  isFull: boolean
  /** About how many calls it takes to look at all that run. */
  calls: number
}

/**
 * Looks at some of the running jobs, behind those that were looked at `upTo` there, and gives those back whose worker has vanished. The caller
 * may look for `holdMs`; another does not meanwhile.
 *
 * @returns for how many ms another looks, unless it goes on; or what was found
 */
export async function findStalled(
  { redis, keys, queue, looker, maxCrashes }: StalledLook,
  { count, start }: LookedUpTo,
  holdMs: number,
): Promise<number | StalledPiece> {
  const sets = ['active', 'wait', 'stalled', 'meta', 'marker', 'repeat'].map((set) => keys.bull(queue, set))
  const args = [keys.bull(queue, ''), looker, holdMs, count, maxSeen, maxGivenBack, maxCrashes, start, overlap]
  const reply = await script(redis, [keys.stalledLooker(queue), ...sets], args)
  if (typeof reply === 'number') return reply
  if (!Array.isArray(reply)) throw new TypeError('find-stalled.lua has answered something else')
  const [next, running, seenUntil, ...ids] = reply as [number, number, string, ...string[]]
  return {
    ids,
    next: next < 0 ? undefined : { count: next, start: Number(seenUntil) },
    isFull: ids.length === maxGivenBack,
    calls: Math.ceil(running / (maxSeen - overlap)),
  }
}
