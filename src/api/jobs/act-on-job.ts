import { cancelGraceMs } from '../../jobs/cancel-grace.ts'
import { parseJobId } from '../../queue/model/job-id.ts'
import { next } from '../../queue/model/job-states.ts'
import { redisNow } from '../../queue/model/redis-time.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import type { CancelResult } from '../../queue/store/cancel-and-retry.ts'
import { jobOwner } from '../../queue/webhooks/outbox.ts'
import { admitJobs, withdrawJobs } from '../access/admission.ts'
import type { Caller } from '../access/api-keys.ts'
import { checkMaySubmit } from '../access/may-submit.ts'
import type { RouteDeps } from '../deps.ts'
import { uniqueConflict } from './find-job.ts'

/** Cancels a job, with what a cancel has to do besides; idempotent. @throws QueueUnavailableError */
export async function cancelOne(
  { control, quotas, registry, metrics }: Pick<RouteDeps, 'control' | 'quotas' | 'registry' | 'metrics'>,
  job: StoredJob,
): Promise<CancelResult> {
  const result = await control.cancel(job, cancelGraceMs(registry, job.type), redisNow())
  if (result === 'ended') metrics.jobEnded(job.type, 'canceled')
  if (result === 'ended' && job.record.limited) await quotas.leave(job.record.tenant, [job.id])
  return result
}

/**
 * Opens the next run of a job for a client. A job of a flow is left to its flow.
 *
 * @throws Problem where the client may not submit it, there is no room, or another job has its unique key, QueueUnavailableError
 */
export async function retryOne(
  { control, outbox, admission }: Pick<RouteDeps, 'control' | 'outbox' | 'admission'>,
  caller: Caller,
  job: StoredJob,
): Promise<'reopened' | 'missing' | 'not_retryable' | 'of_flow'> {
  checkMaySubmit(caller, job)
  if (job.record.flow !== undefined) return 'of_flow'
  if (next(job.state, 'retry') === undefined) return 'not_retryable'
  await admitJobs(admission, caller, [job], 0)
  // The webhook of this run is released before the next run begins, or nothing would ever release it.
  if (job.record.webhook) await outbox.release(job)
  const isLimited = caller.limits.max_queued !== undefined
  const result = await control.reopen(job, redisNow(), { isLimited })
  if (result !== 'reopened') await withdrawJobs(admission, caller, [job], 0)
  if (typeof result === 'object') throw uniqueConflict(result.claimedBy)
  return result
}

/** Deletes an ended job with all that belongs to it. @throws QueueUnavailableError */
export async function deleteOne(
  { queue, flows, outbox }: Pick<RouteDeps, 'queue' | 'flows' | 'outbox'>,
  job: StoredJob,
): Promise<'removed' | 'missing' | 'not_done' | 'of_open_flow' | 'of_open_parent'> {
  if (await flows.isOpen(job.record.flow?.id)) return 'of_open_flow'
  if (await isOpen(queue, job.record.parent?.id)) return 'of_open_parent'
  if (job.done) await outbox.forget(jobOwner(job))
  return queue.remove(job)
}

/** Whether a job has not ended: it may still ask for the results of those that it has submitted. */
async function isOpen(queue: RouteDeps['queue'], id: string | undefined): Promise<boolean> {
  const ref = id === undefined ? undefined : parseJobId(id)
  const job = ref && (await queue.read(ref, undefined, 'small'))
  return job !== undefined && !job.done
}
