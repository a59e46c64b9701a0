import { z } from 'zod'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import { webhookEvents } from '../../queue/model/webhook-target.ts'
import { deliveryOutputSchema, deliverySchema } from '../../queue/webhooks/delivery.ts'
import type { KnownDelivery } from '../../queue/webhooks/outbox.ts'
import { jobStateSchema, optionalTimestamp } from '../jobs/job-resource.ts'

const time = z.iso.datetime().nullable()

/** One attempt, or the latest: what the receiver answered, and why that was no success. */
const result = {
  status: z.int().nullable().describe("The receiver's HTTP status; null when it gave none"),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
}

/** A delivery of a webhook as clients see it. */
export const deliveryResourceSchema = z.object({
  id: z.string().describe('Also the `webhook-id` of every message that it sends'),
  run: z.int().describe('The run of the job or flow whose end it tells of'),
  event: z.enum(webhookEvents).nullable().describe('Null until the run has ended'),
  url: z.string(),
  state: jobStateSchema.describe('`blocked` until the run has ended'),
  done: z.boolean(),
  ...result,
  created_at: time,
  next_attempt_at: time,
  finished_at: time,
  attempts: z.array(z.object({ attempt: z.int(), started_at: time, ended_at: time, ...result })),
  links: z.object({ resend: z.string() }),
})

export type DeliveryResource = z.output<typeof deliveryResourceSchema>

/**
 * @param path of the job or flow
 * @param url of its webhook, for a delivery that is not there yet
 */
export function deliveryResource(path: string, url: string, { ref, run, delivery }: KnownDelivery): DeliveryResource {
  const said = deliverySchema.safeParse(delivery?.record.input).data
  return {
    id: ref.id,
    run,
    event: said?.event ?? null,
    url: said?.url ?? url,
    state: delivery?.state ?? 'blocked',
    done: delivery?.done ?? false,
    ...resultOf(delivery?.failure, delivery?.output),
    created_at: optionalTimestamp(delivery?.createdAt),
    next_attempt_at: optionalTimestamp(delivery?.scheduledFor),
    finished_at: optionalTimestamp(delivery?.finishedAt),
    attempts: (delivery?.attempts ?? []).map(({ attempt, startedAt, endedAt, failure }) => ({
      attempt,
      started_at: optionalTimestamp(startedAt),
      ended_at: optionalTimestamp(endedAt),
      ...resultOf(failure, delivery?.output),
    })),
    links: { resend: `${path}/deliveries/${ref.id}/resend` },
  }
}

/** A failure's code names the status where there was one; the last attempt without a failure is the one that has the output. */
function resultOf(failure: StoredJob['failure'], output: unknown): z.output<z.ZodObject<typeof result>> {
  if (!failure) return { status: deliveryOutputSchema.safeParse(output).data?.status ?? null, error: null }
  const [, status] = /^http_(\d{3})$/.exec(failure.code) ?? []
  return {
    status: status === undefined ? null : Number(status),
    error: { code: failure.code, message: failure.message },
  }
}
