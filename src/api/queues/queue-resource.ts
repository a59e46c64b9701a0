import { z } from 'zod'
import { cutText } from '../../jobs/cut-text.ts'
import { Problem } from '../http/problem.ts'

/** A queue as clients see it. */
export const queueSchema = z.object({
  name: z.string(),
  paused: z.boolean(),
  workers: z.int().describe('The number of worker processes that consume the queue. With 0 its jobs wait'),
  counts: z.object({
    scheduled: z.int(),
    queued: z.int(),
    running: z.int(),
    succeeded: z.int(),
    failed: z.int().describe('Jobs that failed, were canceled or expired'),
  }),
  oldest_wait_ms: z.int().nullable().describe('How long the oldest waiting job has waited'),
})

export const exampleQueue = {
  name: 'cpu',
  paused: false,
  workers: 2,
  counts: { scheduled: 0, queued: 1, running: 4, succeeded: 1200, failed: 3 },
  oldest_wait_ms: 12,
}

export function queueNotFound(name: string): Problem {
  return new Problem('queue_not_found', `No job type uses a queue "${cutText(name, 100)}".`)
}
