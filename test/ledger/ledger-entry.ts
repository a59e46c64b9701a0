import { z } from 'zod'

/** Epoch milliseconds. One machine writes the whole ledger, so times of several processes are comparable. */
const at = z.int()

/** The API has answered a client (202, or 200 with the finished job) that this job exists. */
const acceptedSchema = z.strictObject({ kind: z.literal('accepted'), id: z.string(), at, status: z.int() })

/** A client got no answer, or a 5xx: the job may exist or not. */
const unansweredSchema = z.strictObject({ kind: z.literal('unanswered'), at, why: z.string() })

/**
 * A handler starts or ends. `run` is new for each start, also of the same attempt. `pid` is the process of the handler, `worker`
 * the process that holds the job: they differ if the handler runs in its own process.
 */
const runFields = { id: z.string(), run: z.string(), attempt: z.int(), pid: z.int(), worker: z.int(), at }
const startSchema = z.strictObject({ kind: z.literal('start'), ...runFields })
const endSchema = z.strictObject({ kind: z.literal('end'), ...runFields })

/** A client has read a job. `run` is from the output and identifies the start that produced it. */
const readSchema = z.strictObject({
  kind: z.literal('read'),
  id: z.string(),
  at,
  status: z.int(),
  state: z.string().optional(),
  done: z.boolean().optional(),
  attempt: z.int().optional(),
  finishedAt: z.int().optional(),
  run: z.string().optional(),
  error: z.string().optional(),
})

/** The queue stored an end: its event stream or its set of finished jobs has it. */
const storedSchema = z.strictObject({
  kind: z.literal('stored'),
  id: z.string(),
  at,
  end: z.enum(['completed', 'failed']),
})

const faults = [
  'worker_killed',
  'worker_frozen',
  'worker_stopped',
  'lock_deleted',
  'redis_away',
  'api_killed',
  'scripts_flushed',
] as const

/** A fault that a test caused, to one worker, to one job, or (neither) to all. */
const faultSchema = z.strictObject({
  kind: z.literal('fault'),
  what: z.enum(faults),
  from: at,
  until: at,
  worker: z.int().optional(),
  id: z.string().optional(),
})

const entrySchema = z.discriminatedUnion('kind', [
  acceptedSchema,
  unansweredSchema,
  startSchema,
  endSchema,
  readSchema,
  storedSchema,
  faultSchema,
])

/** One line of a ledger. */
export type LedgerEntry = z.output<typeof entrySchema>
export type EntryOf<K extends LedgerEntry['kind']> = Extract<LedgerEntry, { kind: K }>

/** @throws ZodError if the line is no entry: a torn or foreign line must not be ignored. */
export function parseEntry(line: string): LedgerEntry {
  return entrySchema.parse(JSON.parse(line))
}
