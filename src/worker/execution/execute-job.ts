import type { Logger } from 'pino'
import type { Job, RunsOn } from '../../jobs/define-job.ts'
import { describeFailure, type JobFailure } from '../../jobs/job-failure.ts'
import type { LoadedJob, Registry } from '../../jobs/registry.ts'
import type { StopRequest } from '../../jobs/stop-request.ts'
import type { ClaimedJob, Settlement } from '../../queue/consume/attempt.ts'
import { type JobRecord, parseRecord, timeLimits } from '../../queue/model/job-record.ts'
import type { KeptOutput } from '../../queue/store/job-output.ts'
import type { Executor, Outcome } from '../executors/executor.ts'
import { StopSource } from '../handler/stop-signal.ts'
import { retryDelay } from './retry-delay.ts'

export interface ExecuteJobDeps {
  registry: Registry
  executorFor(runsOn: RunsOn): Executor
  log: Logger
}

/** A job that this worker does not know is looked at again after this long, by whoever is free then. */
const unknownJobDelayMs = 2000
/** … and has failed when nobody knew it for this long. */
const unknownJobPatienceMs = 10 * 60_000
const reservedCodes = new Set(['canceled', 'not_started_in_time', 'deadline_exceeded'])
/** A handler that is out of time gets this long to clean up before it is ended. */
const timeoutGraceMs = 200

/** Runs one attempt of a claimed job: find → refuse if late → run → settle. Never rejects. */
export async function executeJob(deps: ExecuteJobDeps, claimed: ClaimedJob): Promise<Settlement> {
  const record = parseRecord(claimed.data)
  // Most attempts have nothing to say here: the logger is made by the first that does.
  const log = () => {
    const traceparent = record?.traceparent
    const { ref, type, attempt } = claimed
    return deps.log.child({ job: ref.id, type, attempt, ...(traceparent !== undefined && { traceparent }) })
  }
  try {
    const loaded = deps.registry.get(claimed.type)
    if (!loaded || !record) return await settleUnknown(claimed, log())
    if (isLate(record, claimed)) return settleLate(record, claimed)
    const { outcome, stopped } = await run(deps.executorFor(loaded.job.runsOn), loaded, record, claimed)
    const settling = settle(outcome, stopped, loaded, record, claimed)
    const settlement = settling instanceof Promise ? await settling : settling
    if (settlement.status !== 'succeeded')
      log().info({ outcome: outcome.status, stopped: stopped?.kind, settlement }, 'attempt ended')
    return settlement
  } catch (error) {
    log().error({ err: error }, 'a job could not be run')
    return failed(claimed, { ...describeFailure(error), retryable: false })
  }
}

/** During a deploy an older worker may meet a newer job: another worker may know it. */
async function settleUnknown(claimed: ClaimedJob, log: Logger): Promise<Settlement> {
  if (claimed.startedAt - (await claimed.markUnknown()) < unknownJobPatienceMs) {
    log.warn('this worker does not know the job: put back for others')
    return { status: 'left_to_others', delayMs: unknownJobDelayMs }
  }
  const message = `no worker knew the job type "${claimed.type}", or how to read its record`
  return failed(claimed, { code: 'unknown_job_type', message, retryable: false })
}

function isLate(record: JobRecord, { startedAt, starts }: ClaimedJob): boolean {
  const { deadlineAt = Infinity, startBy = Infinity } = timeLimits(record)
  return startedAt >= deadlineAt || (starts === 1 && startedAt >= startBy)
}

/** The attempt that is not made does not count, unless it was made before and its worker vanished. 0: the job never started. */
function settleLate(record: JobRecord, claimed: ClaimedJob): Settlement {
  const { deadlineAt, startBy } = timeLimits(record)
  const attempt = claimed.starts > claimed.attempt ? claimed.attempt : claimed.attempt - 1
  const neverInTime = claimed.starts === 1 && claimed.startedAt >= (startBy ?? Infinity)
  const limit = new Date((neverInTime ? startBy : deadlineAt) ?? 0).toISOString()
  const code = neverInTime ? 'not_started_in_time' : 'deadline_exceeded'
  const message = neverInTime ? `it had to start before ${limit}` : `its deadline was ${limit}`
  return { status: 'failed', failure: { code, message, retryable: false, attempt }, retryDelayMs: undefined }
}

