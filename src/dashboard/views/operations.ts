import { html } from 'htm/preact'
import { write } from '../api.ts'
import { usePolled } from '../live.ts'
import type { Operation } from '../model.ts'
import { Action } from '../parts/action.ts'
import { count, shortId } from '../parts/format.ts'
import { filterText, Outcome, scopeOf } from '../parts/operation.ts'
import { ProblemNote } from '../parts/problem.ts'
import { Bar } from '../parts/state.ts'
import { Ago } from '../parts/time.ts'
import { pathTo } from '../route.ts'

/** What was done, or is being done, to many jobs at once. */
export function OperationsView() {
  const { data, error, reload } = usePolled<{ items: Operation[] }>('/v1/operations?limit=100')
  return html`<h1>Operations</h1>
    <${ProblemNote} error=${error} />
    ${!data && error === undefined && html`<p aria-busy="true">Reading the operations</p>`}
    ${data?.items.length === 0 && html`<div class="empty"><p>Nothing was done to many jobs in the last day. Filter the <a href=${pathTo(['jobs'])}>jobs</a>, and cancel, retry or delete all that match.</p></div>`}
    ${data && data.items.length > 0 && html`<${Table} operations=${data.items} onChange=${reload} />`}`
}

function Table({ operations, onChange }: { operations: Operation[]; onChange: () => void }) {
  return html`<div class="table"><table>
    <thead><tr><th>Operation</th><th>Filter</th><th>State</th><th>Progress</th><th class="num">Done</th><th class="num">Skipped</th><th class="num">Failed</th><th>Created</th><th><span class="hidden">Actions</span></th></tr></thead>
    <tbody>
      ${operations.map(
        (one) => html`<tr key=${one.id} data-row=${one.id}>
          <td>${one.action}${one.dry_run && html` <span class="tag">count only</span>`} <a class="id" href=${pathTo(['operations', one.id])} title=${one.id}>${shortId(one.id)}</a></td>
          <td class="what" dir="auto">${filterText(one.filter)}</td>
          <td>${one.state}</td>
          <td><${Bar} progress=${one.progress} label=${`Progress of ${one.id}`} /></td>
          <td class="num">${count(one.succeeded)}</td>
          <td class="num">${count(one.skipped)}</td>
          <td class="num">${count(one.failed)}</td>
          <td class="num"><${Ago} at=${one.created_at} /></td>
          <td><${Stop} operation=${one} onChange=${onChange} /></td>
        </tr>`,
      )}
    </tbody>
  </table></div>`
}

function Stop({ operation: { id, done, action }, onChange }: { operation: Operation; onChange: () => void }) {
  if (done) return null
  return html`<${Action} label="Stop" scope="cancel" confirm=${`Stops this ${action}. What it did to jobs stays.`} onDone=${onChange}
    act=${() => write('POST', `/v1/operations/${encodeURIComponent(id)}/cancel`)} />`
}

/** One operation as it goes on. */
export function OperationView({ id }: { id: string }) {
  const { data, error, reload } = usePolled<Operation>(`/v1/operations/${encodeURIComponent(id)}`, 1000)
  if (!data) {
    return html`<h1 class="id">${shortId(id)}</h1><${ProblemNote} error=${error} />
      ${error === undefined && html`<p aria-busy="true">Reading the operation</p>`}`
  }
  const { filter } = data
  return html`<header class="head">
      <h1>${data.action} jobs <span class="id" title=${id}>${shortId(id)}</span></h1>
      <div class="tools"><${Stop} operation=${data} onChange=${reload} />
        <a class="button small secondary" href=${pathTo(['jobs'], filter)}>Show what matches now</a></div>
    </header>
    <dl class="facts">
      <div><dt>State</dt><dd aria-live="polite">${data.state}${data.dry_run && ', counts only'}</dd></div>
      <div><dt>Filter</dt><dd dir="auto">${filterText(filter)}</dd></div>
      <div><dt>At most</dt><dd class="num">${count(data.limit)}</dd></div>
      <div><dt>Created</dt><dd><${Ago} at=${data.created_at} /></dd></div>
      <div><dt>Ended</dt><dd><${Ago} at=${data.finished_at} /></dd></div>
      ${data.waiting_for !== null && html`<div><dt>Waits</dt><dd class="held">${data.waiting_for}</dd></div>`}
    </dl>
    <${ProblemNote} error=${error} />
    <${Outcome} operation=${data} />
    <p class="faint">Needs the scope <code>${scopeOf(data.action)}</code>; it ends when its key does.</p>`
}
