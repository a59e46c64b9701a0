import type { z } from 'zod'

/** Where a job's code runs: on the worker's event loop (waiting), in a thread (computing), in a child process (may crash alone). */
export type RunsOn = 'event-loop' | 'thread' | 'process'

/** Whether the runs of a job type may share a thread or process with other runs, one after the other. */
export type Isolation = 'shared' | 'fresh'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** The delay before the next attempt. `jitter` (0 to 1) is its random share. */
export interface Backoff {
  type: 'fixed' | 'exponential'
  delayMs: number
  jitter?: number
}

/** The second argument of a handler. The same on all three executors. */
export interface JobContext {
  /** The same for all attempts: use it to make the handler's effects idempotent. */
  readonly id: string
  readonly type: string
  /** Whose job it is: the tenant of the API key that submitted it. `-` without keys. */
  readonly tenant: string
  /** 1 for the first attempt. */
  readonly attempt: number
  readonly maxAttempts: number
  /** Aborts when the job is canceled, exceeds a time limit, or its worker loses the lease. A loop that never waits must read `job.signal` again each time. */
  readonly signal: AbortSignal
  /** `fraction` from 0 to 1. Never throws and never waits; when events come faster than Redis stores them, only the newest is kept. */
  readonly progress: (fraction: number, message?: string, data?: unknown) => void
  /** Adds a line to the job's log, which clients can read. Not for secrets. */
  readonly log: (message: string, level?: LogLevel) => void
  /** `fetch` behind the egress guard: refuses private addresses unless EGRESS_ALLOW_CIDRS allows them. Aborts with `signal`. */
  readonly fetch: (url: string | URL, init?: RequestInit) => Promise<Response>
}

type JobInput = z.ZodType
type JobOutput = z.ZodType

/** An async function, or an async generator: each `yield` is an `output` event, the `return` value is the job's output. */
export type Run<I extends JobInput, O extends JobOutput> = (
  input: z.output<I>,
  job: JobContext,
) => Promise<z.input<O>> | AsyncGenerator<unknown, z.input<O>, undefined>

/** A job type as {@link defineJob} takes it. */
export interface JobSpec<I extends JobInput, O extends JobOutput> {
  /** Lower-case words joined by hyphens. Clients send it as `type`. */
  type: string
  title: string
  description?: string
  runsOn: RunsOn
  /** Default `io` for `event-loop`, `cpu` for the other two. */
  queue?: string
  input: I
  output: O
  /** The maximum number of attempts, including the first. Default 1. */
  attempts?: number
  /** Default: exponential from 1,000 ms, jitter 0.5. */
  backoff?: Backoff
  /** Time limit of one attempt. Default 60,000 ms. */
  timeoutMs?: number
  /** How long a canceled handler may take to stop by itself before it is killed or abandoned. Default 2,000 ms. */
  cancelGraceMs?: number
  /** Heap limit of the thread or process in MB. Default 512. */
  memoryLimitMb?: number
  /**
   * `fresh` gives each run a new thread or process, which ends with it. Default `shared`: a host is reused until a run leaves
   * something behind in it. See docs/concurrency.md for what that sees and what a fresh host costs.
   */
  isolation?: Isolation
  /** Checked against the schemas when the job type is loaded; shown in the API documentation. */
  examples?: { input: z.input<I>; output?: z.output<O> }[]
  run: Run<I, O>
}

/** A job type with every default filled in. */
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
  readonly isolation: Isolation
  readonly examples: readonly { input: unknown; output?: unknown }[]
  run(input: unknown, job: JobContext): Promise<unknown> | AsyncGenerator<unknown, unknown, undefined>
}

const jobBrand = Symbol.for('drover.job')

