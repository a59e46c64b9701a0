import { z } from 'zod'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import { webhookEvents } from '../../queue/model/webhook-target.ts'
import { deliveryOutputSchema, deliverySchema } from '../../queue/webhooks/delivery.ts'
import type { KnownDelivery } from '../../queue/webhooks/outbox.ts'
import { optionalTimestamp } from '../http/timestamp.ts'
import { errorSummaryField, named, stateField, timeField } from '../openapi/fields.ts'

const time = timeField.nullable()

/** The result of one attempt, or of the latest one. */
const result = {
  status: z.int().nullable().describe("The receiver's HTTP status. Null without an answer"),
  error: errorSummaryField.nullable(),
}

/** A delivery of a webhook as clients see it. */
export const deliveryResourceSchema = named(
  'Delivery',
  z.object({
    id: z.string().describe('Also the `webhook-id` of every message that it sends'),
    run: z.int().describe('The run of the job or flow that it reports'),
    event: named('WebhookEvent', z.enum(webhookEvents)).nullable().describe('Null until the run has ended'),
    url: z.string(),
    state: stateField.describe('`blocked` until the run has ended'),
    done: z.boolean(),
    ...result,
    created_at: time,
    next_attempt_at: time,
    finished_at: time,
    attempts: z
      .array(
        named(
          'DeliveryAttempt',
          z.object({
            attempt: z.int().describe('Starts at 1 again with a resend'),
            started_at: time,
            ended_at: time,
            ...result,
          }),
        ),
      )
      .describe(
        'Every message that was sent, oldest first, those before a resend too. Of more than 20 the first and the last 19',
      ),
    links: z.object({ resend: z.string() }),
  }),
)

export type DeliveryResource = z.output<typeof deliveryResourceSchema>

/**
 * @param path of the job or flow
 * @param url of its webhook, for a delivery that is not stored yet
 */
export function deliveryResource(path: string, url: string, { ref, run, delivery }: KnownDelivery): DeliveryResource {
  const target = deliverySchema.safeParse(delivery?.record.input).data
  return {
    id: ref.id,
    run,
    event: target?.event ?? null,
    url: target?.url ?? url,
    state: delivery?.state ?? 'blocked',
    done: delivery?.done ?? false,
    ...resultOf(delivery?.failure, delivery?.output),
    created_at: optionalTimestamp(delivery?.createdAt),
    next_attempt_at: optionalTimestamp(delivery?.scheduledFor),
    finished_at: optionalTimestamp(delivery?.finishedAt),
    attempts: sendings(delivery).map(({ attempt, startedAt, endedAt, failure, output = delivery?.output }) => ({
      attempt,
      started_at: optionalTimestamp(startedAt),
      ended_at: optionalTimestamp(endedAt),
      ...resultOf(failure, output),
    })),
    links: { resend: `${path}/deliveries/${ref.id}/resend` },
  }
}

/** The starts of a delivery that got an answer or an error. */
function sendings(delivery: StoredJob | undefined): StoredJob['starts'] {
  return (delivery?.starts ?? []).filter(({ outcome }) => outcome === 'succeeded' || outcome === 'failed')
}

/** The code of a failure names the HTTP status where there was one. An attempt without a failure is the last one, which has the output. */
function resultOf(failure: StoredJob['failure'], output: unknown): z.output<z.ZodObject<typeof result>> {
  if (!failure) return { status: deliveryOutputSchema.safeParse(output).data?.status ?? null, error: null }
  const [, status] = /^http_(\d{3})$/.exec(failure.code) ?? []
  return {
    status: status === undefined ? null : Number(status),
    error: { code: failure.code, message: failure.message },
  }
}
