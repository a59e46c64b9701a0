import { z } from 'zod'
import { webhookEvents } from '../../queue/model/webhook-target.ts'
import { timeField } from '../openapi/fields.ts'
import type { DescribedWebhook } from '../openapi/webhooks.ts'
import { jobSchema } from './job-resource.ts'

const data = jobSchema
  .pick({
    id: true,
    type: true,
    queue: true,
    state: true,
    run: true,
    attempt: true,
    output: true,
    output_bytes: true,
    error: true,
    tags: true,
    metadata: true,
    created_at: true,
    started_at: true,
    finished_at: true,
  })
  .extend({ links: z.object({ self: z.string(), output: z.string(), deliveries: z.string() }) })

/** What the webhook of a job receives, as `jobPayload` writes it. */
export const jobWebhook: DescribedWebhook = {
  name: 'jobEnded',
  summary: 'A job has ended',
  description:
    'Sent to the `webhook` of a job at the end of each run: the job without its input. A large output is left out: read it at `links.output`.',
  body: z.object({
    type: z.enum(webhookEvents.map((event) => `job.${event}` as const)),
    timestamp: timeField,
    data,
  }),
}
