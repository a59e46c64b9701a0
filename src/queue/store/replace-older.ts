import { redisNow } from '../model/redis-time.ts'
import type { StoredJob } from '../model/stored-job.ts'
import type { JobControl } from './cancel-and-retry.ts'
import type { JobQueue } from './job-queue.ts'

export interface ReplaceDeps {
  queue: JobQueue
  control: JobControl
  /** How long the handler of a type may take to stop. */
  graceMsOf: (type: string) => number
  /** An older job has ended by this, unstarted. */
  onEnded: (job: StoredJob) => void
}

/**
 * Cancels the older jobs of the concurrency key of a new job, so that it is among the newest `limit` of the key. It starts once a running one
 * has really stopped.
 *
 * @throws QueueUnavailableError: some may not be canceled, and the new job waits for them
 */
export async function replaceOlder(
  { queue, control, graceMsOf, onEnded }: ReplaceDeps,
  { id: newest, queue: name, record: { tenant, concurrency } }: StoredJob,
): Promise<void> {
  if (!concurrency) return
  const members = await queue.membersOf(name, tenant, concurrency.key)
  const place = members.indexOf(newest)
  // It has ended meanwhile, or a newer one has replaced it.
  if (place < 0) return
  for (const id of members.slice(0, Math.max(0, place - concurrency.limit + 1))) {
    const job = await queue.read({ queue: name, id }, undefined, 'small')
    if (!job || job.done) continue
    if ((await control.cancel(job, graceMsOf(job.type), redisNow())) === 'ended') onEnded(job)
  }
}
