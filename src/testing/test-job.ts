import type { z } from 'zod'
import { mistakesInUse } from '../jobs/check-definition.ts'
import type { Job } from '../jobs/define-job.ts'
import { DefinitionError } from '../jobs/definition-error.ts'
import type { JobContext } from '../jobs/job-context.ts'
import { newJobRef } from '../queue/model/job-id.ts'
import { redisNow } from '../queue/model/redis-time.ts'
import { toJson } from '../worker/handler/to-json.ts'
import type { Reported } from './held-job.ts'
import { type AttemptEnd, runAttempt, thisMachine } from './run-attempt.ts'

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
  /** Payloads of the signals that have come, by their names, the first first. A wait for another parks the job: its state is `blocked`. */
  signals?: Record<string, unknown>
  /** Signals of which waits are over that have a timeout. One of several is enough. */
  timedOutSignals?: readonly string[]
  /**
   * Answers `job.run`, `job.start` and `job.gather`, once for each child: returns its output, or throws as it fails. No child is run, and no input of one is
   * checked. Default: none can be submitted.
   */
  children?: (type: string, input: unknown) => unknown
  /** `job.id`. Default: a new one. Give the same twice to test a second start. */
  id?: string
}

/** How an attempt ended, in the words of the API, and what it reported. */
export type TestedJob<Output> = AttemptEnd<Output> & Reported

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
  const { restored: checkpoint, steps = {}, signals, timedOutSignals } = options
  const reported: Reported = { progress: [], yields: [], logs: [], checkpoint, steps: { ...steps } }
  const sent = toJson(input, '/input')
  if (!sent.ok) {
    const message = `${sent.problem}, which is not JSON`
    const error = { code: 'invalid_input', message, retryable: false, attempt: 0 }
    return { state: 'failed', output: null, error, retryDelayMs: null, ...reported }
  }
  const record = { input: sent.value, ...(timeoutMs !== undefined && { timeoutMs }) }
  const fetchOver = (real: JobContext['fetch']) => options.fetch ?? real
  const id = options.id ?? newJobRef(job.queue, redisNow()).id
  const { children } = options
  const held = { job, id, attempt, maxAttempts, record, signal, reported, signals, timedOutSignals }
  const end = await runAttempt<z.output<J['output']>>({ ...held, allowCidrs: thisMachine, fetchOver, children })
  return { ...end, ...reported }
}
