import type { StoredJob } from '../../queue/model/stored-job.ts'
import type { Timing } from '../http/server-timing.ts'

/** The times of the present run of a job. */
export function jobTiming({ record, createdAt, startedAt, finishedAt }: StoredJob): Timing {
  return { since: record.reopenedAt ?? createdAt, startedAt, endedAt: finishedAt }
}
