import type { WebhookSecret } from '../../environment/kinds.ts'
import { defineJob, type Job } from '../../jobs/define-job.ts'
import { JobError, PermanentError, RetryLater } from '../../jobs/job-error.ts'
import { describeFailure } from '../../jobs/job-failure.ts'
import { describeNetworkError, readRetryAfter } from '../../jobs/web/http-response.ts'
import { redisNow } from '../../queue/model/redis-time.ts'
import { deliveryOutputSchema, deliverySchema, deliveryType, deliveryWaitsMs } from '../../queue/webhooks/delivery.ts'
import { secretsOf, signatureHeaders } from './sign-webhook.ts'

/** A receiver that has not responded by then has failed. */
const responseTimeoutMs = 15_000
/** Only the status counts. Up to this much of the body is read and dropped, so that the connection can be reused. */
const maxBodyBytes = 16_384
const minRetryDelayMs = 1000
/** The random share of a retry delay, so that deliveries that failed together are not retried together. */
const jitter = 0.2

/**
 * The job type that sends a webhook. 2xx is success. 410 and an address that the egress guard refuses are permanent failures;
 * anything else, also a redirect, is retried after `Retry-After` or the next of {@link deliveryWaitsMs}.
 *
 * @param random from 0 to 1, drawn anew with each call
 */
export function webhookJob(secrets: readonly WebhookSecret[], random: () => number): Job {
  return defineJob({
    type: deliveryType,
    title: 'Send a webhook',
    runsOn: 'event-loop',
    input: deliverySchema,
    output: deliveryOutputSchema,
    // A safety net: the wait for the response is bounded below.
    timeoutMs: 2 * responseTimeoutMs,
    async run({ url, tenant, body }, job) {
      const late = AbortSignal.timeout(responseTimeoutMs)
      const signal = AbortSignal.any([job.signal, late])
      try {
        const own = secretsOf(tenant, secrets)
        if (own.length === 0) throw new JobError('WEBHOOK_SECRETS has no secret for this tenant', { code: 'no_secret' })
        const startedAt = performance.now()
        const response = await job.fetch(url, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            ...signatureHeaders(job.id, body, own, redisNow()),
          },
          body,
          redirect: 'manual',
          signal,
        })
        await drop(response)
        const { status } = response
        if (status >= 200 && status < 300) return { status, duration_ms: Math.round(performance.now() - startedAt) }
        throw failureOf(response, url)
      } catch (error) {
        if (job.signal.aborted) throw error
        throw withRetryDelay(describe(error, url, late), job.attempt, random())
      }
    },
  })
}

function failureOf({ status, headers }: Response, url: string): JobError {
  const message = `${new URL(url).host} answered ${status}`
  const code = `http_${status}`
  if (status === 410) return new PermanentError(message, { code })
  const retryAfterMs = readRetryAfter(headers.get('retry-after'), redisNow())
  return new JobError(message, { code, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
}

function describe(error: unknown, url: string, late: AbortSignal): unknown {
  if (!late.aborted) return describeNetworkError(error, url, late)
  const message = `no response from ${new URL(url).host} within ${responseTimeoutMs} ms`
  return new JobError(message, { code: 'no_response', cause: error })
}

/** The same failure with the delay before the next attempt. */
function withRetryDelay(error: unknown, attempt: number, random: number): unknown {
  const { retryable, retryAfterMs, code, message } = describeFailure(error)
  if (!retryable) return error
  const waitMs = (deliveryWaitsMs[attempt - 1] ?? 0) * (1 - jitter * random)
  return new RetryLater(Math.max(minRetryDelayMs, retryAfterMs ?? waitMs), message, { code, cause: error })
}

/** The body does not matter, and a receiver that never ends it has responded all the same. */
async function drop({ body }: Response): Promise<void> {
  if (!body) return
  let length = 0
  try {
    for await (const chunk of body) {
      length += chunk.byteLength
      if (length > maxBodyBytes) return
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error
  }
}
