import { html } from 'htm/preact'
import { usePolled } from '../live.ts'
import { type Flow, type Page, states } from '../model.ts'
import { Field, SelectField } from '../parts/field.ts'
import { FlowBar } from '../parts/flow-bar.ts'
import { count, shortId } from '../parts/format.ts'
import { Pager } from '../parts/pager.ts'
import { ProblemNote } from '../parts/problem.ts'
import { useSteadyRows } from '../parts/rows.ts'
import { StateMark } from '../parts/state.ts'
import { Ago, Took } from '../parts/time.ts'
import { pathTo, type Route, setQuery } from '../route.ts'

export function FlowsView({ route: { query } }: { route: Route }) {
  const [state, tag, cursor] = [query.get('state'), query.get('tag'), query.get('cursor')]
  const search = new URLSearchParams({
    limit: '50',
    ...(state && { state }),
    ...(tag && { tag }),
    ...(cursor && { cursor }),
  })
  const path = `/v1/flows?${String(search)}`
  const { data, error } = usePolled<Page<Flow>>(path)
  const { rows, waiting, show } = useSteadyRows(path, data?.items)
  const set = (name: string) => (value: string) => setQuery({ [name]: value, cursor: undefined })
  return html`<h1>Flows</h1>
    <form class="filters" aria-label="Filters" onSubmit=${(event: Event) => event.preventDefault()}>
      <${SelectField} label="State" value=${state ?? undefined} choices=${states} onChange=${set('state')} />
      <${Field} label="Tag" value=${tag ?? undefined} onChange=${set('tag')} />
    </form>
    <${ProblemNote} error=${error} />
    ${waiting > 0 && html`<button type="button" class="small news" onClick=${show}>${waiting} new: show</button>`}
    ${data && rows.length === 0 && html`<div class="empty"><p>${state || tag ? 'No flow matches.' : 'There are no flows yet. POST /v1/flows submits jobs that depend on each other.'}</p></div>`}
    ${rows.length > 0 && html`<${FlowTable} flows=${rows} />`}
    ${data ? html`<${Pager} page=${data} cursor=${cursor} />` : error === undefined && html`<p aria-busy="true">Reading the flows</p>`}`
}

function FlowTable({ flows }: { flows: Flow[] }) {
  return html`<div class="table"><table>
    <thead><tr><th>State</th><th>Flow</th><th>Members</th><th class="num">Jobs</th><th>Error</th><th>Tags</th><th>Took</th><th>Created</th></tr></thead>
    <tbody>
      ${flows.map(
        (flow) => html`<tr key=${flow.id} data-row=${flow.id}>
          <td><${StateMark} state=${flow.state} /></td>
          <td><a class="id" href=${pathTo(['flows', flow.id])} title=${flow.id}>${shortId(flow.id)}</a></td>
          <td><${FlowBar} counts=${flow.counts} /></td>
          <td class="num">${count(flow.jobs)}</td>
          <td>${flow.error && html`<code>${flow.error.code}</code>`}</td>
          <td dir="auto">${flow.tags.join(', ')}</td>
          <td class="num"><${Took} from=${flow.created_at} to=${flow.finished_at} /></td>
          <td class="num"><${Ago} at=${flow.created_at} /></td>
        </tr>`,
      )}
    </tbody>
  </table></div>`
}
