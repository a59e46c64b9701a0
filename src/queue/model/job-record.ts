import { z } from 'zod'
import { webhookSchema } from './webhook-target.ts'

/** Raised when the stored form changes so that older code would misread it. */
export const recordVersion = 1

/** Whose jobs those are that were submitted without a key. */
export const anonymousTenant = '-'

/** What clients may say of a job beside its type and input. Absent means: not said. */
export const recordSchema = z.object({
  v: z.literal(recordVersion),
  /** Whose job it is. Second, because remove-ended.lua reads it from the beginning of the stored text. */
  tenant: z.string().default(anonymousTenant),
  /** It takes one of its tenant's places until it starts: see tenant-quotas.ts. */
  limited: z.literal(true).optional(),
  input: z.unknown(),
  timeoutMs: z.int().optional(),
  backoff: z.object({ type: z.enum(['fixed', 'exponential']), delayMs: z.number(), jitter: z.number() }).optional(),
  startWithinMs: z.int().optional(),
  deadlineMs: z.int().optional(),
  /** When a client's retry opened the present run, or its flow came to it. */
  reopenedAt: z.int().optional(),
  /** Both limits count from here; a retry sets it anew. */
  countsFrom: z.int().optional(),
  priority: z.int().optional(),
  tags: z.array(z.string()).optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  traceparent: z.string().optional(),
  webhook: webhookSchema.optional(),
  /** The flow that it belongs to, and which of its nodes it is. */
  flow: z.object({ id: z.string(), node: z.int() }).optional(),
})

/** The `data` of a BullMQ job. Times are epoch milliseconds. */
export type JobRecord = z.output<typeof recordSchema>

/** Reads a stored record; undefined when another version of Drover wrote it and this one cannot read it. */
export function parseRecord(data: unknown): JobRecord | undefined {
  return recordSchema.safeParse(data).data
}

/** Since when a job of this stored record could have started in its present run; it was created or came due at `firstDueAt`. */
export function dueAt(data: unknown, firstDueAt: number): number {
  const reopenedAt: unknown = Object(data).reopenedAt
  return typeof reopenedAt === 'number' ? reopenedAt : firstDueAt
}

/** The flow that a stored record names, without a look at the rest. */
export function flowOf(data: unknown): string | undefined {
  const id: unknown = Object(Object(data).flow).id
  return typeof id === 'string' ? id : undefined
}

/** When a job must have started, and when it must have ended; undefined: whenever. */
export function timeLimits(record: JobRecord | Omit<JobRecord, 'v'>): {
  startBy: number | undefined
  deadlineAt: number | undefined
} {
  const { startWithinMs, deadlineMs, countsFrom = 0 } = record
  return {
    startBy: startWithinMs === undefined ? undefined : countsFrom + startWithinMs,
    deadlineAt: deadlineMs === undefined ? undefined : countsFrom + deadlineMs,
  }
}
