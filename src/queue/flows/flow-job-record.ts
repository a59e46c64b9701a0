import { decodeFailure, type StoredFailure } from '../model/failure.ts'
import { inStoredOrder, type JobRecord, recordVersion } from '../model/job-record.ts'
import type { JobEnd } from '../model/job-states.ts'
import type { StepScheduling } from '../model/scheduling.ts'
import { endState } from '../model/stored-job.ts'
import type { FlowHead } from './model/document.ts'
import { fillsNext, type JobNode } from './model/plan.ts'

/** The state of a job of a flow. `earlier`: it ended in an earlier run of the flow, and has to be blocked again. */
export type FlowJobState =
  | { status: 'missing' | 'earlier' | 'blocked' | 'open' }
  | { status: 'ended'; state: JobEnd; at: number; failure: StoredFailure | undefined }

/** What the jobs of a flow have from it. */
type FlowOfJob = Pick<FlowHead, 'id' | 'tags'> & { requestId?: string | undefined }

/** The record of a flow's job that waits for its turn. It has the tags of its flow, so that they find it. */
export function blockedRecord({ id, tags: shared, requestId }: FlowOfJob, node: JobNode): JobRecord {
  const { n, job } = node
  const tags = [...new Set([...shared, ...(job.record.tags ?? [])])]
  const own = tags.length === 0 ? job.record : { ...job.record, tags }
  const traced = requestId === undefined ? own : { ...own, requestId }
  return inStoredOrder({
    v: recordVersion,
    ...traced,
    flow: { id, node: n, ...(fillsNext(node) && { fills: true as const }) },
  })
}

/** The record of a flow's job that is released at `now` (epoch ms): its delay and its time limits count from then. */
export function releasedRecord(
  flow: FlowOfJob,
  node: JobNode,
  now: number,
  completed: { input: unknown; scheduling?: StepScheduling } = { input: node.job.record.input },
): { runAt: number | undefined; record: JobRecord } {
  const { delayMs, runAt = delayMs === undefined ? undefined : now + delayMs } = node.job
  // Clients see how long it waited since it could start, not since the flow was submitted.
  const dueAt = Math.max(now, runAt ?? now)
  const { input, scheduling } = completed
  const blocked = blockedRecord(flow, node)
  const { concurrency, rate, fairnessKey } = blocked
  // The options of the client come before those of the type.
  const keys = scheduling && {
    ...scheduling,
    ...(concurrency && { concurrency }),
    ...(rate && { rate }),
    ...(fairnessKey !== undefined && { fairnessKey }),
  }
  const record = inStoredOrder({ ...blocked, ...keys, input, reopenedAt: dueAt })
  const hasLimits = record.startWithinMs !== undefined || record.deadlineMs !== undefined
  return { runAt, record: hasLimits ? inStoredOrder({ ...record, countsFrom: dueAt }) : record }
}

/** Reads a state as read-flow-jobs.lua writes it. */
export function decodeState(text: string): FlowJobState {
  const [, word, at, reason] = /^(\w+)(?: (\d+)(?: ([\s\S]*))?)?$/.exec(text) ?? []
  if (word === 'succeeded') return { status: 'ended', state: 'succeeded', at: Number(at), failure: undefined }
  if (word === 'failed') {
    const failure = decodeFailure(reason ?? '', 0)
    return { status: 'ended', state: endState(false, failure), at: Number(at), failure }
  }
  return { status: word === 'earlier' || word === 'blocked' || word === 'open' ? word : 'missing' }
}
