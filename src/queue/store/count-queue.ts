import { z } from 'zod'
import { heartbeatExpiryMs } from '../model/held-by.ts'
import { storedStarts } from '../model/job-history.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const count = loadScript('store/count-queue')

/** A queue at one moment. */
export interface QueueCounts {
  name: string
  paused: boolean
  workers: number
  scheduled: number
  queued: number
  /** Of the queued ones those that a worker could fetch now. */
  ready: number
  /** Those that wait for a concurrency key, a rate, or others of their tenant or their type; not among the queued ones. */
  held: number
  /** Those that wait for others of their flow, or for a signal. */
  blocked: number
  running: number
  succeeded: number
  failed: number
  /** The ids at the head of the queue: one of them has waited longest. */
  first: string[]
  /** Epoch ms; undefined: it is not paused, or a tool of BullMQ paused it. */
  pausedAt: number | undefined
  /** When a worker last stopped, in epoch ms. */
  workerLeftAt: number | undefined
  /** How many of its jobs may run at once. */
  maxRunning: number | undefined
  /** How many may start in a period. */
  rate: { limit: number; perMs: number } | undefined
}

/** Counts the jobs and workers of a queue. @throws QueueUnavailableError */
export async function countQueue(redis: Redis, keys: Keys, name: string): Promise<QueueCounts> {
  const sets = ['delayed', 'prioritized', 'wait', 'active', 'completed', 'failed'].map((set) => keys.bull(name, set))
  const reply = await whenAvailable(
    count(
      redis,
      [keys.bull(name, 'meta'), keys.workers(name), ...sets, keys.unknownJobs(name), keys.bull(name, 'held')],
      [heartbeatExpiryMs, keys.bull(name, '')],
    ),
  )
  const [
    paused,
    workers,
    scheduled,
    queued,
    running,
    succeeded,
    failed,
    first,
    pausedAt,
    workerLeftAt,
    ready,
    held,
    maxRunning,
    rate,
    blocked,
  ] = countsSchema.parse(reply)
  const counts = { workers, scheduled, queued, ready, held, blocked, running, succeeded, failed }
  return { name, paused: paused === 1, ...counts, first, pausedAt, workerLeftAt, maxRunning, rate }
}

const n = z.int()
const time = z
  .string()
  .nullable()
  .transform((text) => (text === null ? undefined : Number(text)))
const rate = z
  .tuple([time, time])
  .transform(([limit, perMs]) => (limit === undefined || perMs === undefined ? undefined : { limit, perMs }))
const countsSchema = z.tuple([n, n, n, n, n, n, n, z.array(z.string()), time, time, n, n, time, rate, n])

/** Since when the job of `ids` that has waited longest could have started, in epoch ms. @throws QueueUnavailableError */
export async function waitingSince(
  redis: Redis,
  keys: Keys,
  queue: string,
  ids: string[],
): Promise<number | undefined> {
  const hashes = await whenAvailable(
    Promise.all(ids.map((id) => redis.hmget(keys.job({ queue, id }), 'timestamp', 'opts', 'releasedAt', 'stacktrace'))),
  )
  const since = hashes.flatMap(([timestamp, opts, releasedAt, stacktrace]) => {
    if (!timestamp) return []
    const { delay = 0 } = optsSchema.safeParse(JSON.parse(opts ?? '{}')).data ?? {}
    const startedEarlier = storedStarts(stacktrace ?? undefined).at(-1)
    return [Math.max(releasedAt ? Number(releasedAt) : Number(timestamp) + delay, startedEarlier?.endedAt ?? 0)]
  })
  return since.length > 0 ? Math.min(...since) : undefined
}

const optsSchema = z.object({ delay: z.number().optional() })
