import { z } from 'zod'
import { overlaps, type StoredSchedule } from '../../queue/schedules/schedule-record.ts'
import { jobPath } from '../jobs/find-job.ts'
import { optionalTimestamp, timestamp } from '../jobs/job-resource.ts'
import { schedulePath } from './find-schedule.ts'

const time = z.iso.datetime()

/** A schedule as clients see it. */
export const scheduleSchema = z.object({
  id: z.string(),
  cron: z.string().nullable(),
  timezone: z.string().nullable(),
  every_ms: z.int().nullable(),
  start_at: time.nullable(),
  end_at: time.nullable(),
  paused: z.boolean(),
  overlap: z.enum(overlaps),
  job: z.unknown().describe('As it was sent'),
  next_run_at: time.nullable().describe('Null when it is paused, or over'),
  last_run_at: time.nullable().describe('The latest time that it ran for, or skipped'),
  last_job_id: z.string().nullable(),
  skipped_runs: z.int().describe('How often it did not run because the job before went on'),
  created_at: time,
  updated_at: time,
  links: z.object({ self: z.string(), last_job: z.string().nullable() }),
})

export type ScheduleResource = z.output<typeof scheduleSchema>

export function scheduleResource({ id, definition, ...run }: StoredSchedule): ScheduleResource {
  const { timing, paused, overlap, request, createdAt, updatedAt } = definition
  return {
    id,
    cron: timing.kind === 'cron' ? timing.cron : null,
    timezone: timing.kind === 'cron' ? timing.timezone : null,
    every_ms: timing.kind === 'every' ? timing.everyMs : null,
    start_at: optionalTimestamp(timing.startAt),
    end_at: optionalTimestamp(timing.endAt),
    paused,
    overlap,
    job: request,
    next_run_at: optionalTimestamp(run.next),
    last_run_at: optionalTimestamp(run.lastTick),
    last_job_id: run.lastJobId ?? null,
    skipped_runs: run.skipped,
    created_at: timestamp(createdAt),
    updated_at: timestamp(updatedAt),
    links: { self: schedulePath(id), last_job: run.lastJobId === undefined ? null : jobPath(run.lastJobId) },
  }
}
