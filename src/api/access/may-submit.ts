import { cutText } from '../../jobs/cut-text.ts'
import { Problem } from '../http/problem.ts'
import type { Caller } from './api-keys.ts'

/**
 * Refuses a job that the client's key may not make waiting: its key names other types, or other queues. Every way by which a client makes a
 * job waiting asks here: submission, flow, schedule and retry.
 *
 * @param base the pointer of the job in the request's body
 * @throws Problem `forbidden`
 */
export function checkMaySubmit({ types, queues }: Caller, job: { type: string; queue: string }, base = ''): void {
  const at = base === '' ? '' : `${base}: `
  if (types && !types.has(job.type))
    throw new Problem('forbidden', `${at}This key may not submit jobs of the type "${cutText(job.type, 100)}".`)
  if (queues && !queues.has(job.queue))
    throw new Problem('forbidden', `${at}This key may not submit jobs to the queue "${job.queue}".`)
}

/** Why a caller may not have this priority; undefined: it may. */
export function priorityAbove({ limits }: Caller, priority = 0): string | undefined {
  const { max_priority: max = 9 } = limits
  return priority > max ? `is above ${max}, the max_priority of your tenant` : undefined
}
