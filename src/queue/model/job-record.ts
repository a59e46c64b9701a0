import { z } from 'zod'
import { traceIdOf } from '../../jobs/trace-context.ts'
import { schedulingFields } from './scheduling.ts'
import { debounceSchema, uniqueSchema } from './unique-key.ts'
import { webhookSchema } from './webhook-target.ts'

/** Raised when the stored form changes so that older code would misread it. */
export const recordVersion = 1

/** The tenant of jobs that were submitted without an API key. */
export const anonymousTenant = '-'

const secretPathsSchema = z.array(z.array(z.string()))

/** What is stored of a job beside its type, as the `data` of a BullMQ job. Optional fields are absent where the client did not set them. */
export const recordSchema = z.object({
  v: z.literal(recordVersion),
  /** Whose job it is. Second, because remove-ended.lua reads it from the beginning of the stored text. */
  tenant: z.string().default(anonymousTenant),
  /** The job takes a place in its tenant's quota until it starts: see tenant-quotas.ts. */
  limited: z.literal(true).optional(),
  /** The `version` of its job type when it was submitted. Absent: it had none. */
  typeVersion: z.int().optional(),
  timeoutMs: z.int().optional(),
  backoff: z.object({ type: z.enum(['fixed', 'exponential']), delayMs: z.number(), jitter: z.number() }).optional(),
  startWithinMs: z.int().optional(),
  deadlineMs: z.int().optional(),
  /** When the present run was opened by a retry, or the job was released by its flow. */
  reopenedAt: z.int().optional(),
  /** Both time limits count from here; a retry sets it anew. */
  countsFrom: z.int().optional(),
  /** How long it is kept at the latest once it has ended, in place of what holds for all jobs. */
  keepMs: z.int().optional(),
  priority: z.int().optional(),
  ...schedulingFields,
  tags: z.array(z.string()).optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  /** The keys of its metadata that have an index. */
  indexed: z.array(z.string()).optional(),
  traceparent: z.string().optional(),
  /** Of the request that submitted it, for the logs of workers. */
  requestId: z.string().optional(),
  /** Where its input and its output have secrets, which no client sees: see src/jobs/secrets.ts. */
  secrets: z.object({ input: secretPathsSchema.optional(), output: secretPathsSchema.optional() }).optional(),
  /** How many jobs or webhooks, one after the other, led to this submission: see src/jobs/hops.ts. Absent: none. */
  hops: z.int().optional(),
  webhook: webhookSchema.optional(),
  unique: uniqueSchema.optional(),
  debounce: debounceSchema.optional(),
  /** The flow of the job, and its node there. `fills`: the step behind it takes its output, see flows/fill-next-step.ts. */
  flow: z.object({ id: z.string(), node: z.int(), fills: z.literal(true).optional() }).optional(),
  /** The job whose handler has submitted it, the first one above that, and how many are above it. */
  parent: z.object({ id: z.string(), root: z.string(), depth: z.int() }).optional(),
  /** Last in the stored text, because read-job.lua cuts a large one off. */
  input: z.unknown(),
})

/** The `data` of a BullMQ job. Times are epoch milliseconds. */
export type JobRecord = z.output<typeof recordSchema>

/** A record with its fields in the order of the stored text. */
export function inStoredOrder({ input, ...record }: JobRecord): JobRecord {
  return { ...record, input }
}

/** Reads a stored record; undefined when it was written by a version of Drover that this one cannot read. */
export function parseRecord(data: unknown): JobRecord | undefined {
  return isBare(data) ? data : recordSchema.safeParse(data).data
}

/** The fields of a record without options, as most are, but for its version. */
const bareFields: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['tenant', isText],
  ['requestId', isText],
  ['traceparent', isText],
  ['input', (value) => value !== undefined],
])

function isText(value: unknown): boolean {
  return typeof value === 'string'
}

/** Whether a record has no options: the schema would look for each of them, and make a copy of what is here. */
function isBare(data: unknown): data is JobRecord {
  if (typeof data !== 'object' || data === null || !('tenant' in data && 'input' in data)) return false
  const record: Partial<Record<string, unknown>> = data
  for (const name in record) {
    const value = record[name]
    if (name === 'v' ? value !== recordVersion : !bareFields.get(name)?.(value)) return false
  }
  return record['v'] === recordVersion
}

/** The record of a job that a plain BullMQ producer added: the anonymous tenant's, with its data as the input. */
export function plainRecord(data: unknown, secrets?: JobRecord['secrets']): JobRecord {
  return { v: recordVersion, tenant: anonymousTenant, ...(secrets && { secrets }), input: data }
}

/** Where jobs of a type have secrets: those of plain producers have no paths stored with them. */
export type PlainSecrets = (type: string) => JobRecord['secrets']

/** Since when a job with this stored record could have started in its present run. `firstDueAt` is when it was created or became due. */
export function dueAt(data: unknown, firstDueAt: number): number {
  const reopenedAt: unknown = Object(data).reopenedAt
  return typeof reopenedAt === 'number' ? reopenedAt : firstDueAt
}

/** The request that submitted a job, as logs name it. */
export function requestOf(data: unknown): { request_id?: string; traceparent?: string; trace_id?: string } {
  const { requestId, traceparent } = Object(data) as { requestId?: unknown; traceparent?: unknown }
  return {
    ...(typeof requestId === 'string' && { request_id: requestId }),
    ...(typeof traceparent === 'string' && { traceparent, trace_id: traceIdOf(traceparent) }),
  }
}

/** The flow or the parent in a stored record, which hears of the job's end, without validating the rest. */
export function ownerOf(data: unknown): string | undefined {
  const { flow, parent } = Object(data) as { flow?: unknown; parent?: unknown }
  const id: unknown = Object(flow ?? parent).id
  return typeof id === 'string' ? id : undefined
}

/** The flow and node of a stored record whose output the next step takes. */
export function fillerOf(data: unknown): { flow: string; node: number } | undefined {
  const { id, node, fills } = Object(Object(data).flow) as { id?: unknown; node?: unknown; fills?: unknown }
  return fills === true && typeof id === 'string' && typeof node === 'number' ? { flow: id, node } : undefined
}

/** When a job must have started, and when it must have ended, in epoch ms; undefined where there is no limit. */
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
