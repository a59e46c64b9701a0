import type { JobRef } from './job-id.ts'
import { type JobRecord, recordVersion } from './job-record.ts'

/** A job to be stored, validated by the caller. Times are epoch ms. */
export interface NewJob {
  ref: JobRef
  type: string
  record: Omit<JobRecord, 'v'>
  /** The JSON text of a large input, where it is known: it is stored as it is. */
  inputText?: Buffer | undefined
  attempts: number
  createdAt: number
  /** Not to start before then. */
  runAt?: number | undefined
  /** The channel on which its end is published, for the process that awaits it: see event-hub.ts. */
  replyChannel?: string | undefined
  /**
   * Its flow, in which it may have to wait until it is released; or the job that has submitted it. It is kept as long as that is open, which hears of its
   * end. `next` is a job of its queue that its success releases.
   */
  flow?: { id: string; run: number; isBlocked: boolean; next?: string | undefined } | undefined
}

/** The record of a new job, with its fields in the order of the stored text: the input last. */
export function recordOf({ record: { input, ...others } }: NewJob): JobRecord {
  return { v: recordVersion, ...others, input }
}

/** When a new job may start, in epoch ms; undefined: at once. */
export function dueAtOf({ runAt, createdAt }: NewJob): number | undefined {
  return runAt !== undefined && runAt > createdAt ? runAt : undefined
}
