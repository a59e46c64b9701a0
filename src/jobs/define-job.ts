import type { z } from 'zod'
import { mistakesIn, mistakesInUse } from './check-definition.ts'
import { DefinitionError } from './definition-error.ts'
import type { JobContext } from './job-context.ts'
import type { JsonSchema } from './program/json-schema.ts'
import { type Program, type ProgramOptions, readProgram } from './program/program.ts'
import type { DebounceOptions, UniqueOptions } from './unique-options.ts'

// Files of job types import this module alone, as the package `drover`.
export { ChildFailedError } from './child-failed-error.ts'
export type { ChildJob, ChildOptions, StartedChild } from './child-job.ts'
export type { JobContext, LogLevel } from './job-context.ts'
export { isJobError, JobError, maxDelayMs, PermanentError, RetryLater } from './job-error.ts'

/** Where a job's code runs: on the worker's event loop (waiting), in a thread (computing), in a child process (may crash alone). */
export type RunsOn = 'event-loop' | 'thread' | 'process'

/** Whether the runs of a job type may share a thread or process with other runs, one after the other. */
export type Isolation = 'shared' | 'fresh'

/** The delay before the next attempt. `jitter` (0 to 1) is its random share. */
export interface Backoff {
  type: 'fixed' | 'exponential'
  delayMs: number
  jitter?: number
}

type JobInput = z.ZodType
type JobOutput = z.ZodType

/** An async function, or an async generator: each `yield` is an `output` event, the `return` value is the job's output. */
export type Run<I extends JobInput, O extends JobOutput> = (
  input: z.output<I>,
  job: JobContext,
) => Promise<z.input<O>> | AsyncGenerator<unknown, z.input<O>, undefined>

/** At most `limit` jobs of a key run at once over all workers. */
export interface Concurrency<I> {
  /** Of the parsed input. Undefined: the job has no key. */
  key: (input: I) => string | undefined
  /** Default 1. */
  limit?: number
  /** What happens to a new job when as many of the key wait or run. Default `wait`. */
  onFull?: 'wait' | 'reject' | 'replace'
}

/** At most `limit` jobs of a key start in `perMs` over all workers, and `burst` (default 1) of them at one moment. */
export interface Rate<I> {
  /** Of the parsed input. Undefined: the job has no key. */
  key: (input: I) => string | undefined
  limit: number
  perMs: number
  burst?: number
}

/** A job type as {@link defineJob} takes it. */
export interface JobSpec<I extends JobInput, O extends JobOutput> {
  /** Lower-case words joined by hyphens. Clients send it as `type`. */
  type: string
  title: string
  description?: string
  runsOn: RunsOn
  /** Raise it with what older workers must not run: a worker of a lower version, or of none, leaves the job to others. From 0. */
  version?: number
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
  /** How long a finished job stays readable at the latest, however it ended. Default: `RESULT_TTL_MS`, and `FAILED_TTL_MS` of failed jobs. */
  keepResultMs?: number
  /** Heap limit of the thread or process in MB. Default 512. */
  memoryLimitMb?: number
  /**
   * `fresh` gives each run a new thread or process, which ends with it. Default `shared`: a host is reused until a run leaves
   * something behind in it. See docs/concurrency.md for what that sees and what a fresh host costs.
   */
  isolation?: Isolation
  /** Of submissions that bring no `unique` of their own. Not in flows. */
  unique?: UniqueOptions<z.output<I>>
  /** Of submissions that bring neither `debounce` nor a time of their own. Not in flows. Excludes `unique`. */
  debounce?: DebounceOptions<z.output<I>>
  /** Which jobs of this type wait for each other. What a client sends goes before. */
  concurrency?: Concurrency<z.output<I>>
  rate?: Rate<z.output<I>>
  /** Of the parsed input: jobs of the tenant's keys take turns. Undefined: as other jobs of the tenant. */
  fairnessKey?: (input: z.output<I>) => string | undefined
  /** Origins (`https://api.example.com`) to which `job.fetch` sends {@link JobContext.fence} as the header `drover-fence`. Default: none. */
  fenceOrigins?: string[]
  /** Checked against the schemas when the job type is loaded; shown in the API documentation. */
  examples?: { input: z.input<I>; output?: z.output<O> }[]
  run: Run<I, O>
}

/** A job type whose handler is a program in any language. */
export interface ProgramSpec
  extends ProgramOptions,
    Omit<JobSpec<JobInput, JobOutput>, 'runsOn' | 'input' | 'output' | 'concurrency' | 'fenceOrigins' | 'run'> {
  runsOn: 'process'
  input: JobInput | JsonSchema
  output: JobOutput | JsonSchema
  /** A number, or `perProcess`: how many jobs run in one warm process at the same time. Default 1. */
  concurrency?: number | ({ perProcess?: number } & (Concurrency<unknown> | { key?: never }))
}

