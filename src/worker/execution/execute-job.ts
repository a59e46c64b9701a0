import type { Logger } from 'pino'
import type { ChildrenPort } from '../../jobs/child-job.ts'
import type { Job, RunsOn } from '../../jobs/define-job.ts'
import { fenceOf } from '../../jobs/fence.ts'
import type { EmitJobEvent } from '../../jobs/job-event.ts'
import { boundFailure, describeFailure, type JobFailure } from '../../jobs/job-failure.ts'
import type { LoadedJob, Registry } from '../../jobs/registry.ts'
import type { StopRequest } from '../../jobs/stop-request.ts'
import type { Parent } from '../../queue/children/parent.ts'
import type { LeasedJob, Settlement } from '../../queue/consume/attempt.ts'
import { type JobRecord, parseRecord, plainRecord, requestOf, timeLimits } from '../../queue/model/job-record.ts'
import type { KeptOutput } from '../../queue/store/job-output.ts'
import type { Tracing } from '../../tracing/span.ts'
import type { Executor, Outcome } from '../executors/executor.ts'
import { StopSource } from '../handler/stop-signal.ts'
import type { logOfJobs } from './log-of-jobs.ts'
import { retryDelay } from './retry-delay.ts'
import { type AttemptTrace, traceAttempt } from './trace-attempt.ts'

export interface ExecuteJobDeps {
  registry: Registry
  /** Whether jobs that plain BullMQ producers add are run. */
  acceptsPlainJobs?: boolean
  executorFor(runsOn: RunsOn): Executor
  /** Undefined: attempts are not traced. */
  tracing?: Tracing | undefined
  /** Submits what the handler of a job asks for. */
  childrenOf?: (parent: Parent) => ChildrenPort
  /** Gets what handlers log, too. */
  jobLog?: ReturnType<typeof logOfJobs> | undefined
  log: Logger
}

/** A job of a type that this worker does not know becomes due again after a delay that grows with the time since that was noted, for any worker. */
const unknownJobDelayMs = { min: 2000, max: 30_000 }
/** A type that this worker does not know is logged once in this time. */
const logUnknownEveryMs = 60_000
const maxUnknownTypesLogged = 1000
/** A job fails when no worker has known its type for this long. */
const maxUnknownMs = 10 * 60_000
const reservedCodes = new Set(['canceled', 'not_started_in_time', 'deadline_exceeded', 'timeout'])
/** How long a handler that exceeded a limit may clean up before it is ended. */
const limitGraceMs = 200

/** Runs one attempt: find the job type → refuse if late → run → settle. Never rejects. */
export async function executeJob(deps: ExecuteJobDeps, leased: LeasedJob): Promise<Settlement> {
  const record = leased.isPlain ? plainRecord(leased.data) : parseRecord(leased.data)
  // Most attempts log nothing, so the child logger is created on first use.
  const log = () => {
    const { ref, type, attempt, data } = leased
    return deps.log.child({ job: ref.id, type, attempt, ...requestOf(leased.isPlain ? undefined : data) })
  }
  let trace: AttemptTrace | undefined
  try {
    if (leased.isPlain && !deps.acceptsPlainJobs) return refusePlainJob(leased, log())
    const loaded = deps.registry.get(leased.type)
    if (!loaded || !record || isNewer(record, loaded)) return await settleUnknown(leased, log(), record?.typeVersion)
    if (isLate(record, leased)) return settleLate(record, leased)
    trace = deps.tracing && traceAttempt(deps.tracing, leased, record.traceparent)
    const { outcome, stopped } = await run(deps, loaded, record, leased, trace)
    const settling = settle(outcome, stopped, loaded, record, leased)
    const settlement = settling instanceof Promise ? await settling : settling
    trace?.end(settlement)
    return settlement
  } catch (error) {
    log().error({ err: error }, 'failed to run job')
    const settlement = failed(leased, { ...describeFailure(error), retryable: false })
    trace?.end(settlement)
    return settlement
  }
}

function refusePlainJob(leased: LeasedJob, log: Logger): Settlement {
  log.warn('a plain BullMQ producer added this job: set ACCEPT_BULLMQ_JOBS=1 to run such jobs')
  const message = 'the data of this job is no record of Drover'
  return failed(leased, { code: 'unknown_job_record', message, retryable: false })
}

/** Whether the job was submitted with a later version of its type than this worker has. */
const isNewer = ({ typeVersion }: JobRecord, { job }: LoadedJob): boolean =>
  typeVersion !== undefined && typeVersion > (job.version ?? 0)

/** When each unknown type was logged, in epoch ms. */
const unknownLoggedAt = new Map<string, number>()

