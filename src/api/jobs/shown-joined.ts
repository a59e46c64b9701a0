import { addedJob } from '../../queue/model/added-job.ts'
import { type NewJob, recordOf } from '../../queue/model/new-job.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import type { Caller } from '../access/api-keys.ts'

/**
 * What a client sees of the job that stands for its submission. Where its key may not read jobs, or not submit jobs of that type: its id, its
 * state and when it was created, with `isHidden`.
 */
export function shownJoined(
  stored: StoredJob,
  given: NewJob,
  { scopes, types, queues }: Caller,
): StoredJob & { isHidden?: true } {
  const mayRead = scopes.has('read') || scopes.has('admin')
  const { queue, id, type, state, done, createdAt } = stored
  if (mayRead && (types?.has(type) ?? true) && (queues?.has(queue) ?? true)) return stored
  const hidden: NewJob = {
    ref: { queue, id },
    type: given.type,
    attempts: given.attempts,
    createdAt,
    record: { tenant: given.record.tenant, input: null },
  }
  return { ...addedJob(hidden, { record: recordOf(hidden) }), state, done, scheduledFor: undefined, isHidden: true }
}
