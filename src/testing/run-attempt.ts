import { pino } from 'pino'
import type { Job } from '../jobs/define-job.ts'
import type { JobContext } from '../jobs/job-context.ts'
import type { Settlement } from '../queue/consume/attempt.ts'
import { createEgress } from '../worker/egress/egress.ts'
import { executeJob } from '../worker/execution/execute-job.ts'
import { createEventLoopExecutor } from '../worker/executors/event-loop.ts'
import { type HeldJob, holdJob } from './held-job.ts'
import { type ChildAnswer, testChildren } from './test-children.ts'

type JobFetch = JobContext['fetch']

/** Addresses of this machine, which belong to the one who runs the attempt. */
export const thisMachine = ['127.0.0.0/8', '::1/128']

/** How an attempt ended, in the words of the API. */
export interface AttemptEnd<Output> {
  state: 'succeeded' | 'failed' | 'canceled' | 'blocked'
  /** As it is stored, so secrets are in it. Null unless it succeeded. */
  output: Output | null
  /** Null if it succeeded or is blocked. */
  error: { code: string; message: string; retryable: boolean; attempt: number } | null
  /** The delay before the next attempt, in ms. Null: there is none. */
  retryDelayMs: number | null
}

const silent = pino({ enabled: false })

/**
 * Runs one attempt of a job in this process, by the code of a worker, whatever its executor is.
 *
 * @param options.fetchOver makes `job.fetch` of the real one
 * @throws TypeError where `allowCidrs` has no CIDR block
 */
export async function runAttempt<Output>(
  options: Omit<HeldJob, 'queue' | 'type'> & {
    job: Job
    allowCidrs: readonly string[]
    fetchOver: (real: JobFetch) => JobFetch
    /** Answers for children; undefined: they are refused. */
    children?: ChildAnswer | undefined
  },
): Promise<AttemptEnd<Output>> {
  const { job, allowCidrs, fetchOver, children } = options
  const { type, queue } = job
  const egress = createEgress({ allowCidrs })
  const executor = createEventLoopExecutor({ fetch: fetchOver(egress.fetch), log: silent })
  try {
    const registry = new Map([[type, { job, file: '' }]])
    const held = holdJob({ ...options, type, queue })
    const childrenOf = children && (() => testChildren(children))
    const deps = { registry, executorFor: () => executor, log: silent, ...(childrenOf && { childrenOf }) }
    return endOf(await executeJob(deps, held), options.attempt)
  } finally {
    await egress.close()
  }
}

function endOf<Output>(settlement: Settlement, attempt: number): AttemptEnd<Output> {
  if (settlement.status === 'succeeded')
    return { state: 'succeeded', output: JSON.parse(settlement.output), error: null, retryDelayMs: null }
  if (settlement.status === 'failed') {
    const { code, message, retryable, attempt: counted } = settlement.failure
    const error = { code, message, retryable, attempt: counted }
    return { state: 'failed', output: null, error, retryDelayMs: settlement.retryDelayMs ?? null }
  }
  if (settlement.status === 'parked') return { state: 'blocked', output: null, error: null, retryDelayMs: null }
  // Neither does this worker go, nor has another one the job.
  if (settlement.status !== 'canceled') throw new Error(`the attempt ended as ${settlement.status}`)
  const error = { code: 'canceled', message: 'the job was canceled', retryable: false, attempt }
  return { state: 'canceled', output: null, error, retryDelayMs: null }
}
