import { html } from 'htm/preact'
import { usePolled } from '../live.ts'
import type { AuditEntry, Page } from '../model.ts'
import { Field } from '../parts/field.ts'
import { shortId } from '../parts/format.ts'
import { Pager } from '../parts/pager.ts'
import { ProblemNote } from '../parts/problem.ts'
import { Ago } from '../parts/time.ts'
import { pathTo, type Route, setQuery } from '../route.ts'

const filters = ['tenant', 'key', 'action', 'target'] as const

/** Who changed what, newest first. */
export function AuditView({ route: { query } }: { route: Route }) {
  const cursor = query.get('cursor')
  const given = Object.fromEntries(filters.flatMap((name) => (query.get(name) ? [[name, query.get(name) ?? '']] : [])))
  const search = new URLSearchParams({ ...given, limit: '50', ...(cursor !== null && { cursor }) })
  const { data, error } = usePolled<Page<AuditEntry>>(`/v1/audit?${String(search)}`, 5000)
  return html`<h1>Audit</h1>
    <form class="filters" aria-label="Filters" onSubmit=${(event: Event) => event.preventDefault()}>
      ${filters.map((name) => html`<${Field} key=${name} label=${name} value=${given[name]} onChange=${(value: string) => setQuery({ [name]: value, cursor: undefined })} />`)}
    </form>
    <${ProblemNote} error=${error} missing="This API keeps no audit log yet." />
    ${data?.items.length === 0 && data.next_cursor === null && html`<div class="empty"><p>${search.size > 1 ? 'Nothing matches.' : 'Nothing was changed in the last 90 days.'} Submissions are not listed here: see <a href=${pathTo(['jobs'])}>Jobs</a>.</p></div>`}
    ${data && data.items.length > 0 && html`<${Entries} entries=${data.items} />`}
    ${data ? html`<${Pager} page=${data} cursor=${cursor} />` : error === undefined && html`<p aria-busy="true">Reading the audit log</p>`}`
}

function Entries({ entries }: { entries: AuditEntry[] }) {
  return html`<div class="table"><table>
    <thead><tr><th>When</th><th>Tenant</th><th>Key</th><th>Action</th><th>What</th><th>Request</th></tr></thead>
    <tbody>
      ${entries.map(
        (entry) => html`<tr key=${`${entry.request_id} ${entry.at} ${entry.action}`}>
          <td class="num"><${Ago} at=${entry.at} /></td>
          <td dir="auto">${entry.tenant}</td>
          <td>${entry.key ?? html`<span class="faint">no keys</span>`}</td>
          <td><code>${entry.action}</code></td>
          <td class="what"><${Target} action=${entry.action} target=${entry.target} /></td>
          <td class="faint"><code>${entry.request_id}</code></td>
        </tr>`,
      )}
    </tbody>
  </table></div>`
}

/** A job, flow or operation leads to its page. */
function Target({ action, target }: { action: string; target: string | null }) {
  if (target === null) return html`<span class="faint">–</span>`
  const [id = ''] = target.split('/')
  const place = id.startsWith('flow_') ? 'flows' : id.startsWith('op_') ? 'operations' : 'jobs'
  const isThing = /_[0-9a-z]{26}$/.test(id) && !/schedule|worker/i.test(action)
  if (!isThing) return html`<span dir="auto">${target}</span>`
  return html`<a class="id" href=${pathTo([place, id])} title=${target}>${shortId(id)}</a>${target !== id && target.slice(id.length)}`
}
