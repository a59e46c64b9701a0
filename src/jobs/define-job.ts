import type { z } from 'zod'

/** Where a job's code runs: on the worker's event loop (waiting), in a thread (computing), in a child process (may crash alone). */
export type RunsOn = 'event-loop' | 'thread' | 'process'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** How long to wait before the next attempt. `jitter` (0 to 1) is the share of the delay that is drawn at random. */
export interface Backoff {
  type: 'fixed' | 'exponential'
  delayMs: number
  jitter?: number
}

/** What a handler is given beside its input. The same on all three executors. */
export interface JobContext {
  /** Stable over attempts: use it to make the handler's own effects idempotent. */
  readonly id: string
  readonly type: string
  /** 1 for the first attempt. */
  readonly attempt: number
  readonly maxAttempts: number
  /** Aborts when the job is cancelled, out of time, or no longer this worker's. A loop that never waits must read `job.signal` anew. */
  readonly signal: AbortSignal
  /** `fraction` from 0 to 1. Never throws and never waits; when events come faster than Redis takes them, only the newest are kept. */
  readonly progress: (fraction: number, message?: string, data?: unknown) => void
  /** A line in the job's own log, which clients read. Not for secrets. */
  readonly log: (message: string, level?: LogLevel) => void
  /** `fetch` behind the egress guard: private addresses are refused unless EGRESS_ALLOW_CIDRS names them. Aborts with `signal`. */
  readonly fetch: (url: string | URL, init?: RequestInit) => Promise<Response>
}

type JobInput = z.ZodType
type JobOutput = z.ZodType

/** An async function, or an async generator: each `yield` is an `output` event, the `return` value is the job's output. */
export type Run<I extends JobInput, O extends JobOutput> = (
  input: z.output<I>,
  job: JobContext,
) => Promise<z.input<O>> | AsyncGenerator<unknown, z.input<O>, undefined>

/** All that a job type is. Everything optional has the default that {@link defineJob} states. */
export interface JobSpec<I extends JobInput, O extends JobOutput> {
  /** Lower-case words joined by hyphens; what clients send as `type`. */
  type: string
  title: string
  description?: string
  runsOn: RunsOn
  /** Default `io` for `event-loop`, `cpu` for the other two. */
  queue?: string
  input: I
  output: O
  /** Attempts in all, the first included. Default 1. */
  attempts?: number
  /** Default exponential from one second, jitter 0.5. */
  backoff?: Backoff
  /** Bound of one attempt. Default 60,000 ms. */
  timeoutMs?: number
  /** How long a cancelled handler may take to stop by itself before it is ended. Default 2,000 ms. */
  cancelGraceMs?: number
  /** Heap limit of the thread or process. Default 512. */
  memoryLimitMb?: number
  /** Checked against the schemas when the job is loaded; shown in the API's documentation. */
  examples?: { input: z.input<I>; output?: z.output<O> }[]
  run: Run<I, O>
}

/** A job type as the rest of Drover sees it: every default filled in. */
export interface Job {
  readonly type: string
  readonly title: string
  readonly description: string
  readonly runsOn: RunsOn
  readonly queue: string
  readonly input: JobInput
  readonly output: JobOutput
  readonly attempts: number
  readonly backoff: Required<Backoff>
  readonly timeoutMs: number
  readonly cancelGraceMs: number
  readonly memoryLimitMb: number
  readonly examples: readonly { input: unknown; output?: unknown }[]
  run(input: unknown, job: JobContext): Promise<unknown> | AsyncGenerator<unknown, unknown, undefined>
}

const jobBrand = Symbol.for('drover.job')

/**
 * Declares a job type. The file's default export must be the result.
 *
 * @throws TypeError when a name or a number is out of its range; loading reports it with the file's name.
 */
export function defineJob<I extends JobInput, O extends JobOutput>(spec: JobSpec<I, O>): Job {
  const { type, runsOn } = spec
  requireName('type', type, /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/)
  if (!['event-loop', 'thread', 'process'].includes(runsOn)) {
    throw new TypeError(`runsOn must be "event-loop", "thread" or "process", not ${JSON.stringify(runsOn)}`)
  }
  const queue = spec.queue ?? (runsOn === 'event-loop' ? 'io' : 'cpu')
  requireName('queue', queue, queueNamePattern)
  for (const name of ['input', 'output'] as const) {
    if (typeof spec[name]?.safeParse !== 'function') throw new TypeError(`${name} must be a Zod schema`)
  }
  if (typeof spec.run !== 'function') throw new TypeError('run must be an async function or an async generator')
  const job = {
    type,
    title: spec.title ?? type,
    description: spec.description ?? '',
    runsOn,
    queue,
    input: spec.input,
    output: spec.output,
    attempts: requireInteger('attempts', spec.attempts ?? 1, 1, 1000),
    backoff: { type: 'exponential' as const, delayMs: 1000, jitter: 0.5, ...spec.backoff },
    timeoutMs: requireInteger('timeoutMs', spec.timeoutMs ?? 60_000, 1, longestTimeoutMs),
    cancelGraceMs: requireInteger('cancelGraceMs', spec.cancelGraceMs ?? 2000, 0, 60_000),
    memoryLimitMb: requireInteger('memoryLimitMb', spec.memoryLimitMb ?? 512, 16, 65_536),
    examples: spec.examples ?? [],
    // The only place where a parsed, hence typed, input becomes unknown: callers parse with `input` first.
    run: spec.run as Job['run'],
    [jobBrand]: true,
  }
  requireInteger('backoff.delayMs', job.backoff.delayMs, 0, 24 * 3_600_000)
  if (!(job.backoff.jitter >= 0 && job.backoff.jitter <= 1)) throw new TypeError('backoff.jitter must be from 0 to 1')
  return job
}

/** The longest bound of an attempt: a week. Timers end at 24.8 days. */
export const longestTimeoutMs = 7 * 86_400_000

/** Queue names stand in job ids and Redis keys. */
export const queueNamePattern = /^[a-z][a-z0-9-]{0,31}$/

/** True for what {@link defineJob} returned, whichever copy of this module made it. */
export function isJob(value: unknown): value is Job {
  return typeof value === 'object' && value !== null && jobBrand in value
}

/** What a handler may say of its own failure. `code` is stable and goes to the client as `error.code`. */
export class JobError extends Error {
  readonly code: string
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined

  constructor(
    message: string,
    options: { code?: string; retryable?: boolean; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : {})
    this.name = new.target.name
    this.code = options.code ?? 'job_failed'
    this.retryable = options.retryable ?? true
    this.retryAfterMs = options.retryAfterMs
  }
}

/** Throw it to end the job now: no further attempt is made. */
export class PermanentError extends JobError {
  constructor(message: string, options: { code?: string; cause?: unknown } = {}) {
    super(message, { ...options, retryable: false })
  }
}

/** Throw it to name the delay before the next attempt yourself, in place of the job's backoff (a `Retry-After`, for one). */
export class RetryLater extends JobError {
  constructor(
    afterMs: number,
    message = `try again in ${afterMs} ms`,
    options: { code?: string; cause?: unknown } = {},
  ) {
    super(message, { ...options, retryAfterMs: requireInteger('afterMs', Math.ceil(afterMs), 0, 24 * 3_600_000) })
  }
}

function requireName(field: string, value: unknown, pattern: RegExp): void {
  if (typeof value !== 'string' || !pattern.test(value)) {
    throw new TypeError(`${field} must match ${pattern.source}, and is ${JSON.stringify(value)}`)
  }
}

function requireInteger(field: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new TypeError(`${field} must be an integer from ${min} to ${max}, and is ${value}`)
  }
  return value
}
