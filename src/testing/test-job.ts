import { pino } from 'pino'
import type { z } from 'zod'
import { mistakesInUse } from '../jobs/check-definition.ts'
import type { Job, JobContext } from '../jobs/define-job.ts'
import { DefinitionError } from '../jobs/definition-error.ts'
import type { Settlement } from '../queue/consume/attempt.ts'
import type { StoredFailure } from '../queue/model/failure.ts'
import { newJobRef } from '../queue/model/job-id.ts'
import { redisNow } from '../queue/model/redis-time.ts'
import { createEgress } from '../worker/egress/egress.ts'
import { executeJob } from '../worker/execution/execute-job.ts'
import { createEventLoopExecutor } from '../worker/executors/event-loop.ts'
import { toJson } from '../worker/handler/to-json.ts'
import { holdJob, type Reported } from './held-job.ts'

export interface TestJobOptions {
  /** Cancels the job when it aborts, as a client does. */
  signal?: AbortSignal
  /** Answers `job.fetch`. Default: the real one, behind the egress guard, which allows this machine besides public addresses. */
  fetch?: JobContext['fetch']
  /** The number of the attempt. Default 1. */
  attempt?: number
  /** Default: that of the job type, or `attempt` if that is more. */
  maxAttempts?: number
  /** The time limit of the attempt. Default: that of the job type. */
  timeoutMs?: number
  /** `job.restored`: the `checkpoint` of an earlier attempt. Default: none. */
  restored?: unknown
  /** What `job.once` finds: the `steps` of an earlier attempt. */
  steps?: Record<string, unknown>
  /** `job.id`. Default: a new one. Give the same twice to test a second start. */
  id?: string
}

/** How an attempt ended, in the words of the API. */
export interface TestedJob<Output> extends Reported {
  state: 'succeeded' | 'failed' | 'canceled'
  /** As it is stored, so secrets are in it. Null unless it succeeded. */
  output: Output | null
  /** Null if it succeeded. */
  error: { code: string; message: string; retryable: boolean; attempt: number } | null
  /** The delay before the next attempt, in ms. Null: there is none. */
  retryDelayMs: number | null
}

/** Without authentication nothing else can be on this machine's own addresses than what the test put there. */
const thisMachine = ['127.0.0.0/8', '::1/128']
const silent = pino({ enabled: false })

/**
 * Runs one attempt of a job in this process, without Redis, by the code of a worker: checks of input and output, values, time limits,
 * cancel, secrets and errors are the real ones. Every executor is the event loop here, so a crash or the memory limit is not seen.
 *
 * @param input as a client sends it
 * @throws DefinitionError where examples of the job type do not match its schemas; a worker would not start
 */
export async function testJob<J extends Job>(
  job: J,
  input: z.input<J['input']>,
  options: TestJobOptions = {},
): Promise<TestedJob<z.output<J['output']>>> {
  const mistakes = mistakesInUse(job)
  if (mistakes.length > 0) throw new DefinitionError(mistakes)
  const { attempt = 1, signal, timeoutMs, maxAttempts = Math.max(job.attempts, attempt) } = options
  const { type, queue } = job
  const id = options.id ?? newJobRef(queue, redisNow()).id
  const { restored: checkpoint, steps = {} } = options
  const reported: Reported = { progress: [], yields: [], logs: [], checkpoint, steps: { ...steps } }
  const sent = toJson(input, '/input')
  if (!sent.ok) {
    const message = `${sent.problem}, which is not JSON`
    return failed({ code: 'invalid_input', message, retryable: false, attempt: 0 }, undefined, reported)
  }
  const record = { input: sent.value, ...(timeoutMs !== undefined && { timeoutMs }) }
  const held = holdJob({ id, queue, type, attempt, maxAttempts, record, signal, reported })
  const egress = createEgress({ allowCidrs: thisMachine })
  const executor = createEventLoopExecutor({ fetch: options.fetch ?? egress.fetch, log: silent })
  try {
    const registry = new Map([[type, { job, file: '' }]])
    const settlement = await executeJob({ registry, executorFor: () => executor, log: silent }, held)
    return ended(settlement, attempt, reported)
  } finally {
    await egress.close()
  }
}

function ended<O>(settlement: Settlement, attempt: number, reported: Reported): TestedJob<O> {
  if (settlement.status === 'succeeded')
    return { state: 'succeeded', output: JSON.parse(settlement.output), error: null, retryDelayMs: null, ...reported }
  if (settlement.status === 'failed') return failed(settlement.failure, settlement.retryDelayMs, reported)
  // Neither does this worker go, nor has another one the job.
  if (settlement.status !== 'canceled') throw new Error(`the attempt ended as ${settlement.status}`)
  const error = { code: 'canceled', message: 'the job was canceled', retryable: false, attempt }
  return { state: 'canceled', output: null, error, retryDelayMs: null, ...reported }
}

function failed<O>(failure: StoredFailure, retryDelayMs: number | undefined, reported: Reported): TestedJob<O> {
  const { code, message, retryable, attempt } = failure
  const error = { code, message, retryable, attempt }
  return { state: 'failed', output: null, error, retryDelayMs: retryDelayMs ?? null, ...reported }
}
