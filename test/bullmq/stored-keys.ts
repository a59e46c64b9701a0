import { isDeepStrictEqual } from 'node:util'
import type { Redis } from 'ioredis'
import type { Keys } from '../../src/queue/redis/keys.ts'
import { queueName } from './worlds.ts'

/**
 * What our backend leaves in Redis otherwise than BullMQ's, and why. All else must be equal.
 *
 * - `marker`: BullMQ sets it with each job that it fetches, so that another worker looks whether there are more; ours sets it only where there are
 *   more, since each look costs an idle worker two round trips. {@link hasMarkerWhereNeeded} holds what it is for.
 * - `<job>:lock`: BullMQ's token belongs to a place of a worker, ours to a fetch, so that it fences attempts, too. That there is a lock is compared.
 * - `meta` `drover.events`: the switch for events.
 * - `lostStarts` and an entry of `stacktrace`: the start that a vanished worker lost, for the history of the job. BullMQ keeps none.
 * - `stalled`: BullMQ marks every running job, and finds those whose mark no renewal has removed; ours looks at the locks.
 * - `events`: a job with `removeOnComplete` or `removeOnFail` is ended by BullMQ's script and the next fetched by another call, so that there may be a
 *   `drained` more. Not compared: the commands fetch none in its place.
 */
const notCompared = new Set(['marker', 'stalled', 'stalled-check'])

async function storedKeys(redis: Redis, keys: Keys): Promise<Record<string, unknown>> {
  const prefix = keys.bull(queueName, '')
  const found: Record<string, unknown> = {}
  for (const key of (await redis.keys(`${prefix.replaceAll(/[{}[\]*?]/g, '\\$&')}*`)).toSorted()) {
    const name = key.slice(prefix.length)
    if (notCompared.has(name)) continue
    found[name] = name.endsWith(':lock') ? 'locked' : await valueOf(redis, key)
  }
  return found
}

/** The keys of two worlds that are not equal, with both values. */
export async function difference(redis: Redis, ours: Keys, stock: Keys): Promise<Record<string, unknown>> {
  const [mine, theirs] = [await storedKeys(redis, ours), await storedKeys(redis, stock)]
  const names = new Set([...Object.keys(mine), ...Object.keys(theirs)])
  const differing = [...names].filter((name) => !isDeepStrictEqual(mine[name], theirs[name]))
  return Object.fromEntries(differing.map((name) => [name, { ours: mine[name], stock: theirs[name] }]))
}

async function valueOf(redis: Redis, key: string): Promise<unknown> {
  switch (await redis.type(key)) {
    case 'hash':
      return readHash(await redis.hgetall(key))
    case 'list':
      return redis.lrange(key, 0, -1)
    case 'set':
      return (await redis.smembers(key)).toSorted()
    case 'zset':
      return redis.zrange(key, '0', '-1', 'WITHSCORES')
    case 'stream':
      return (await redis.xrange(key, '-', '+')).map(([, fields]) => fields.join(' '))
    default:
      return redis.get(key)
  }
}

/** Options are compared as what they say: the order of their names, and how Lua writes them, are no difference. */
function readHash({
  opts,
  lostStarts,
  stacktrace,
  'drover.events': _switch,
  ...hash
}: Record<string, string>): Record<string, unknown> {
  const starts: string[] = JSON.parse(stacktrace ?? '[]')
  const kept = lostStarts === undefined ? starts : starts.filter((start) => !start.includes('"outcome":"worker_lost"'))
  return {
    ...hash,
    ...(opts !== undefined && { opts: JSON.parse(opts) }),
    ...(stacktrace !== undefined && (kept.length > 0 || lostStarts === undefined) && { stacktrace: kept }),
  }
}

/** Whether a worker that waits would be woken for every job that can be fetched. */
export async function hasMarkerWhereNeeded(redis: Redis, keys: Keys): Promise<boolean> {
  const bull = (suffix: string) => keys.bull(queueName, suffix)
  const waiting = (await redis.llen(bull('wait'))) + (await redis.zcard(bull('prioritized')))
  const mayFetch = waiting > 0 && (await redis.hexists(bull('meta'), 'paused')) === 0
  return !mayFetch || (await redis.zscore(bull('marker'), '0')) !== null
}
