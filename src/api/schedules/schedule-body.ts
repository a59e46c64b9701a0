import { z } from 'zod'
import { cronFault, maxCronLength } from '../../queue/schedules/cron-expression.ts'
import { overlaps, type ScheduleDefinition } from '../../queue/schedules/schedule-record.ts'
import { isTimezone } from '../../queue/schedules/ticks.ts'
import { Problem } from '../http/problem.ts'
import { parseSubmission } from '../jobs/parse-submission.ts'

const yearMs = 365 * 86_400_000
/** Schedules are kept for ever and read often: their jobs' inputs are to be short. */
const mostJob = 262_144

const time = z.iso.datetime({ offset: true })

/** What a client says of a schedule. `cron` and `every_ms` exclude each other. */
export const scheduleBody = z
  .strictObject({
    cron: z
      .string()
      .max(maxCronLength)
      .superRefine((cron, context) => {
        const fault = cronFault(cron)
        if (fault !== undefined) context.addIssue(fault)
      })
      .optional()
      .describe('Minute, hour, day of month, month, day of week; or six fields with seconds first'),
    timezone: z
      .string()
      .refine(isTimezone, 'is no time zone of the IANA database')
      .optional()
      .describe('Where the cron expression is meant, as in `Europe/Berlin`. Default UTC'),
    every_ms: z
      .int()
      .min(1000)
      .max(yearMs)
      .optional()
      .describe('From start_at on, or else from when the schedule is stored'),
    start_at: time.optional().describe('Not before this time'),
    end_at: time.optional().describe('Not after this time'),
    paused: z.boolean().optional().describe('True: it does not run. What would have run meanwhile is not made up for'),
    overlap: z
      .enum(overlaps)
      .optional()
      .describe('`skip`: it does not run while the job of its last run goes on. Default `allow`'),
    job: z
      .looseObject({ type: z.string(), input: z.unknown() })
      .describe('As the body of `POST /v1/jobs`, without run_at and delay_ms'),
  })
  .superRefine(({ cron, timezone, every_ms, start_at, end_at, job }, context) => {
    const refuse = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message })
    if ((cron === undefined) === (every_ms === undefined))
      refuse(['cron'], 'exactly one of cron and every_ms is required')
    if (timezone !== undefined && cron === undefined) refuse(['timezone'], 'goes with cron alone')
    if (start_at !== undefined && end_at !== undefined && Date.parse(end_at) < Date.parse(start_at)) {
      refuse(['end_at'], 'is before start_at')
    }
    for (const name of ['run_at', 'delay_ms']) if (name in job) refuse(['job', name], 'the schedule says when')
  })
type ScheduleBody = z.output<typeof scheduleBody>

/**
 * Checks the job of a schedule as a submission, and says what to store. `now` is Redis's.
 *
 * @throws Problem
 */
export function parseSchedule(
  body: ScheduleBody,
  deps: Omit<Parameters<typeof parseSubmission>[1], 'traceparent' | 'now'> & { now: number; createdAt: number },
): ScheduleDefinition {
  if (JSON.stringify(body.job).length > mostJob) {
    throw new Problem('payload_too_large', `The job of a schedule has at most ${mostJob} characters of JSON.`)
  }
  const { ref, type, attempts, record } = parseJob(body, deps)
  // Limits are counted anew with each run, and what a schedule stores takes no place of its tenant's.
  const { countsFrom: _, limited: __, ...kept } = record
  return {
    timing: timingOf(body, deps.now),
    paused: body.paused ?? false,
    overlap: body.overlap ?? 'allow',
    job: { type, queue: ref.queue, attempts, record: kept },
    request: body.job,
    createdAt: deps.createdAt,
    updatedAt: deps.now,
  }
}

function parseJob(
  { job }: ScheduleBody,
  deps: Parameters<typeof parseSchedule>[1],
): ReturnType<typeof parseSubmission> {
  try {
    return parseSubmission(job, { ...deps, traceparent: undefined })
  } catch (error) {
    if (!(error instanceof Problem) || !error.mistakes) throw error
    const mistakes = error.mistakes.map((mistake) => ({ ...mistake, pointer: `/job${mistake.pointer}` }))
    throw new Problem(error.code, `job: ${error.message}`, { mistakes })
  }
}

function timingOf({ cron, timezone = 'UTC', every_ms, start_at, end_at }: ScheduleBody, now: number) {
  const startAt = start_at === undefined ? undefined : Date.parse(start_at)
  const endAt = end_at === undefined ? undefined : Date.parse(end_at)
  const ends = { ...(startAt !== undefined && { startAt }), ...(endAt !== undefined && { endAt }) }
  if (cron !== undefined) return { kind: 'cron' as const, cron, timezone, ...ends }
  return { kind: 'every' as const, everyMs: every_ms ?? yearMs, anchor: startAt ?? now, ...ends }
}
