import { z } from 'zod'
import { maskSecrets } from '../../jobs/secrets.ts'
import { largeBytes } from '../../queue/model/payload.ts'
import { overlaps, type StoredSchedule } from '../../queue/schedules/schedule-record.ts'
import { heldBackResource, heldBackSchema } from '../http/held-back.ts'
import { optionalTimestamp, timestamp } from '../http/timestamp.ts'
import { jobPath } from '../jobs/find-job.ts'
import { named, timeField } from '../openapi/fields.ts'
import { schedulePath } from './find-schedule.ts'

/** A schedule as clients see it. */
export const scheduleSchema = named(
  'Schedule',
  z.object({
    id: z.string(),
    cron: z.string().nullable(),
    timezone: z.string().nullable(),
    every_ms: z.int().nullable(),
    start_at: timeField.nullable(),
    end_at: timeField.nullable(),
    paused: z.boolean(),
    overlap: named('Overlap', z.enum(overlaps)),
    job: z
      .unknown()
      .describe('As the client sent it, without secrets. Its `input` is null when `input_bytes` is a number'),
    input_bytes: z
      .int()
      .nullable()
      .describe(
        'The size in bytes of JSON of an input above 16,384 bytes, which is not in `job`: read it at `links.input`',
      ),
    next_run_at: timeField.nullable().describe('Null while the schedule is paused, and after its last run'),
    last_run_at: timeField.nullable().describe('The latest scheduled time that it ran for or skipped'),
    last_job_id: z.string().nullable(),
    skipped_runs: z
      .int()
      .describe(
        'How many runs were skipped because the job of the run before was not done, or another job held their unique key',
      ),
    held_back: heldBackSchema
      .nullable()
      .describe(
        'Why there was no room for the job of the run that is due: it is tried again until the next run is due',
      ),
    created_at: timeField,
    updated_at: timeField,
    links: z.object({ self: z.string(), input: z.string(), last_job: z.string().nullable() }),
  }),
)

export type ScheduleResource = z.output<typeof scheduleSchema>

export function scheduleResource({ id, definition, ...run }: StoredSchedule): ScheduleResource {
  const { timing, paused, overlap, request, createdAt, updatedAt } = definition
  const input = scheduleInput({ definition })
  const inputBytes = largeBytes(JSON.stringify(input))
  return {
    id,
    cron: timing.kind === 'cron' ? timing.cron : null,
    timezone: timing.kind === 'cron' ? timing.timezone : null,
    every_ms: timing.kind === 'every' ? timing.everyMs : null,
    start_at: optionalTimestamp(timing.startAt),
    end_at: optionalTimestamp(timing.endAt),
    paused,
    overlap,
    job: { ...Object(request), input: inputBytes === undefined ? input : null },
    input_bytes: inputBytes ?? null,
    next_run_at: optionalTimestamp(run.next),
    last_run_at: optionalTimestamp(run.lastTick),
    last_job_id: run.lastJobId ?? null,
    skipped_runs: run.skipped,
    held_back: heldBackResource(run.heldBack),
    created_at: timestamp(createdAt),
    updated_at: timestamp(updatedAt),
    links: {
      self: schedulePath(id),
      input: `${schedulePath(id)}/input`,
      last_job: run.lastJobId === undefined ? null : jobPath(run.lastJobId),
    },
  }
}

/** The input of its job as the client sent it, without secrets. */
export function scheduleInput({ definition: { job, request } }: Pick<StoredSchedule, 'definition'>): unknown {
  return maskSecrets(Object(request).input ?? null, job.record.secrets?.input)
}
