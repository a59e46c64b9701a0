import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const script = loadScript('bullmq/find-stalled')

/** Bounds of one call, so that it takes Redis less than a millisecond, or few where many have stalled. */
const maxSeen = 500
const maxGivenBack = 100
/** A job that ends meanwhile moves those behind it up: so many are looked at again by the next call. */
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

/** What one call has found. */
export interface StalledPiece {
  /** The jobs that were given back to the head of their queue. */
  ids: string[]
  /** Where the next call goes on; undefined: all jobs were looked at. */
  next: number | undefined
  /** About how many calls it takes to look at all that run. */
  calls: number
}

/**
 * Looks at some of the running jobs, from the `from`th oldest on, and gives those back whose worker has vanished. The caller may look for
 * `holdMs`; another does not meanwhile.
 *
 * @returns for how many ms another looks, unless it goes on; or what was found
 */
export async function findStalled(
  { redis, keys, queue, looker, maxCrashes }: StalledLook,
  from: number,
  holdMs: number,
): Promise<number | StalledPiece> {
  const sets = ['active', 'wait', 'stalled', 'meta', 'marker', 'repeat'].map((set) => keys.bull(queue, set))
  const args = [keys.bull(queue, ''), looker, holdMs, from, maxSeen, maxGivenBack, maxCrashes]
  const reply = await script(redis, [keys.stalledLooker(queue), ...sets], args)
  if (typeof reply === 'number') return reply
  if (!Array.isArray(reply)) throw new TypeError('find-stalled.lua has answered something else')
  const [next, running, ...ids] = reply as [number, number, ...string[]]
  return {
    ids,
    next: next < 0 ? undefined : Math.max(0, next - (next > from ? overlap : 0)),
    calls: Math.ceil(running / (maxSeen - overlap)),
  }
}
