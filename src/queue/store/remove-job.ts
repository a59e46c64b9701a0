import { bullIdOf, indexEntryOf } from '../model/job-id.ts'
import { redisNow } from '../model/redis-time.ts'
import type { StoredJob } from '../model/stored-job.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import { releaseClaim } from './idempotency-keys.ts'

const beginRemoval = loadScript('bullmq/begin-removal')
const endRemoval = loadScript('bullmq/remove-job')

/**
 * Removes an ended job with everything that belongs to it. Its idempotency claim is in another cluster slot, so this takes three steps:
 * mark the job, give up its claim, remove it. After a crash between two of them the next sweep does the rest.
 *
 * @throws QueueUnavailableError
 */
export async function removeJob(
  { redis, keys }: { redis: Redis; keys: Keys },
  job: StoredJob,
): Promise<'removed' | 'missing' | 'not_done'> {
  const sets = ['completed', 'failed'].map((set) => keys.bull(job.queue, set))
  const begun = await whenAvailable(beginRemoval(redis, [keys.job(job), ...sets], [bullIdOf(job)]))
  const [found, claim] = Array.isArray(begun) ? begun : []
  if (found === 'missing' || found === 'not_done') return found
  if (claim !== undefined) await whenAvailable(releaseClaim(redis, [String(claim)], [job.id]))
  const beside = [keys.timeLimits(job.queue), keys.index(job.queue), keys.webhookDebts(job.queue)]
  const names = [keys.job(job), keys.events(job), ...sets, ...beside]
  const entry = indexEntryOf(job, job.record.tenant, job.createdAt)
  await whenAvailable(endRemoval(redis, names, [bullIdOf(job), entry, redisNow(), claim === undefined ? '' : 1]))
  return 'removed'
}
