import type { StoredJob } from '../../queue/model/stored-job.ts'
import type { ItemFailure, OperationAction, StoredOperation } from '../../queue/operations/operation-record.ts'
import type { OperationItem } from '../../queue/operations/operation-store.ts'
import type { Caller } from '../access/api-keys.ts'
import type { RouteDeps } from '../deps.ts'
import { Problem } from '../http/problem.ts'
import { cancelOne, deleteOne, retryOne } from '../jobs/act-on-job.ts'

/** The problems that pass: there is no room for a job at the moment. */
const roomProblems: readonly string[] = ['quota_exceeded', 'queue_full', 'redis_full']

export type ActDeps = Pick<
  RouteDeps,
  'queue' | 'control' | 'quotas' | 'registry' | 'metrics' | 'outbox' | 'admission' | 'flows'
>

/** `no_room`: it was not applied, and can be later. */
export type ItemOutcome =
  | { status: 'succeeded' | 'skipped' }
  | { status: 'failed'; failure: ItemFailure }
  | { status: 'no_room'; why: string }

/**
 * Applies the action of an operation to one of its jobs, unless that has changed since it was listed.
 *
 * @param how `isTakenOver`: another process may have applied it already. What it did counts as done by the operation
 * @throws QueueUnavailableError
 */
export async function applyToItem(
  deps: ActDeps,
  { action, tenant }: Pick<StoredOperation, 'action' | 'tenant'>,
  { id, run }: OperationItem,
  { caller, isTakenOver }: { caller: Caller; isTakenOver: boolean },
): Promise<ItemOutcome> {
  const ref = deps.queue.refOf(id)
  const job = ref && (await deps.queue.read(ref, tenant, 'small'))
  if (!job || job.run !== run) {
    const isOwn = isTakenOver && (action === 'retry' ? job !== undefined : action === 'delete' && !job)
    return { status: isOwn ? 'succeeded' : 'skipped' }
  }
  try {
    return { status: (await act(deps, action, job, { caller, isTakenOver })) ? 'succeeded' : 'skipped' }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    if (roomProblems.includes(error.code)) return { status: 'no_room', why: error.message }
    return { status: 'failed', failure: { id, code: error.code, detail: error.message } }
  }
}

/** @returns whether the action was applied @throws Problem, QueueUnavailableError */
async function act(
  deps: ActDeps,
  action: OperationAction,
  job: StoredJob,
  { caller, isTakenOver }: { caller: Caller; isTakenOver: boolean },
): Promise<boolean> {
  switch (action) {
    case 'cancel': {
      const result = await cancelOne(deps, job)
      return result === 'ended' || result === 'signaled' || (isTakenOver && job.state === 'canceled')
    }
    case 'retry':
      return (await retryOne(deps, caller, job)) === 'reopened'
    case 'delete':
      return (await deleteOne(deps, job)) === 'removed'
    default:
      throw new TypeError(`there is no such action: ${JSON.stringify(action satisfies never)}`)
  }
}
