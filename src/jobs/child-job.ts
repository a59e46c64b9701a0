import { z } from 'zod'

/** How deep jobs may submit jobs, and how many there may be below the first. */
export const childLimits = { depth: 8, descendants: 10_000 }

const maxDelayMs = 365 * 86_400_000
const durationMs = z.int().min(1).max(maxDelayMs)
const key = z.string().min(1).max(256)

/** The options of a job that a handler submits. */
export const childOptionsSchema = z.strictObject({
  priority: z.int().min(0).max(9).optional(),
  attempts: z.int().min(1).max(1000).optional(),
  backoff: z
    .strictObject({
      type: z.enum(['fixed', 'exponential']),
      delayMs: z.int().min(0).max(86_400_000),
      jitter: z.number().min(0).max(1).optional(),
    })
    .optional(),
  timeoutMs: z.int().min(1).max(604_800_000).optional(),
  delayMs: z.int().min(0).max(maxDelayMs).optional(),
  startWithinMs: durationMs.optional(),
  deadlineMs: durationMs.optional(),
  tags: z.array(z.string().min(1).max(100)).max(20).optional(),
  metadata: z.record(z.string().min(1).max(100), z.string().max(1000)).optional(),
  concurrency: z.strictObject({ key, limit: z.int().min(1).max(100_000).optional() }).optional(),
  rate: z
    .strictObject({
      key,
      limit: z.int().min(1),
      perMs: z.int().min(1).max(maxDelayMs),
      burst: z.int().min(1).optional(),
    })
    .optional(),
  fairnessKey: key.optional(),
})

/**
 * Options of a child, as a client would send them. Default: the priority of the parent, and what the job type says. Its deadline is never later
 * than that of the parent.
 */
export type ChildOptions = z.input<typeof childOptionsSchema>

/** A job type by its definition, which gives the types of input and output. */
export interface ChildType<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  readonly type: string
  readonly input: I
  readonly output: O
}

/** A job that a handler submits: its type, by name or definition, its input as a client would send it, and options. */
export interface ChildJob extends ChildOptions {
  type: string | ChildType
  input: unknown
}

/** A job that a handler has submitted. */
export interface StartedChild {
  readonly id: string
  readonly type: string
  /** Its output, once it has ended. @throws ChildFailedError, see JobContext.run */
  readonly result: () => Promise<unknown>
}

/** What a handler calls to submit jobs, as members of its second argument. */
export interface ChildCalls {
  /**
   * Submits a job and waits for its output. While it waits, the handler's job is parked: it gives up its place, and its handler begins anew when the
   * child has ended. There the same call, by the order of the calls in the handler, finds the child again.
   *
   * @throws ChildFailedError where it failed, was canceled or has expired; JobError where it is refused, with the code of the API's problem
   */
  readonly run: {
    <I extends z.ZodType, O extends z.ZodType>(
      type: ChildType<I, O>,
      input: z.input<I>,
      options?: ChildOptions,
    ): Promise<z.output<O>>
    (type: string, input: unknown, options?: ChildOptions): Promise<unknown>
  }
  /** Submits a job and goes on. @throws JobError where it is refused */
  readonly start: (type: string | ChildType, input: unknown, options?: ChildOptions) => Promise<StartedChild>
  /**
   * Submits jobs, all or none, and waits for all of them, or for what {@link start} has returned. Their outputs are in the order given. The first that does not
   * succeed is thrown at once, and the others go on; with `settled` all are waited for, and results are as of `Promise.allSettled`.
   *
   * @throws as {@link run}
   */
  readonly gather: {
    (
      children: readonly (ChildJob | StartedChild)[],
      options: { settled: true },
    ): Promise<PromiseSettledResult<unknown>[]>
    (children: readonly (ChildJob | StartedChild)[], options?: { settled?: false }): Promise<unknown[]>
  }
}

const fieldPrefix = 'children:'

/** The name of the answer that a start waits for, as that of its n-th ask. */
export const childrenField = (start: number, n: number): string => `${fieldPrefix}${start}:${n}`

/** Whether an answer is one of {@link childrenField}. */
export const isChildrenField = (field: string): boolean => field.startsWith(fieldPrefix)

/** The call of a handler by which a child is found again: `n` counts the calls of one start. */
export interface ChildCall {
  n: number
  type: string
  input: unknown
  options: ChildOptions
}

/**
 * What a handler asks its worker for: children to be submitted, unless earlier starts have; all or none of those that are new. `waitFor`: their ends, or the first that is
 * not a success; `nothing`: it goes on.
 */
export interface ChildrenAsk {
  calls: ChildCall[]
  waitFor: 'all' | 'first_failure' | 'nothing'
}

/** How a child has ended. */
export type ChildResult =
  | { id: string; status: 'open' }
  | { id: string; status: 'succeeded'; output: unknown }
  | { id: string; status: 'failed' | 'canceled' | 'expired'; code: string; message: string }

/** What a worker answers: results in the order of the calls, what to wait for, or why none is submitted. */
export type ChildrenReply =
  | { status: 'ready'; results: ChildResult[] }
  | { status: 'open'; field: string }
  | { status: 'refused'; code: string; message: string; retryable: boolean }

/** Never rejects but for a fault of the worker. */
export type ChildrenPort = (ask: ChildrenAsk) => Promise<ChildrenReply>
