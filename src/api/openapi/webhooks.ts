import type { RouteOptions } from 'fastify'
import { z } from 'zod'
import { emptyResponse } from './responses.ts'

/** A message that the service sends to the URL of a webhook. */
export interface DescribedWebhook {
  name: string
  summary: string
  description: string
  body: z.ZodType
}

/** Where the document's generator has them meanwhile: it knows paths only. */
const prefix = '/webhooks/'

const headers = z.object({
  'webhook-id': z.string().describe('Identifies the delivery: the same in each attempt'),
  'webhook-timestamp': z.string().describe('When it was signed, in seconds since 1970'),
  'webhook-signature': z.string().describe('Signatures of id, timestamp and body (Standard Webhooks)'),
  'drover-hops': z.string().describe('How many jobs and webhooks led to it: send it on with a submission'),
  traceparent: z.string().optional().describe('Continues the trace of the submission'),
})

/** A webhook as a route, for the generator. */
export function webhookRoute({ name, summary, description, body }: DescribedWebhook): RouteOptions {
  return {
    method: 'POST',
    url: prefix + name,
    schema: {
      operationId: name,
      summary,
      description,
      tags: ['webhooks'],
      security: [],
      headers,
      body,
      response: { 204: emptyResponse('Received. Any 2xx counts. 410 ends the delivery, anything else is retried') },
    },
    handler: () => undefined,
  }
}

export function isWebhook(url: string): boolean {
  return url.startsWith(prefix)
}

/** Moves webhooks from the paths of a document to its `webhooks`. */
export function moveWebhooks(document: { paths?: unknown }): typeof document & { webhooks: Record<string, unknown> } {
  const all = Object.entries(Object(document.paths) as Record<string, unknown>)
  const paths = Object.fromEntries(all.filter(([path]) => !isWebhook(path)))
  const webhooks = Object.fromEntries(
    all.filter(([path]) => isWebhook(path)).map(([path, item]) => [path.slice(prefix.length), item]),
  )
  return { ...document, paths, webhooks }
}
