import { html } from 'htm/preact'
import { usePolled } from '../live.ts'
import type { Job, Page, Queue } from '../model.ts'
import { count, duration } from '../parts/format.ts'
import { JobTable } from '../parts/job-table.ts'
import { ProblemNote } from '../parts/problem.ts'
import { QueueTable } from '../parts/queue-table.ts'
import { pathTo } from '../route.ts'

/** What happens now, and what needs attention. */
export function OverviewView() {
  const queues = usePolled<{ items: Queue[] }>('/v1/queues')
  const running = usePolled<Page<Job>>('/v1/jobs?state=running&limit=8')
  const failed = usePolled<Page<Job>>('/v1/jobs?state=failed&limit=8', 5000)
  const items = queues.data?.items ?? []
  const sum = (pick: (counts: Queue['counts']) => number) =>
    items.reduce((total, { counts }) => total + pick(counts), 0)
  const oldest = Math.max(0, ...items.map(({ oldest_wait_ms: ms }) => ms ?? 0))
  return html`<h1>Overview</h1>
    <dl class="figures">
      <${Figure} label="running" value=${count(sum((counts) => counts.running))} href=${pathTo(['jobs'], { state: 'running' })} />
      <${Figure} label="queued" value=${count(sum((counts) => counts.queued))} href=${pathTo(['jobs'], { state: 'queued' })} />
      <${Figure} label="oldest wait" value=${oldest === 0 ? '–' : duration(oldest)} />
      <${Figure} label="scheduled" value=${count(sum((counts) => counts.scheduled))} href=${pathTo(['jobs'], { state: 'scheduled' })} />
      <${Figure} label="succeeded, kept" value=${count(sum((counts) => counts.succeeded))} href=${pathTo(['jobs'], { state: 'succeeded' })} />
      <${Figure} label="not succeeded, kept" value=${count(sum((counts) => counts.failed))} href=${pathTo(['jobs'], { state: 'failed' })} />
    </dl>
    <${ProblemNote} error=${queues.error} />
    <${Attention} queues=${items} />
    <h2>Queues</h2>
    <${QueueTable} queues=${items} onChange=${queues.reload} />
    <h2>Running now</h2>
    <${Some} page=${running.data} empty="Nothing runs." />
    <h2>Failed last</h2>
    <${Some} page=${failed.data} empty="No failed jobs." />`
}

function Figure({ label, value, href }: { label: string; value: string; href?: string }) {
  return html`<div><dt>${label}</dt><dd class="num">${href === undefined ? value : html`<a href=${href}>${value}</a>`}</dd></div>`
}

function Some({ page, empty }: { page: Page<Job> | undefined; empty: string }) {
  if (!page) return html`<p aria-busy="true">Reading</p>`
  return page.items.length === 0 ? html`<p class="faint">${empty}</p>` : html`<${JobTable} jobs=${page.items} />`
}

function Attention({ queues }: { queues: Queue[] }) {
  const notes = queues.flatMap(({ name, workers, paused, counts }) => [
    ...(workers === 0 && counts.queued > 0
      ? [
          `No worker consumes the queue ${name}, where ${count(counts.queued)} jobs wait. Start one: WORKER_QUEUES=${name}:10 npm run worker`,
        ]
      : []),
    ...(paused ? [`The queue ${name} is paused.`] : []),
  ])
  if (notes.length === 0) return null
  return html`<section class="note warn" aria-label="Needs attention">
    <strong>Needs attention</strong>
    <ul>${notes.map((note) => html`<li>${note}</li>`)}</ul>
  </section>`
}
