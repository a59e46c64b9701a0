import { z } from 'zod'
import { cutText } from '../../jobs/cut-text.ts'
import { maxConcurrency } from '../../queue/model/scheduling.ts'
import { Problem } from '../http/problem.ts'
import { named } from '../openapi/fields.ts'

const queueRate = named(
  'QueueRate',
  z.strictObject({ limit: z.int().min(1).max(1_000_000), per_ms: z.int().min(1).max(86_400_000) }),
)

/** The body of `PUT /v1/queues/{name}`: both limits are set. */
export const queueBody = named(
  'QueueLimits',
  z.strictObject({
    max_running: z.int().min(1).max(maxConcurrency).nullable().optional().describe('Absent or null: no limit'),
    rate: queueRate.nullable().optional().describe('Absent or null: no limit'),
  }),
)

/** A queue as clients see it. */
export const queueSchema = z.object({
  name: z.string(),
  paused: z.boolean(),
  workers: z.int().describe('The number of worker processes that consume the queue. With 0 its jobs wait'),
  counts: z.object({
    scheduled: z.int(),
    queued: z.int().describe('Jobs that could start'),
    held: z
      .int()
      .describe(
        'Jobs that wait for a concurrency key, for a rate or for others of their tenant or their type: see `held_by` of a job',
      ),
    blocked: z.int().describe('Jobs that wait for other jobs of their flow, or for a signal'),
    running: z.int(),
    succeeded: z.int(),
    failed: z.int().describe('Jobs that failed, were canceled or expired'),
  }),
  max_running: z.int().nullable().describe('How many of its jobs may run at once over all workers'),
  rate: queueRate.nullable().describe('How many of its jobs may start in a period over all workers'),
  oldest_wait_ms: z.int().nullable().describe('How long the oldest waiting job has waited'),
})

export const exampleQueue = {
  name: 'cpu',
  paused: false,
  workers: 2,
  counts: { scheduled: 0, queued: 1, held: 0, blocked: 0, running: 4, succeeded: 1200, failed: 3 },
  max_running: null,
  rate: null,
  oldest_wait_ms: 12,
}

export function queueNotFound(name: string): Problem {
  return new Problem('queue_not_found', `No job type uses a queue "${cutText(name, 100)}".`)
}
