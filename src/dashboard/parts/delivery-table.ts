import { html } from 'htm/preact'
import { write } from '../api.ts'
import type { Delivery, ListedDelivery } from '../model.ts'
import { pathTo } from '../route.ts'
import { Action } from './action.ts'
import { cut, shortId } from './format.ts'
import { StateMark } from './state.ts'
import { Ago } from './time.ts'

/** Deliveries of webhooks, each of which can be sent again. */
export function DeliveryTable({
  deliveries,
  onChange,
}: {
  deliveries: readonly (Delivery | ListedDelivery)[]
  onChange: () => void
}) {
  if (deliveries.length === 0) return html`<p class="faint">There are no deliveries.</p>`
  return html`<div class="table"><table>
    <thead><tr><th>State</th><th>Event</th><th>To</th><th>Answer</th><th>Attempts</th><th>Next or end</th><th>Of</th><th><span class="hidden">Actions</span></th></tr></thead>
    <tbody>
      ${deliveries.map(
        (one) => html`<tr key=${one.id} data-row=${one.id}>
          <td><${StateMark} state=${one.state} /></td>
          <td>${one.event ?? '–'}</td>
          <td title=${one.url}>${cut(one.url, 60)}</td>
          <td>${one.status !== null && html`<code>${one.status}</code> `}${one.error && html`<span title=${cut(one.error.message, 500)}>${one.error.code}</span>`}</td>
          <td class="num">${one.attempts.length}</td>
          <td class="num"><${Ago} at=${one.done ? one.finished_at : one.next_attempt_at} /></td>
          <td class="id" title=${one.id}><${Owner} of=${one} /></td>
          <td><${Action} label="Send again" scope="submit" disabled=${one.done ? undefined : 'It is still being sent.'}
            act=${() => write('POST', one.links.resend)} onDone=${onChange} /></td>
        </tr>`,
      )}
    </tbody>
  </table></div>`
}

/** The job or flow that a delivery reports, where the list has those of many; else its own id. */
function Owner({ of }: { of: Delivery | ListedDelivery }) {
  const { job_id: job, flow_id: flow }: Partial<ListedDelivery> = of
  if (typeof job === 'string') return html`<a href=${pathTo(['jobs', job], { tab: 'webhooks' })}>${shortId(job)}</a>`
  if (typeof flow === 'string') return html`<a href=${pathTo(['flows', flow])}>${shortId(flow)}</a>`
  return html`${shortId(of.id)}`
}
