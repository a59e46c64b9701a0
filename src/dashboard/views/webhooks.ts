import { html } from 'htm/preact'
import { usePolled } from '../live.ts'
import { type ListedDelivery, type Page, states } from '../model.ts'
import { DeliveryTable } from '../parts/delivery-table.ts'
import { failingHosts } from '../parts/failing-hosts.ts'
import { SelectField } from '../parts/field.ts'
import { plural } from '../parts/format.ts'
import { Pager } from '../parts/pager.ts'
import { ProblemNote } from '../parts/problem.ts'
import { type Route, setQuery } from '../route.ts'

/** What webhooks owe, and what they gave up. */
export function WebhooksView({ route: { query } }: { route: Route }) {
  const [state, cursor] = [query.get('state'), query.get('cursor')]
  const search = new URLSearchParams({ limit: '50', ...(state && { state }), ...(cursor && { cursor }) })
  const { data, error, reload } = usePolled<Page<ListedDelivery>>(`/v1/deliveries?${String(search)}`, 3000)
  return html`<h1>Webhooks</h1>
    <form class="filters" aria-label="Filters" onSubmit=${(event: Event) => event.preventDefault()}>
      <${SelectField} label="State" value=${state ?? undefined} choices=${states} onChange=${(value: string) => setQuery({ state: value, cursor: undefined })} />
    </form>
    <${ProblemNote} error=${error} missing="This API does not list the deliveries of all webhooks yet. The page of a job has its own." />
    <${Endpoints} deliveries=${data?.items ?? []} />
    ${data ? html`<${DeliveryTable} deliveries=${data.items} onChange=${reload} /><${Pager} page=${data} cursor=${cursor} />` : error === undefined && html`<p aria-busy="true">Reading the deliveries</p>`}`
}

/** The hosts of this page that owe something or do not answer well. */
function Endpoints({ deliveries }: { deliveries: ListedDelivery[] }) {
  const failing = failingHosts(deliveries)
  if (failing.size === 0) return null
  return html`<section class="note warn" aria-label="Failing endpoints"><strong>Failing endpoints on this page</strong>
    <ul>${Array.from(failing, ([host, failures]) => html`<li>${host}: ${plural(failures, 'delivery', 'deliveries')}</li>`)}</ul></section>`
}
