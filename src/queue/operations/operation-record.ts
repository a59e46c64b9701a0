import { z } from 'zod'
import { type JobState, jobStates } from '../model/job-states.ts'
import { parseJson } from '../model/parse-json.ts'

export const operationActions = ['cancel', 'retry', 'delete'] as const
export type OperationAction = (typeof operationActions)[number]

/** `queued`: no process has taken it yet. */
export const operationStates = ['queued', 'running', 'succeeded', 'failed', 'canceled'] as const
export type OperationState = (typeof operationStates)[number]

/** To which jobs an action can be applied. */
export const applicableStates: Record<OperationAction, readonly JobState[]> = {
  cancel: ['scheduled', 'blocked', 'queued', 'running'],
  retry: ['failed', 'canceled', 'expired'],
  delete: ['succeeded', 'failed', 'canceled', 'expired'],
}

const filterSchema = z.object({
  state: z.enum(jobStates).optional(),
  type: z.string().optional(),
  queue: z.string().optional(),
  tag: z.string().optional(),
  parent: z.string().optional(),
  errorCode: z.string().optional(),
  fingerprint: z.string().optional(),
  /** Epoch ms, both included. */
  from: z.number(),
  to: z.number(),
})

const definitionSchema = z.object({
  v: z.literal(1),
  tenant: z.string(),
  /** The key that asked for it, with the hash of its secret in hex; absent where there are none. */
  key: z.object({ id: z.string(), hash: z.string() }).optional(),
  action: z.enum(operationActions),
  filter: filterSchema,
  /** The filter as the client sent it. */
  request: z.record(z.string(), z.string()),
  dryRun: z.boolean(),
  limit: z.int(),
  createdAt: z.number(),
})

/** What a client asked for. It does not change. */
export type OperationDefinition = Omit<z.output<typeof definitionSchema>, 'v'>

const failureSchema = z.object({ id: z.string(), code: z.string(), detail: z.string() })
export type ItemFailure = z.output<typeof failureSchema>

/** How far it is. */
export interface OperationProgress {
  state: OperationState
  /** Jobs that match. `isMatched`: that is all of them. */
  matched: number
  isMatched: boolean
  /** The ULID behind which the search goes on. */
  behind: string | undefined
  /** Jobs in its list, and how many of them it is through with. */
  listed: number
  next: number
  succeeded: number
  failed: number
  /** To these the action cannot be applied, or they have changed since. */
  skipped: number
  /** Why some of them failed. */
  failures: ItemFailure[]
  /** Why there is no room for the jobs that it retries at the moment. */
  waitingFor: string | undefined
  /** Why it failed. */
  error: { code: string; message: string } | undefined
  startedAt: number | undefined
  finishedAt: number | undefined
}

/** An operation at one moment. Times are epoch ms. */
export interface StoredOperation extends OperationDefinition, OperationProgress {
  id: string
  cancelRequestedAt: number | undefined
  /** Rises with each change. */
  sequence: number
}

export const isOperationDone = ({ state }: { state: OperationState }): boolean =>
  state !== 'queued' && state !== 'running'

export function encodeDefinition(definition: OperationDefinition): string {
  return JSON.stringify({ v: 1, ...definition })
}

/** The fields of its hash. */
export function encodeProgress(progress: OperationProgress): Record<string, string> {
  const { failures, error, ...plain } = progress
  const texts = Object.entries(plain).map(([name, value]) => [name, value === undefined ? '' : String(value)])
  return {
    ...Object.fromEntries(texts),
    failures: JSON.stringify(failures),
    error: error === undefined ? '' : JSON.stringify(error),
  }
}

export const newProgress: OperationProgress = {
  state: 'queued',
  matched: 0,
  isMatched: false,
  behind: undefined,
  listed: 0,
  next: 0,
  succeeded: 0,
  failed: 0,
  skipped: 0,
  failures: [],
  waitingFor: undefined,
  error: undefined,
  startedAt: undefined,
  finishedAt: undefined,
}

/** How far an operation is, without what it is. */
export function progressOf(operation: StoredOperation): OperationProgress {
  const { state, matched, isMatched, behind, listed, next, succeeded, failed, skipped } = operation
  const { failures, waitingFor, error, startedAt, finishedAt } = operation
  const counts = { matched, isMatched, behind, listed, next, succeeded, failed, skipped }
  return { state, ...counts, failures, waitingFor, error, startedAt, finishedAt }
}

/** Reads the hash of an operation; undefined where there is none, or another version wrote it. */
export function decodeOperation(id: string, hash: Record<string, string>): StoredOperation | undefined {
  const definition = definitionSchema.safeParse(parseJson(hash['definition'] ?? '')).data
  const state = operationStates.find((name) => name === hash['state'])
  if (!definition || !state) return undefined
  const { v: _, ...given } = definition
  const text = (name: string) => hash[name] || undefined
  const number = (name: string) => Number(hash[name] || 0)
  const time = (name: string) => (hash[name] ? Number(hash[name]) : undefined)
  return {
    ...given,
    id,
    state,
    matched: number('matched'),
    isMatched: hash['isMatched'] === 'true',
    behind: text('behind'),
    listed: number('listed'),
    next: number('next'),
    succeeded: number('succeeded'),
    failed: number('failed'),
    skipped: number('skipped'),
    failures: z
      .array(failureSchema)
      .catch([])
      .parse(parseJson(hash['failures'] ?? '[]')),
    waitingFor: text('waitingFor'),
    error: z.object({ code: z.string(), message: z.string() }).safeParse(parseJson(hash['error'] ?? '')).data,
    startedAt: time('startedAt'),
    finishedAt: time('finishedAt'),
    cancelRequestedAt: time('cancelRequestedAt'),
    sequence: number('sequence'),
  }
}
