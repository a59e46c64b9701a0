import { z } from 'zod'

/** Epoch milliseconds: one machine writes the whole ledger, so that times of several processes compare. */
const at = z.int()

/** A client has the API's word (202, or 200 with the finished job) that this job exists. */
const acceptedSchema = z.strictObject({ kind: z.literal('accepted'), id: z.string(), at, status: z.int() })

/** A client asked and got no word, or a 5xx: the job may exist or not. */
const unansweredSchema = z.strictObject({ kind: z.literal('unanswered'), at, why: z.string() })

/**
 * A handler begins or ends a run. `run` is new for each start, also of the same attempt; `pid` is the process that the handler
 * is in, `worker` the one that holds the job: another for handlers in a process of their own.
 */
const runFields = { id: z.string(), run: z.string(), attempt: z.int(), pid: z.int(), worker: z.int(), at }
const startSchema = z.strictObject({ kind: z.literal('start'), ...runFields })
const endSchema = z.strictObject({ kind: z.literal('end'), ...runFields })

/** What a client reads of a job. `run` is what the output says, so that it is known whose words were taken. */
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

/** The queue's own event stream says that a job went into its set of finished jobs. */
const storedSchema = z.strictObject({
  kind: z.literal('stored'),
  id: z.string(),
  at,
  end: z.enum(['completed', 'failed']),
})

const faults = ['worker_killed', 'worker_frozen', 'worker_stopped', 'lock_deleted', 'redis_away', 'api_killed'] as const

/** What a test did, and to whom: to one worker, to one job, or (neither) to all. */
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

/** @throws ZodError for what is no entry: a torn or foreign line must not pass for nothing. */
export function parseEntry(line: string): LedgerEntry {
  return entrySchema.parse(JSON.parse(line))
}
