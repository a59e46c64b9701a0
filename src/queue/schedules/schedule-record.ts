import { hash as digestOf } from 'node:crypto'
import { z } from 'zod'
import { type HeldBack, heldBackSchema } from '../model/held-back.ts'
import { type JobRef, ulidTime } from '../model/job-id.ts'
import { recordSchema } from '../model/job-record.ts'
import type { Timing } from './ticks.ts'

/** Raised when the stored form changes so that older code would misread it. */
const scheduleVersion = 1

/** The stored name of a client's request, which schedules of earlier versions have, too. */
const requestField = 'said'

/** What happens to a tick while the job of the previous tick has not ended. */
export const overlaps = ['allow', 'skip'] as const

/** A validated schedule as it is stored. Times are epoch ms. */
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
  /** The job that each tick stores. */
  job: z.object({ type: z.string(), queue: z.string(), attempts: z.int(), record: recordSchema.omit({ v: true }) }),
  /** The job as the client sent it. */
  [requestField]: z.unknown(),
  createdAt: z.number(),
  updatedAt: z.number(),
})

/** A schedule as its client defined it. Times are epoch ms; `request` is the job as the client sent it. */
export type ScheduleDefinition = Omit<z.output<typeof definitionSchema>, 'v' | typeof requestField> & {
  request: unknown
}

/** The tenant and the id of a schedule. */
export interface ScheduleRef {
  tenant: string
  id: string
}

/** A schedule at one moment. Times are epoch ms. */
export interface StoredSchedule extends ScheduleRef {
  definition: ScheduleDefinition
  /** Changes with each PUT. */
  revision: string
  /** Changes when its ticks start over. */
  era: string
  /** The next tick, or the one that is due. */
  next: number | undefined
  lastTick: number | undefined
  lastJobId: string | undefined
  /** Ticks that were skipped because the job of an earlier tick had not ended, or another job had their unique key. */
  skipped: number
  /** Why there was no room for the job of the tick that is due. */
  heldBack: HeldBack | undefined
}

/** The stored form of a definition, as JSON. */
export function encodeDefinition({ request, ...definition }: ScheduleDefinition): string {
  return JSON.stringify({ v: scheduleVersion, ...definition, [requestField]: request })
}

/** Reads the hash of a schedule; undefined when there is none, or another version of Drover wrote it. */
export function decodeSchedule(ref: ScheduleRef, hash: Record<string, string>): StoredSchedule | undefined {
  const { definition, revision = '', era = '', next, lastTick, lastJobId, skipped, heldBack } = hash
  if (definition === undefined) return undefined
  const parsed = definitionSchema.safeParse(JSON.parse(definition))
  if (!parsed.success) return undefined
  const { [requestField]: request, ...rest } = parsed.data
  return {
    ...ref,
    definition: { ...rest, request },
    revision,
    era,
    next: optionalNumber(next),
    lastTick: optionalNumber(lastTick),
    lastJobId,
    skipped: Number(skipped ?? 0),
    heldBack: heldBack === undefined ? undefined : heldBackSchema.parse(JSON.parse(heldBack)),
  }
}

/** Whether two timings have the same ticks. The anchor of `every` does not count: a client that sends the same interval keeps its ticks. */
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
 * The job of a tick, created at `takenAt`. Its id has the usual shape and is derived from all parameters, so that a tick that is fired
 * twice stores one job.
 */
export function tickRef(queue: string, { tenant, id }: ScheduleRef, tick: number, takenAt: number): JobRef {
  const digest = digestOf('sha256', JSON.stringify([tenant, id, tick]), 'buffer')
  let random = ''
  for (let n = 0; n < randomLength; n++) random += crockford[(digest[n] ?? 0) % crockford.length]
  return { queue, id: `${queue}_${ulidTime(takenAt)}${random}` }
}

function optionalNumber(text: string | undefined): number | undefined {
  return text === undefined || text === '' ? undefined : Number(text)
}
