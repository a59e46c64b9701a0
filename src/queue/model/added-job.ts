import type { JobRecord } from './job-record.ts'
import { dueAtOf, type NewJob } from './new-job.ts'
import type { StoredJob } from './stored-job.ts'
import type { Deduplicated } from './unique-key.ts'

/** A job as it is stored when it has just been added. @param added `record`: as it is stored; `inputBytes`: of a large input its size as JSON */
export function addedJob(
  job: NewJob,
  added: { record: JobRecord; inputBytes?: number | undefined; deduplicated?: Deduplicated | undefined },
): StoredJob {
  const { record, inputBytes, deduplicated } = added
  const { ref, type, attempts, createdAt } = job
  const { id, queue, bullId } = ref
  const dueAt = dueAtOf(job)
  return {
    // Without a spread, which is slow before other fields: every submission makes one.
    id,
    bullId,
    queue,
    type,
    state: dueAt === undefined ? 'queued' : 'scheduled',
    done: false,
    record,
    inputBytes,
    output: null,
    storedOutput: undefined,
    outputBytes: undefined,
    checkpoint: undefined,
    failure: undefined,
    progress: undefined,
    parked: undefined,
    signals: [],
    run: 1,
    eventsBeforeRun: 0,
    lastEventId: 0,
    attempt: 0,
    maxAttempts: attempts,
    createdAt,
    scheduledFor: dueAt,
    heldBy: undefined,
    runAt: dueAt,
    startedAt: undefined,
    finishedAt: undefined,
    cancelRequestedAt: undefined,
    starts: [],
    startCount: 0,
    children: undefined,
    worker: undefined,
    deduplicated,
  }
}
