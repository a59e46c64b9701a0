import { createHash } from 'node:crypto'
import { z } from 'zod'
import { bullIdOf } from '../model/job-id.ts'
import { inStoredOrder, type JobRecord, timeLimits } from '../model/job-record.ts'
import { bullPriority } from '../model/priority.ts'
import type { StoredJob } from '../model/stored-job.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const changeScript = loadScript('bullmq/change-waiting')
const outcomeSchema = z.enum(['done', 'missing', 'not_waiting', 'changed'])

/** How often a change is tried while others change the same job. */
const maxTries = 5

/**
 * Changes when a waiting job may start, in epoch ms, or its priority, atomically. Time limits count from the new time, unless it has started before.
 *
 * @returns not_waiting also when others kept changing it. @throws QueueUnavailableError
 */
export async function changeWaiting(
  { redis, keys }: { redis: Redis; keys: Keys },
  job: StoredJob,
  change: { runAt?: number | undefined; priority?: number | undefined },
  now: number,
): Promise<'done' | 'missing' | 'not_waiting'> {
  const { queue } = job
  const sets = ['prioritized', 'delayed', 'wait', 'pc', 'marker', 'meta'].map((set) => keys.bull(queue, set))
  const names = [keys.job(job), ...sets, keys.timeLimits(queue), keys.webhookDebts(queue)]
  for (let tries = 0; tries < maxTries; tries++) {
    const text = await whenAvailable(redis.hget(keys.job(job), 'data'))
    if (text === null) return 'missing'
    const record = changed(JSON.parse(text), change, job.starts.length > 0, now)
    const { startBy = '', deadlineAt = '' } = change.runAt === undefined ? {} : timeLimits(record)
    const priority = change.priority === undefined ? '' : bullPriority(change.priority)
    const digest = createHash('sha1').update(text).digest('hex')
    const args = [bullIdOf(job), digest, JSON.stringify(record), priority, change.runAt ?? '', startBy, deadlineAt, now]
    const outcome = outcomeSchema.parse(await whenAvailable(changeScript(redis, names, args)))
    if (outcome !== 'changed') return outcome
  }
  return 'not_waiting'
}

/** A stored record with the change. */
function changed(
  record: JobRecord,
  { runAt, priority }: { runAt?: number | undefined; priority?: number | undefined },
  hasStarted: boolean,
  now: number,
): JobRecord {
  const countsFrom =
    runAt === undefined || hasStarted || record.countsFrom === undefined ? record.countsFrom : Math.max(runAt, now)
  return inStoredOrder({
    ...record,
    ...(priority !== undefined && { priority }),
    ...(countsFrom !== undefined && { countsFrom }),
  })
}
