import { html } from 'htm/preact'
import { write } from '../api.ts'
import { usePolled } from '../live.ts'
import type { Worker } from '../model.ts'
import { Action } from '../parts/action.ts'
import { bytes, plural, shortId } from '../parts/format.ts'
import { ProblemNote } from '../parts/problem.ts'
import { Ago, Took } from '../parts/time.ts'
import { pathTo } from '../route.ts'

export function WorkersView() {
  const { data, error, reload } = usePolled<{ items: Worker[] }>('/v1/workers')
  return html`<h1>Workers</h1>
    <${ProblemNote} error=${error} missing="This API does not list its workers yet." />
    ${!data && error === undefined && html`<p aria-busy="true">Reading the workers</p>`}
    ${data?.items.length === 0 && html`<div class="empty"><p>No worker is connected. Start one: <code>npm run worker</code></p></div>`}
    <div class="cards">${(data?.items ?? []).map((worker) => html`<${Card} key=${worker.id} worker=${worker} onChange=${reload} />`)}</div>`
}

function Card({ worker, onChange }: { worker: Worker; onChange: () => void }) {
  const { id, name, version, draining, load, running, queues, jobs, memory_bytes: memory } = worker
  return html`<article data-row=${id}>
    <h2>${name} ${draining && html`<span class="tag warn">draining</span>`}</h2>
    ${load !== null && html`<p><meter min="0" max="1" value=${load} aria-label=${`Load of ${name}`}></meter> ${Math.round(load * 100)} % of its capacity</p>`}
    <p>${queues.map(({ name: queue, running: active, concurrency }) => html`<span class="tag">${queue} ${active ?? '?'} of ${concurrency ?? '?'}</span> `)}</p>
    <p class="faint">${version !== null && `version ${version}, `}${memory !== null && `${bytes(memory)}, `}since <${Ago} at=${worker.started_at} />, heartbeat <${Ago} at=${worker.last_heartbeat_at} /></p>
    ${
      jobs.length > 0 &&
      html`<details><summary>${plural(running ?? jobs.length, 'running job')}</summary><ul>
      ${jobs.map((job) => html`<li key=${job.id}>${job.type} <a class="id" href=${pathTo(['jobs', job.id])} title=${job.id}>${shortId(job.id)}</a> <${Took} from=${job.started_at} to=${null} /></li>`)}
    </ul></details>`
    }
    <${Action} label="Drain" scope="admin" disabled=${draining ? 'It takes no more jobs.' : undefined} onDone=${onChange}
      confirm=${`${name} takes no more jobs. Its ${plural(running ?? 0, 'running job')} go on to the end. It stays until it is stopped.`}
      act=${() => write('POST', `/v1/workers/${encodeURIComponent(id)}/drain`)} />
  </article>`
}
