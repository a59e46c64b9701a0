import { html } from 'htm/preact'
import { usePolled } from '../live.ts'
import type { Queue } from '../model.ts'
import { ProblemNote } from '../parts/problem.ts'
import { QueueTable } from '../parts/queue-table.ts'

export function QueuesView() {
  const { data, error, reload } = usePolled<{ items: Queue[] }>('/v1/queues')
  return html`<h1>Queues</h1>
    <${ProblemNote} error=${error} />
    ${data ? html`<${QueueTable} queues=${data.items} onChange=${reload} />` : html`<p aria-busy="true">Reading the queues</p>`}
    <p class="faint">The counts of ended jobs are of those that are kept, of all tenants.</p>`
}
