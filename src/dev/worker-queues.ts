import { availableParallelism } from 'node:os'
import type { JobType } from './job-types.ts'

/** Concurrency of a queue whose jobs all wait, as that of `io`. */
const waitingJobs = 100

/**
 * The WORKER_QUEUES of each worker. A worker per queue, as in production: a job that blocks its worker must not delay jobs of another
 * queue. Every queue that a job type names is consumed, unless the queues are fixed: then one worker consumes those.
 */
export function workerQueues(
  { queues, hasFixedQueues }: { queues: ReadonlyMap<string, number>; hasFixedQueues: boolean },
  types: readonly JobType[],
): string[] {
  const entries = [...queues].map(([name, concurrency]) => `${name}:${concurrency}`)
  if (hasFixedQueues) return [entries.join(',')]
  const named = new Set(types.map(({ queue }) => queue))
  const more = [...named].filter((queue) => !queues.has(queue))
  return [...entries, ...more.map((queue) => `${queue}:${concurrencyOf(queue, types)}`)]
}

function concurrencyOf(queue: string, types: readonly JobType[]): number {
  const computes = types.some((one) => one.queue === queue && one.runs_on !== 'event-loop')
  return computes ? availableParallelism() : waitingJobs
}

/** The queues of job types that no worker consumes. */
export function unservedQueues(served: readonly string[], types: readonly JobType[]): string[] {
  const names = new Set(served.flatMap((queues) => queues.split(',').map((one) => one.split(':', 1)[0])))
  return [...new Set(types.map(({ queue }) => queue))].filter((queue) => !names.has(queue))
}