/**
 * Declares a job type. The file's default export must be the result.
 *
 * @throws TypeError for a field that is missing, malformed or out of range; the boot reports it with the name of the file.
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
  requireRun(spec.run)
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
    isolation: spec.isolation ?? 'shared',
    examples: spec.examples ?? [],
    // The only place where a parsed, typed input becomes unknown: callers parse with `input` first.
    run: spec.run as Job['run'],
    [jobBrand]: true,
  }
  requireIsolation(job.isolation, runsOn)
  requireInteger('backoff.delayMs', job.backoff.delayMs, 0, 24 * 3_600_000)
  if (!(job.backoff.jitter >= 0 && job.backoff.jitter <= 1)) throw new TypeError('backoff.jitter must be from 0 to 1')
  return job
}

/** The longest time limit of an attempt: a week. Timers end at 24.8 days. */
export const longestTimeoutMs = 7 * 86_400_000

/** Queue names are part of job ids and Redis keys. */
export const queueNamePattern = /^[a-z][a-z0-9-]{0,31}$/

/** True for a result of {@link defineJob}, also from another copy of this module. */
export function isJob(value: unknown): value is Job {
  return typeof value === 'object' && value !== null && jobBrand in value
}

/** Marks Drover's own errors, whichever copy of this module made them. */
const jobErrorBrand = Symbol.for('drover.job-error')

/** The longest delay of a job, and so of its next attempt: a year. */
export const maxDelayMs = 365 * 86_400_000

/** A failure described by the handler. `code` is stable and reaches clients as `error.code`. */
export class JobError extends Error {
  readonly code: string
  readonly retryable: boolean
  /** Replaces the job's backoff before the next attempt; undefined keeps it. From 0 to a year. */
  readonly retryAfterMs: number | undefined

  constructor(
    message: string,
    options: { code?: string; retryable?: boolean; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : {})
    this.name = new.target.name
    this.code = options.code ?? 'job_failed'
    this.retryable = options.retryable ?? true
    this.retryAfterMs = clampDelay(options.retryAfterMs)
  }

  get [jobErrorBrand](): true {
    return true
  }
}

/** True for a {@link JobError}, also from another copy of this module. */
export function isJobError(value: unknown): value is JobError {
  return typeof value === 'object' && value !== null && jobErrorBrand in value
}

/** Throw it to fail the job without another attempt. */
export class PermanentError extends JobError {
  constructor(message: string, options: { code?: string; cause?: unknown } = {}) {
    super(message, { ...options, retryable: false })
  }
}

/**
 * Throw it to set the delay before the next attempt, in place of the job's backoff (from a `Retry-After`, for example). A delay beyond a
 * year is cut to a year; one that is not a number keeps the backoff.
 */
export class RetryLater extends JobError {
  constructor(
    afterMs: number,
    message = `try again in ${afterMs} ms`,
    options: { code?: string; cause?: unknown } = {},
  ) {
    super(message, { ...options, retryAfterMs: afterMs })
  }
}

/** Never throws: the handler has failed already, and its reason must not be lost. */
function clampDelay(delayMs: unknown): number | undefined {
  if (typeof delayMs !== 'number' || Number.isNaN(delayMs)) return undefined
  return Math.min(Math.max(Math.ceil(delayMs), 0), maxDelayMs)
}

/** A generator that is not async would be taken for the output: it has no values to wait for. */
function requireRun(run: unknown): void {
  if (typeof run !== 'function') throw new TypeError('run must be an async function or an async generator')
  if (Object.prototype.toString.call(run) === '[object GeneratorFunction]') {
    throw new TypeError('run must be an async generator: write `async *run`')
  }
}

function requireIsolation(isolation: unknown, runsOn: RunsOn): void {
  if (isolation !== 'shared' && isolation !== 'fresh') {
    throw new TypeError(`isolation must be "shared" or "fresh", not ${JSON.stringify(isolation)}`)
  }
  if (isolation === 'fresh' && runsOn === 'event-loop') {
    throw new TypeError('isolation "fresh" needs runsOn "thread" or "process": the event loop is shared by all jobs')
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