/** During a deploy an older worker may receive a job of a newer type: another worker may know it. */
async function settleUnknown(leased: LeasedJob, log: Logger, version: number | undefined): Promise<Settlement> {
  const { type, startedAt } = leased
  const unknownMs = startedAt - (await leased.markUnknown())
  if (unknownMs < maxUnknownMs) {
    if (startedAt - (unknownLoggedAt.get(type) ?? 0) >= logUnknownEveryMs) {
      if (unknownLoggedAt.size >= maxUnknownTypesLogged) unknownLoggedAt.clear()
      unknownLoggedAt.set(type, startedAt)
      log.warn({ type_version: version }, 'unknown job type, version of it, or record; left to other workers')
    }
    const { min, max } = unknownJobDelayMs
    return { status: 'left_to_others', delayMs: Math.max(min, Math.min(unknownMs, max)) }
  }
  const what = version === undefined ? 'the job type' : `version ${version} of the job type`
  const message = `no worker knows ${what} "${type}" or can read its record`
  return failed(leased, { code: 'unknown_job_type', message, retryable: false })
}

function isLate(record: JobRecord, { startedAt, starts }: LeasedJob): boolean {
  const { deadlineAt = Infinity, startBy = Infinity } = timeLimits(record)
  return startedAt >= deadlineAt || (starts === 1 && startedAt >= startBy)
}

/** A refused attempt does not count, unless an earlier worker started it and vanished. Attempt 0: the job never started. */
function settleLate(record: JobRecord, leased: LeasedJob): Settlement {
  const { deadlineAt, startBy } = timeLimits(record)
  const attempt = leased.starts > leased.attempt ? leased.attempt : leased.attempt - 1
  const neverInTime = leased.starts === 1 && leased.startedAt >= (startBy ?? Infinity)
  const limit = new Date((neverInTime ? startBy : deadlineAt) ?? 0).toISOString()
  const code = neverInTime ? 'not_started_in_time' : 'deadline_exceeded'
  const message = neverInTime ? `the job did not start before ${limit}` : `the deadline of the job was ${limit}`
  const failure = { code, message, retryable: false, attempt }
  return { status: 'failed', failure, retryDelayMs: undefined, isUnrun: true }
}

async function run(
  { executorFor, jobLog, childrenOf }: Pick<ExecuteJobDeps, 'executorFor' | 'jobLog' | 'childrenOf'>,
  loaded: LoadedJob,
  record: JobRecord,
  leased: LeasedJob,
  trace: AttemptTrace | undefined,
): Promise<{ outcome: Outcome; stopped: StopRequest | undefined }> {
  const { ref, type, attempt, maxAttempts, events, kept } = leased
  const timeoutMs = record.timeoutMs ?? loaded.job.timeoutMs
  const { deadlineAt } = timeLimits(record)
  const leftMs = (deadlineAt ?? Infinity) - leased.startedAt
  const late: StopRequest = { kind: leftMs < timeoutMs ? 'deadline_exceeded' : 'timeout', graceMs: limitGraceMs }

  // The executor gets one signal for both: a stop from outside and a time limit.
  const stop = new StopSource()
  const stopWith = (request: StopRequest) => {
    const { cancelGraceMs } = loaded.job
    stop.abort(request.kind === 'canceled' ? { ...request, graceMs: cancelGraceMs } : request)
  }
  const timer = setTimeout(stopWith, Math.min(timeoutMs, leftMs), late)
  const releaseStop = leased.onStop(stopWith)
  events.onVerdict(() => stopWith({ kind: 'values_refused', graceMs: limitGraceMs }))
  try {
    const { tenant, hops = 0, input } = record
    const traceparent = trace?.traceparent ?? record.traceparent
    const fence = fenceOf(leased.run, leased.starts)
    const plain = {
      id: ref.id,
      type,
      tenant,
      hops,
      traceparent,
      input,
      attempt,
      maxAttempts,
      fence,
      timeoutMs,
      deadlineAt,
    }
    const traced = trace?.isRecorded && { isTraced: true as const }
    // Few attempts have either.
    const task =
      traced || kept
        ? { ...plain, ...traced, ...(kept && { restored: kept.state?.json, steps: kept.steps, answers: kept.answers }) }
        : plain
    const onSpan = trace?.isRecorded ? trace.onSpan : undefined
    const emit: EmitJobEvent = (event) => {
      if (event.kind === 'log') jobLog?.(leased, event)
      return events.emit(event)
    }
    // Few handlers ask for any.
    let port: ChildrenPort | undefined
    const children: ChildrenPort | undefined =
      childrenOf && !leased.isPlain
        ? (ask) => (port ??= childrenOf({ ...leased, record, traceparent }))(ask)
        : undefined
    const outcome = await executorFor(loaded.job.runsOn).run(
      loaded,
      task,
      emit,
      stop,
      onSpan,
      leased.awaitAnswers,
      children,
    )
    clearTimeout(timer)
    // Whether its values are stored decides how the attempt ends.
    const sending = events.flush()
    if (sending) await sending
    return { outcome, stopped: stop.reason }
  } finally {
    clearTimeout(timer)
    releaseStop()
  }
}

