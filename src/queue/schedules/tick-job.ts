import type { OpenSpan, Tracing } from '../../tracing/span.ts'
import type { JobRef } from '../model/job-id.ts'
import type { NewJob } from '../model/new-job.ts'
import type { ScheduleDefinition, StoredSchedule } from './schedule-record.ts'

/** The job of a tick that fires at `now`, in the trace of `traceparent` where there is one. */
export function tickJob(
  schedule: StoredSchedule,
  ref: JobRef,
  { now, isLimited, traceparent }: { now: number; isLimited: boolean; traceparent: string | undefined },
): NewJob {
  const { type, attempts, record } = schedule.definition.job
  const hasLimits = record.startWithinMs !== undefined || record.deadlineMs !== undefined
  const dueAt = now + (record.debounce?.quietMs ?? 0)
  return {
    ref,
    type,
    attempts,
    createdAt: now,
    ...(dueAt > now && { runAt: dueAt }),
    record: {
      ...(traceparent === undefined ? record : inTrace(record, traceparent)),
      ...(isLimited && { limited: true as const }),
      ...(hasLimits && { countsFrom: dueAt }),
    },
  }
}

/** The span of storing it. */
export function publishSpan(tracing: Tracing, schedule: StoredSchedule, ref: JobRef): OpenSpan | undefined {
  const { type, record } = schedule.definition.job
  return tracing.start({
    name: `publish ${ref.queue}`,
    kind: 'producer',
    parent: record.traceparent,
    attributes: {
      'messaging.system': 'drover',
      'messaging.operation.name': 'publish',
      'messaging.operation.type': 'send',
      'messaging.destination.name': ref.queue,
      'messaging.message.id': ref.id,
      'drover.job.type': type,
      'drover.schedule.id': schedule.id,
    },
  })
}

/** The record of a job with another trace, also of its webhook. */
function inTrace(record: ScheduleDefinition['job']['record'], traceparent: string): typeof record {
  return { ...record, traceparent, ...(record.webhook && { webhook: { ...record.webhook, traceparent } }) }
}
