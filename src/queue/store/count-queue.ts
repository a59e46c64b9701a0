import { z } from 'zod'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const count = loadScript('store/count-queue')

/** A worker whose last heartbeat is older than this is not counted: three intervals of the heartbeat. */
export const heartbeatExpiryMs = 15_000

/** A queue at one moment. */
export interface QueueCounts {
  name: string
  paused: boolean
  workers: number
  scheduled: number
  queued: number
  running: number
  succeeded: number
  failed: number
  /** The ids at the head of the queue: one of them has waited longest. */
  first: string[]
}

/** Counts the jobs and workers of a queue. @throws QueueUnavailableError */
export async function countQueue(redis: Redis, keys: Keys, name: string): Promise<QueueCounts> {
  const sets = ['delayed', 'prioritized', 'wait', 'active', 'completed', 'failed'].map((set) => keys.bull(name, set))
  const reply = await whenAvailable(
    count(redis, [keys.bull(name, 'meta'), keys.workers(name), ...sets], [heartbeatExpiryMs]),
  )
  const [paused, workers, scheduled, queued, running, succeeded, failed, first] = countsSchema.parse(reply)
  return { name, paused: paused === 1, workers, scheduled, queued, running, succeeded, failed, first }
}

const n = z.int()
const countsSchema = z.tuple([n, n, n, n, n, n, n, z.array(z.string())])

/** Since when the job of `ids` that has waited longest could have started, in epoch ms. @throws QueueUnavailableError */
export async function waitingSince(
  redis: Redis,
  keys: Keys,
  queue: string,
  ids: string[],
): Promise<number | undefined> {
  const hashes = await whenAvailable(
    Promise.all(ids.map((id) => redis.hmget(keys.job({ queue, id }), 'timestamp', 'opts', 'releasedAt'))),
  )
  const since = hashes.flatMap(([timestamp, opts, releasedAt]) => {
    const { delay = 0 } = optsSchema.safeParse(JSON.parse(opts ?? '{}')).data ?? {}
    return timestamp ? [releasedAt ? Number(releasedAt) : Number(timestamp) + delay] : []
  })
  return since.length > 0 ? Math.min(...since) : undefined
}

const optsSchema = z.object({ delay: z.number().optional() })
