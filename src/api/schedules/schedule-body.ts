import { z } from 'zod'
import { maskedAt } from '../../jobs/secrets.ts'
import { cronFault, maxCronLength } from '../../queue/schedules/cron-expression.ts'
import { overlaps, type ScheduleDefinition } from '../../queue/schedules/schedule-record.ts'
import { isTimezone } from '../../queue/schedules/ticks.ts'
import { Mistakes } from '../http/mistakes.ts'
import { Problem } from '../http/problem.ts'
import { named } from '../openapi/fields.ts'
import { parseJob, type SubmissionContext } from '../submission/parse-job.ts'

const yearMs = 365 * 86_400_000
/** Schedules are stored for ever and read often, so the inputs of their jobs must be short. */
const maxJobCharacters = 262_144

const time = z.iso.datetime({ offset: true })

/** The body of a PUT. `cron` and `every_ms` exclude each other. */
export const scheduleBody = z
  .strictObject({
    cron: z
      .string()
      .max(maxCronLength)
      .regex(/^\s*\S+(\s+\S+){4,5}\s*$/, {
        error: 'has not five fields, or six with seconds first',
        abort: true,
      })
      .superRefine((cron, context) => {
        const fault = cronFault(cron)
        if (fault !== undefined) context.addIssue(fault)
      })
      .optional()
      .describe('Minute, hour, day of month, month, day of week; or six fields that start with the second'),
    timezone: z
      .string()
      .min(1)
      .refine(isTimezone, 'is not a time zone of the IANA database')
      .optional()
      .describe('The time zone of the cron expression, such as `Europe/Berlin`. Default: UTC'),
    every_ms: z
      .int()
      .min(1000)
      .max(yearMs)
      .optional()
      .describe('The interval between runs, from start_at or else from when the schedule was stored'),
    start_at: time.optional().describe('No run before this time'),
    end_at: time.optional().describe('No run after this time'),
    paused: z.boolean().optional().describe('True: no runs. Runs that fall into the pause are not made up for'),
    overlap: named('Overlap', z.enum(overlaps))
      .optional()
      .describe('`skip`: no run while the job of the last run is not done. Default: `allow`'),
    job: named('ScheduledJob', z.looseObject({ type: z.string(), input: z.unknown() })).describe(
      'The body of `POST /v1/jobs`, without run_at and delay_ms',
    ),
  })
  .superRefine(({ cron, timezone, every_ms, start_at, end_at, job }, context) => {
    const refuse = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message })
    if ((cron === undefined) === (every_ms === undefined))
      refuse(['cron'], 'exactly one of cron and every_ms is required')
    if (timezone !== undefined && cron === undefined) refuse(['timezone'], 'is only allowed with cron')
    if (start_at !== undefined && end_at !== undefined && Date.parse(end_at) < Date.parse(start_at)) {
      refuse(['end_at'], 'is before start_at')
    }
    for (const name of ['run_at', 'delay_ms'])
      if (name in job) refuse(['job', name], 'is not allowed: the schedule sets the time')
  })
  .meta({
    component: 'ScheduleBody',
    examples: [
      { cron: '0 3 * * *', timezone: 'Europe/Berlin', job: { type: 'count-primes', input: { limit: 100 } } },
      { every_ms: 60_000, overlap: 'skip', job: { type: 'count-primes', input: { limit: 100 } } },
    ],
  })
type ScheduleBody = z.output<typeof scheduleBody>

/**
 * Checks the job of a schedule like a submission and returns what to store. `now` is the clock of Redis.
 *
 * @throws Problem
 */
export function parseSchedule(
  body: ScheduleBody,
  context: SubmissionContext & { createdAt: number },
): ScheduleDefinition {
  if (JSON.stringify(body.job).length > maxJobCharacters) {
    throw new Problem('payload_too_large', `The job of a schedule has at most ${maxJobCharacters} characters of JSON.`)
  }
  const { ref, type, attempts, record } = parseJob(body.job, context, '/job')
  const mistakes = new Mistakes()
  for (const pointer of maskedAt(body.job['input'], record.secrets?.input))
    mistakes.add(`/job/input${pointer}`, 'is the mask of a secret, as GET shows it: send the secret itself')
  if (mistakes.count > 0) throw mistakes.toProblem()
  // Time limits count from each run, and each run takes a place in the tenant's quota by itself.
  const { countsFrom: _, limited: __, ...kept } = record
  return {
    timing: timingOf(body, context.now),
    paused: body.paused ?? false,
    overlap: body.overlap ?? 'allow',
    job: { type, queue: ref.queue, attempts, record: kept },
    request: body.job,
    createdAt: context.createdAt,
    updatedAt: context.now,
  }
}

function timingOf({ cron, timezone = 'UTC', every_ms, start_at, end_at }: ScheduleBody, now: number) {
  const startAt = start_at === undefined ? undefined : Date.parse(start_at)
  const endAt = end_at === undefined ? undefined : Date.parse(end_at)
  const ends = { ...(startAt !== undefined && { startAt }), ...(endAt !== undefined && { endAt }) }
  if (cron !== undefined) return { kind: 'cron' as const, cron, timezone, ...ends }
  return { kind: 'every' as const, everyMs: every_ms ?? yearMs, anchor: startAt ?? now, ...ends }
}
