import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type JobRef, ulidTime } from '../model/job-id.ts'
import { recordSchema } from '../model/job-record.ts'
import type { Timing } from './ticks.ts'

/** Raised when the stored form changes so that older code would misread it. */
export const scheduleVersion = 1

/** What may happen to a tick while the job of the one before goes on. */
export const overlaps = ['allow', 'skip'] as const

/** A schedule as its client said it, checked. Times are epoch ms. */
const definitionSchema = z.object({
  v: z.literal(scheduleVersion),
  timing: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('cron'),
      cron: z.string(),
      timezone: z.string(),
      startAt: z.number().optional(),
      endAt: z.number().optional(),
    }),
    z.object({
      kind: z.literal('every'),
      everyMs: z.number(),
      anchor: z.number(),
      startAt: z.number().optional(),
      endAt: z.number().optional(),
    }),
  ]),
  paused: z.boolean(),
  overlap: z.enum(overlaps),
  /** What each tick stores. */
  job: z.object({ type: z.string(), queue: z.string(), attempts: z.int(), record: recordSchema.omit({ v: true }) }),
  /** The job as the client sent it. */
  said: z.unknown(),
  createdAt: z.number(),
  updatedAt: z.number(),
})
export type ScheduleDefinition = Omit<z.output<typeof definitionSchema>, 'v'>

/** Whose schedule, and which. */
export interface ScheduleRef {
  tenant: string
  id: string
}

/** A schedule at one moment. Times are epoch ms. */
export interface StoredSchedule extends ScheduleRef {
  definition: ScheduleDefinition
  /** Changes with each PUT. */
  revision: string
  /** Changes when its ticks begin anew. */
  era: string
  /** The tick that comes, or is due. */
  next: number | undefined
  lastTick: number | undefined
  lastJobId: string | undefined
  /** How many ticks fell on a job that went on. */
  skipped: number
}

/** Reads a schedule's hash; undefined when there is none, or another version of Drover wrote it. */
export function decodeSchedule(ref: ScheduleRef, hash: Record<string, string>): StoredSchedule | undefined {
  const { definition, revision = '', era = '', next, lastTick, lastJobId, skipped } = hash
  if (definition === undefined) return undefined
  const parsed = definitionSchema.safeParse(JSON.parse(definition))
  if (!parsed.success) return undefined
  return {
    ...ref,
    definition: parsed.data,
    revision,
    era,
    next: optionalNumber(next),
    lastTick: optionalNumber(lastTick),
    lastJobId,
    skipped: Number(skipped ?? 0),
  }
}

/** Whether two timings have the same ticks; for `every`, whoever says it again does not mean to begin anew. */
export function sameTicks(a: Timing, b: Timing): boolean {
  const key = (timing: Timing) => {
    const { startAt, endAt } = timing
    const rule = timing.kind === 'cron' ? [timing.cron, timing.timezone] : [timing.everyMs]
    return JSON.stringify([timing.kind, ...rule, startAt ?? null, endAt ?? null])
  }
  return key(a) === key(b)
}

const crockford = '0123456789abcdefghjkmnpqrstvwxyz'
const randomLength = 16

/**
 * The job of a tick, created at `takenAt`: an id of the usual shape that follows from all three, so that a tick that is fired
 * twice stores one job.
 */
export function tickRef(queue: string, { tenant, id }: ScheduleRef, tick: number, takenAt: number): JobRef {
  const digest = createHash('sha256')
    .update(JSON.stringify([tenant, id, tick]))
    .digest()
  const random = Array.from({ length: randomLength }, (_, n) => crockford[(digest[n] ?? 0) % crockford.length])
  return { queue, id: `${queue}_${ulidTime(takenAt)}${random.join('')}` }
}

function optionalNumber(text: string | undefined): number | undefined {
  return text === undefined || text === '' ? undefined : Number(text)
}