/** Decides what happens to the job. A stop takes precedence over the outcome, except for a result within the grace of a shutdown. */
function settle(
  outcome: Outcome,
  stopped: StopRequest | undefined,
  { job, version }: LoadedJob,
  record: JobRecord,
  leased: LeasedJob,
): Settlement | Promise<Settlement> {
  if (stopped?.kind === 'lock_lost') return { status: 'lost' }
  if (stopped?.kind === 'canceled') return { status: 'canceled', stopped: howStopped(outcome) }
  if (outcome.status === 'parked') return { status: 'parked' }
  const { verdict } = leased.events
  const isShutdown = stopped?.kind === 'shutdown' && outcome.status !== 'returned'
  if (verdict?.status === 'put_back' || isShutdown) return { status: 'put_back' }
  if (verdict) return failedOrAgain(verdict.failure, job, record, leased)
  if (outcome.status === 'returned' && (!stopped || stopped.kind === 'shutdown')) {
    const settleKept = (kept: KeptOutput) => settleOutput(kept, job, record, leased)
    const kept = leased.keepOutput(outcome.output)
    return kept instanceof Promise ? kept.then(settleKept) : settleKept(kept)
  }
  const failure = failureOf(outcome, stopped, record.timeoutMs ?? job.timeoutMs)
  return failedOrAgain(nameVersion(failure, version), job, record, leased)
}

function settleOutput(kept: KeptOutput, job: Job, record: JobRecord, leased: LeasedJob): Settlement {
  if (kept.status === 'kept')
    return { status: 'succeeded', output: kept.json, ...(kept.isBeside && { isBeside: true }) }
  if (kept.status === 'lost') return { status: 'lost' }
  return failedOrAgain(outputFailure(kept), job, record, leased)
}

function failedOrAgain(failure: JobFailure, job: Job, record: JobRecord, leased: LeasedJob): Settlement {
  const backoff = record.backoff ?? job.backoff
  const { attempt, maxAttempts } = leased
  return failed(leased, failure, retryDelay({ failure, attempt, maxAttempts, backoff, random: Math.random() }))
}

function outputFailure(kept: KeptOutput & { status: 'too_large' | 'refused' }): JobFailure {
  if (kept.status === 'refused')
    return { code: 'output_not_stored', message: 'Redis refused to store the output', retryable: true }
  const message = `the output is larger than ${kept.max} bytes as JSON, the limit of this worker`
  return { code: 'invalid_output', message, retryable: false }
}

/** The schema of a job type may have changed since the job was accepted, in this worker and not in another. */
function nameVersion(failure: JobFailure, version: string | undefined): JobFailure {
  if (failure.code !== 'invalid_input' || version === undefined) return failure
  return { ...failure, message: `${failure.message} (refused by version ${version} of the job type)` }
}

function howStopped({ status }: Outcome): 'cooperatively' | 'killed' | 'abandoned' {
  return status === 'killed' || status === 'abandoned' ? status : 'cooperatively'
}

function failureOf(outcome: Outcome, stopped: StopRequest | undefined, timeoutMs: number): JobFailure {
  if (stopped?.kind === 'timeout') {
    return { code: 'timeout', message: `the attempt took longer than ${timeoutMs} ms`, retryable: true }
  }
  if (stopped?.kind === 'deadline_exceeded') {
    return { code: 'deadline_exceeded', message: 'the job was still running at its deadline', retryable: false }
  }
  if (outcome.status === 'threw') {
    // The job's state follows from these codes, so a handler cannot set them.
    return reservedCodes.has(outcome.failure.code) ? { ...outcome.failure, code: 'job_failed' } : outcome.failure
  }
  if (outcome.status === 'crashed') return outcome.failure
  return { code: 'crashed', message: `the run ended as ${outcome.status} without a reason`, retryable: true }
}

function failed(leased: LeasedJob, failure: JobFailure, retryDelayMs?: number): Settlement {
  // The texts may come from a thread or process, whose code cannot be trusted to bound them.
  const { code, message, retryable } = boundFailure(failure)
  const stored = { code, message, retryable, attempt: leased.attempt }
  return { status: 'failed', failure: stored, retryDelayMs }
}