async function run(
  executor: Executor,
  loaded: LoadedJob,
  record: JobRecord,
  claimed: ClaimedJob,
): Promise<{ outcome: Outcome; stopped: StopRequest | undefined }> {
  const { ref, type, attempt, maxAttempts, events } = claimed
  const timeoutMs = record.timeoutMs ?? loaded.job.timeoutMs
  const leftMs = (timeLimits(record).deadlineAt ?? Infinity) - claimed.startedAt
  const late: StopRequest = { kind: leftMs < timeoutMs ? 'deadline_exceeded' : 'timeout', graceMs: timeoutGraceMs }

  // What stops the job from outside and what stops it by time are one signal to the executor.
  const stop = new StopSource()
  const stopWith = (request: StopRequest) => {
    const { cancelGraceMs } = loaded.job
    stop.abort(request.kind === 'canceled' ? { ...request, graceMs: cancelGraceMs } : request)
  }
  const timer = setTimeout(stopWith, Math.min(timeoutMs, leftMs), late)
  const releaseStop = claimed.onStop(stopWith)
  try {
    const task = { id: ref.id, type, input: record.input, attempt, maxAttempts }
    const outcome = await executor.run(loaded, task, (event) => events.emit(event), stop)
    return { outcome, stopped: stop.reason }
  } finally {
    clearTimeout(timer)
    releaseStop()
  }
}

/** What becomes of the job. A stop decides before the outcome, but for a result that came within the grace of a shutdown. */
function settle(
  outcome: Outcome,
  stopped: StopRequest | undefined,
  { job }: LoadedJob,
  record: JobRecord,
  claimed: ClaimedJob,
): Settlement | Promise<Settlement> {
  if (stopped?.kind === 'lock_lost') return { status: 'lost' }
  if (stopped?.kind === 'canceled') return { status: 'canceled', stopped: howStopped(outcome) }
  if (stopped?.kind === 'shutdown' && outcome.status !== 'returned') return { status: 'put_back' }
  if (outcome.status === 'returned' && (!stopped || stopped.kind === 'shutdown')) {
    const settleKept = (kept: KeptOutput) => settleOutput(kept, job, record, claimed)
    const kept = claimed.keepOutput(outcome.output)
    return kept instanceof Promise ? kept.then(settleKept) : settleKept(kept)
  }
  return failedOrAgain(failureOf(outcome, stopped, record.timeoutMs ?? job.timeoutMs), job, record, claimed)
}

function settleOutput(kept: KeptOutput, job: Job, record: JobRecord, claimed: ClaimedJob): Settlement {
  if (kept.status === 'kept') return { status: 'succeeded', output: kept.json }
  if (kept.status === 'lost') return { status: 'lost' }
  return failedOrAgain(outputFailure(kept), job, record, claimed)
}

function failedOrAgain(failure: JobFailure, job: Job, record: JobRecord, claimed: ClaimedJob): Settlement {
  const backoff = record.backoff ?? job.backoff
  const { attempt, maxAttempts } = claimed
  return failed(claimed, failure, retryDelay({ failure, attempt, maxAttempts, backoff, random: Math.random() }))
}

function outputFailure(kept: KeptOutput & { status: 'too_large' | 'refused' }): JobFailure {
  if (kept.status === 'refused')
    return { code: 'output_not_stored', message: 'Redis did not take the output', retryable: true }
  const message = `the output has more than ${kept.most} bytes as JSON, which is the most that this worker stores`
  return { code: 'invalid_output', message, retryable: false }
}

function howStopped({ status }: Outcome): 'cooperatively' | 'killed' | 'abandoned' {
  return status === 'killed' || status === 'abandoned' ? status : 'cooperatively'
}

function failureOf(outcome: Outcome, stopped: StopRequest | undefined, timeoutMs: number): JobFailure {
  if (stopped?.kind === 'timeout') {
    return { code: 'timeout', message: `the attempt took longer than ${timeoutMs} ms`, retryable: true }
  }
  if (stopped?.kind === 'deadline_exceeded') {
    return { code: 'deadline_exceeded', message: 'the job was running at its deadline', retryable: false }
  }
  if (outcome.status === 'threw') {
    // These codes are ours to give: the job's state is read from them.
    return reservedCodes.has(outcome.failure.code) ? { ...outcome.failure, code: 'job_failed' } : outcome.failure
  }
  if (outcome.status === 'crashed') return outcome.failure
  return { code: 'crashed', message: `the run ended as ${outcome.status} without a reason`, retryable: true }
}

function failed(claimed: ClaimedJob, failure: JobFailure, retryDelayMs?: number): Settlement {
  const { code, message, retryable } = failure
  const stored = { code, message, retryable, attempt: claimed.attempt }
  return { status: 'failed', failure: stored, retryDelayMs }
}