/** A job type with every default filled in. */
export interface Job {
  readonly type: string
  readonly title: string
  readonly description: string
  readonly version: number | undefined
  readonly runsOn: RunsOn
  readonly queue: string
  readonly input: JobInput
  readonly output: JobOutput
  readonly attempts: number
  readonly backoff: Required<Backoff>
  readonly timeoutMs: number
  readonly cancelGraceMs: number
  readonly keepResultMs: number | undefined
  readonly memoryLimitMb: number
  readonly isolation: Isolation
  readonly unique: UniqueOptions<unknown> | undefined
  readonly debounce: DebounceOptions<unknown> | undefined
  readonly concurrency: Concurrency<unknown> | undefined
  readonly rate: Rate<unknown> | undefined
  readonly fairnessKey: ((input: unknown) => string | undefined) | undefined
  readonly fenceOrigins: readonly string[]
  readonly examples: readonly { input: unknown; output?: unknown }[]
  /** Present if the handler is a program, which the worker runs in place of `run`. */
  readonly program?: Program | undefined
  run(input: unknown, job: JobContext): Promise<unknown> | AsyncGenerator<unknown, unknown, undefined>
}

/** A job type whose name and schemas the type checker knows: clients and tests take their types from it. */
export type DefinedJob<T extends string, I extends JobInput, O extends JobOutput> = Job & {
  readonly type: T
  readonly input: I
  readonly output: O
}

const jobBrand = Symbol.for('drover.job')

/**
 * Declares a job type. The file's default export must be the result.
 *
 * @throws DefinitionError with all mistakes; the boot reports each with the name of the file.
 */
export function defineJob(spec: ProgramSpec): Job
export function defineJob<const T extends string, I extends JobInput, O extends JobOutput>(
  spec: JobSpec<I, O> & { type: T },
): DefinedJob<T, I, O>
export function defineJob(given: ProgramSpec | JobSpec<JobInput, JobOutput>): Job {
  const { spec: checked, program, mistakes: inProgram } = readProgram(given)
  const mistakes = [...inProgram, ...mistakesIn(checked, rules)]
  if (mistakes.length > 0) throw new DefinitionError([...mistakes, ...mistakesInUse(Object(checked))])
  const spec = checked as JobSpec<JobInput, JobOutput>
  const { type, title, runsOn } = spec
  const job = {
    type,
    title,
    description: spec.description ?? '',
    version: spec.version,
    runsOn,
    queue: spec.queue ?? (runsOn === 'event-loop' ? 'io' : 'cpu'),
    input: spec.input,
    output: spec.output,
    attempts: spec.attempts ?? 1,
    backoff: { type: 'exponential' as const, delayMs: 1000, jitter: 0.5, ...spec.backoff },
    timeoutMs: spec.timeoutMs ?? 60_000,
    cancelGraceMs: spec.cancelGraceMs ?? 2000,
    keepResultMs: spec.keepResultMs,
    memoryLimitMb: spec.memoryLimitMb ?? 512,
    isolation: spec.isolation ?? 'shared',
    unique: spec.unique,
    debounce: spec.debounce,
    fenceOrigins: spec.fenceOrigins ?? [],
    examples: spec.examples ?? [],
    concurrency: spec.concurrency,
    rate: spec.rate,
    fairnessKey: spec.fairnessKey,
    run: spec.run as Job['run'],
    program,
    [jobBrand]: true,
  }
  return job
}

const options = {
  ...{
    type: 1,
    title: 1,
    description: 1,
    version: 1,
    runsOn: 1,
    queue: 1,
    input: 1,
    output: 1,
    attempts: 1,
    backoff: 1,
    timeoutMs: 1,
  },
  ...{
    cancelGraceMs: 1,
    keepResultMs: 1,
    memoryLimitMb: 1,
    isolation: 1,
    unique: 1,
    debounce: 1,
    concurrency: 1,
    rate: 1,
    fairnessKey: 1,
    fenceOrigins: 1,
    examples: 1,
    run: 1,
  },
} satisfies Record<keyof JobSpec<z.ZodType, z.ZodType>, 1>
const backoffOptions = { type: 1, delayMs: 1, jitter: 1 } satisfies Record<keyof Backoff, 1>

/** The longest time limit of an attempt: a week. Timers end at 24.8 days. */
export const longestTimeoutMs = 7 * 86_400_000

/** Queue names are part of job ids and Redis keys. */
export const queueNamePattern = /^[a-z][a-z0-9-]{0,31}$/

const rules = {
  options: Object.keys(options),
  backoffOptions: Object.keys(backoffOptions),
  queueName: queueNamePattern,
  maxTimeoutMs: longestTimeoutMs,
}

/** True for a result of {@link defineJob}, also from another copy of this module. */
export function isJob(value: unknown): value is Job {
  return typeof value === 'object' && value !== null && jobBrand in value
}
