import type { WebhookOutbox, WebhookOwner } from '../webhooks/outbox.ts'
import { iso, type WebhookPayload } from '../webhooks/payload.ts'
import type { FlowStore } from './flow-store.ts'
import type { FlowHead } from './model/document.ts'

/** A flow as the owner of its deliveries. */
export function flowOwner({ id, run, webhook, finished }: FlowHead): WebhookOwner {
  return { id, run, webhook, event: finished?.state }
}

/**
 * Stores the delivery that an ended flow owes, and marks the flow as notified. A flow owes one while it has a webhook and its current
 * run is not marked. Does nothing where none is owed; idempotent.
 *
 * @throws QueueUnavailableError; the flow owes the delivery still
 */
export async function settleFlowWebhook(
  { store, outbox }: { store: FlowStore; outbox: WebhookOutbox },
  id: string,
): Promise<void> {
  const flow = await store.head(id)
  if (!flow?.webhook || !flow.finished || flow.notifiedRun === flow.run) return
  const { run, webhook, tenant, finished } = flow
  await outbox.create({ owner: id, run, event: finished.state, payload: flowPayload(flow, finished), webhook, tenant })
  await store.markNotified(id, run)
  // A client that deletes the flow has its deliveries removed after the flow: see remove-flows.ts.
  if ((await store.readStatus(id)).run === 0) await outbox.forget(flowOwner(flow))
}

/** The payload for an ended flow: the flow as clients see it, without its tree. */
function flowPayload(flow: FlowHead, finished: NonNullable<FlowHead['finished']>): WebhookPayload {
  const { id, run, jobs, ended, tags, metadata, stop } = flow
  const self = `/v1/flows/${id}`
  return {
    type: `flow.${finished.state}`,
    timestamp: iso(finished.at) ?? '',
    data: {
      id,
      state: finished.state,
      done: true,
      error: finished.error ?? null,
      run,
      jobs,
      counts: { scheduled: 0, blocked: 0, queued: 0, running: 0, ...ended },
      tags,
      metadata,
      created_at: iso(flow.createdAt),
      finished_at: iso(finished.at),
      cancel_requested_at: stop?.why === 'canceled' ? iso(stop.at) : null,
      deadline_at: iso(flow.deadlineAt),
      links: {
        self,
        results: `${self}/results`,
        events: `${self}/events`,
        cancel: `${self}/cancel`,
        deliveries: `${self}/deliveries`,
      },
    },
  }
}
