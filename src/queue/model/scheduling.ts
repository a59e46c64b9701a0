import { z } from 'zod'

/** The longest key of a concurrency limit, a rate or a share, in UTF-16 units. */
export const maxKeyLength = 256
/** The largest number of jobs that a limit may allow at once. */
export const maxConcurrency = 100_000

/** What happens to a new job whose concurrency key is full. */
export const onFullKinds = ['wait', 'reject', 'replace'] as const

/** What is stored of a job about when it may start: see docs/scheduling.md. */
export const schedulingFields = {
  /** Of its tenant, when it was submitted. Absent: 1. */
  weight: z.number().optional(),
  /** How many jobs of its tenant may run at once in its queue, when it was submitted. */
  maxRunning: z.int().optional(),
  /** Divides the share of its tenant. */
  fairnessKey: z.string().optional(),
  /** At most `limit` jobs of the key run at once. `onFull` absent: the job is held, however many are. */
  concurrency: z.object({ key: z.string(), limit: z.int(), onFull: z.enum(onFullKinds).optional() }).optional(),
  /** At most `limit` jobs of the key start in `perMs`, and `burst` of them at one moment. */
  rate: z.object({ key: z.string(), limit: z.int(), perMs: z.int(), burst: z.int() }).optional(),
}

const keySchema = z
  .string()
  .min(1)
  .max(maxKeyLength)
  .refine((key) => key.isWellFormed(), 'is not well-formed Unicode')
const ofTypeSchema = z.object({
  concurrency: z.object({ key: keySchema, limit: z.int().min(1).max(maxConcurrency).default(1) }).optional(),
  rate: z
    .object({
      key: keySchema,
      limit: z.int().min(1),
      perMs: z.int().min(1),
      burst: z.int().min(1).default(1),
    })
    .optional(),
  fairnessKey: keySchema.optional(),
})

/** The keys that a step of a flow has from its type. */
export type StepScheduling = z.output<typeof ofTypeSchema>

/** What is stored of the keys of a type for the input of a job of a flow, which always waits; or why they are none. */
export function flowScheduling(ofType: unknown): { scheduling: StepScheduling } | { error: string } {
  const { data, error } = ofTypeSchema.safeParse(ofType)
  return data ? { scheduling: data } : { error: error.issues[0]?.message ?? 'is invalid' }
}

const schedulingSchema = z.object({ tenant: z.string(), ...schedulingFields })
type Scheduling = z.output<typeof schedulingSchema>

/** The fields of a job's hash by which scripts decide when it may start: see fair.lua and slots.lua. */
export function schedulingHash(record: Scheduling): { turn?: string; gates?: string } {
  const { tenant, weight = 1, maxRunning, fairnessKey = '', concurrency, rate } = record
  const isPlainTurn = weight === 1 && fairnessKey === ''
  const isPlain = !(concurrency || rate) && maxRunning === undefined
  if (isPlainTurn && isPlain) return none
  const gates = {
    t: tenant,
    m: maxRunning,
    c: concurrency && [concurrency.key, concurrency.limit],
    r: rate && [rate.key, rate.limit, rate.perMs, rate.burst],
  }
  return {
    ...(!isPlainTurn && { turn: `${weight} ${fairnessKey}` }),
    ...(!isPlain && { gates: JSON.stringify(gates) }),
  }
}
const none = {}

/** Why a new job was not stored. */
export interface AddRefusal {
  why: 'concurrency_full' | 'too_many_held'
  /** The gate, as slots.lua names it. */
  gate: string
  limit: number
}

/** A new job was not stored, because its key is full. */
export class JobRefusedError extends Error {
  readonly refusal: AddRefusal

  constructor(refusal: AddRefusal) {
    super(`the job was refused: ${refusal.why}`)
    this.name = 'JobRefusedError'
    this.refusal = refusal
  }
}
