import { z } from 'zod'
import { ulidTime } from '../model/job-id.ts'
import { redisNow } from '../model/redis-time.ts'
import type { Redis } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const script = loadScript('maintenance/sweep-queue')

/** Jobs of each duty in one call, so that no call blocks Redis for long. */
export const maxJobs = 200
/** An entry of the index is written just before its job: only after a while is a missing job one that was never stored. */
const unstoredMs = 60_000

/** The reply of sweep-queue.lua. */
const sweptSchema = z.tuple([
  z.array(z.tuple([z.string(), z.string(), z.string(), z.string()])),
  z.int(),
  z.array(z.string()),
  z.int(),
  z.array(z.string()),
  z.array(z.string()),
  z.int(),
  z.int(),
  z.int(),
  z.int(),
  z.int(),
  z.int(),
])

/** The ranks at which the next sweep of a queue looks on in its indexes. 0: from the start. */
export interface Ranks {
  indexFrom: number
  labelsFrom: number
  claimsFrom: number
}

/** What one call has done. */
export interface Swept {
  /** Type, failure, id and tenant of each job that it ended. */
  ended: [string, string, string, string][]
  /** Ended jobs that it removed. */
  removed: number
  /** Job, claim, and until when an evicted id is kept (or ''), one after the other: claims of idempotency keys to release. */
  claims: string[]
  /** Ids of ended jobs that owe a webhook. */
  owing: string[]
  /** Job and flow, one after the other: jobs of flows to look for. */
  ofFlows: string[]
  ranks: Ranks
  /** Unique keys that nobody held. */
  unclaimed: number
  /** Whether running jobs of limits are left to count. */
  isRecounting: boolean
  /** Rates whose time has passed. */
  passedRates: number
  /** Parked jobs that it brought back. */
  woken: number
}

/** Does one part of the sweep of a queue: see sweep-queue.lua. The times are how long ended jobs are kept. */
export async function sweepQueue(
  { redis, keys }: { redis: Redis; keys: Keys },
  queue: Ranks & { name: string },
  { resultTtlMs, failedTtlMs }: { resultTtlMs: number; failedTtlMs: number },
): Promise<Swept> {
  const { name } = queue
  const sets = ['prioritized', 'delayed', 'wait', 'active', 'stalled', 'failed', 'completed']
  const names = [
    keys.timeLimits(name),
    ...sets.map((set) => keys.bull(name, set)),
    keys.index(name),
    keys.webhookDebts(name),
    keys.labels(name),
    keys.evicted(name),
  ]
  const before = ulidTime(redisNow() - unstoredMs)
  const args = [
    resultTtlMs,
    failedTtlMs,
    maxJobs,
    keys.bull(name, ''),
    queue.indexFrom,
    `${name}_`,
    before,
    queue.labelsFrom,
    queue.claimsFrom,
  ]
  const swept = sweptSchema.parse(await script(redis, names, args))
  const [ended, removed, claims, indexFrom, owing, ofFlows, labelsFrom, claimsFrom, unclaimed, ...limits] = swept
  const [isRecounting, passedRates, woken] = limits
  const ranks = { indexFrom, labelsFrom, claimsFrom }
  return {
    ended,
    removed,
    claims,
    owing,
    ofFlows,
    ranks,
    unclaimed,
    isRecounting: isRecounting > 0,
    passedRates,
    woken,
  }
}
