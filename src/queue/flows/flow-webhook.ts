import type { WebhookOutbox, WebhookOwner } from '../webhooks/outbox.ts'
import { iso, type Notice } from '../webhooks/payload.ts'
import type { FlowStore } from './flow-store.ts'
import type { FlowHead } from './model/document.ts'

/** What deliveries have to know of a flow. */
export function flowOwner({ id, run, webhook, finished }: FlowHead): WebhookOwner {
  return { id, run, webhook, event: finished?.state }
}

/**
 * Makes the delivery that an ended flow owes, and notes that in the flow. Its document is the debt: it has a webhook, and names no
 * delivery of its current run. Nothing where it owes none; doing it again makes no second one.
 *
 * @throws QueueUnavailableError; the flow owes it still, then
 */
export async function settleFlowWebhook(
  { store, outbox }: { store: FlowStore; outbox: WebhookOutbox },
  id: string,
): Promise<void> {
  const flow = await store.head(id)
  if (!flow?.webhook || !flow.finished || flow.toldRun === flow.run) return
  const { run, webhook, tenant, finished } = flow
  await outbox.create({ owner: id, run, event: finished.state, notice: flowNotice(flow, finished), webhook, tenant })
  await store.noteTold(id, run)
}

/** What a webhook says of an ended flow: the flow as clients see it, without its tree. */
function flowNotice(flow: FlowHead, finished: NonNullable<FlowHead['finished']>): Notice {
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
