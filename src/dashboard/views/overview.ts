import { html } from 'htm/preact'
import { usePolled } from '../live.ts'
import type { FailureGroup, Job, ListedDelivery, Page, Queue, Worker } from '../model.ts'
import { failingHosts } from '../parts/failing-hosts.ts'
import { count, duration, plural } from '../parts/format.ts'
import { History } from '../parts/history.ts'
import { JobTable } from '../parts/job-table.ts'
import { ProblemNote } from '../parts/problem.ts'
import { QueueTable } from '../parts/queue-table.ts'
import { pathTo } from '../route.ts'
import { sessionKey } from '../session.ts'

/** What happens now, and what needs attention. */
export function OverviewView() {
  const isAdmin = sessionKey().scopes.includes('admin')
  const queues = usePolled<{ items: Queue[] }>('/v1/queues')
  const workers = usePolled<{ items: Worker[] }>(isAdmin ? '/v1/workers' : undefined, 5000).data?.items
  const running = usePolled<Page<Job>>('/v1/jobs?state=running&limit=8')
  const failed = usePolled<Page<Job>>('/v1/jobs?state=failed&limit=8', 5000)
  const items = queues.data?.items ?? []
  return html`<h1>Overview</h1>
    <${Figures} queues=${items} workers=${workers} />
    <${ProblemNote} error=${queues.error} />
    <${Attention} queues=${items} />
    ${isAdmin && html`<${History} />`}
    <h2>Queues</h2>
    <${QueueTable} queues=${items} onChange=${queues.reload} />
    <h2>Running now</h2>
    <${Some} page=${running.data} empty="Nothing runs." />
    <h2>Failed last</h2>
    <${Some} page=${failed.data} empty="No failed jobs." />`
}

function Figures({ queues, workers }: { queues: Queue[]; workers: Worker[] | undefined }) {
  const sum = (pick: (counts: Queue['counts']) => number) =>
    queues.reduce((total, { counts }) => total + pick(counts), 0)
  const oldest = Math.max(0, ...queues.map(({ oldest_wait_ms: ms }) => ms ?? 0))
  const capacity = (workers ?? [])
    .flatMap((worker) => worker.queues)
    .reduce((total, { concurrency }) => total + (concurrency ?? 0), 0)
  const of = capacity > 0 ? html`<small class="faint"> of ${count(capacity)}</small>` : ''
  return html`<dl class="figures">
    <${Figure} label="running" value=${html`${count(sum((counts) => counts.running))}${of}`} href=${pathTo(['jobs'], { state: 'running' })} />
    <${Figure} label="queued" value=${count(sum((counts) => counts.queued))} href=${pathTo(['jobs'], { state: 'queued' })} />
    <${Figure} label="oldest wait" value=${oldest === 0 ? '–' : duration(oldest)} />
    <${Figure} label="scheduled" value=${count(sum((counts) => counts.scheduled))} href=${pathTo(['jobs'], { state: 'scheduled' })} />
    ${workers && html`<${Figure} label="workers" value=${count(workers.length)} href=${pathTo(['workers'])} />`}
    <${Figure} label="succeeded, kept" value=${count(sum((counts) => counts.succeeded))} href=${pathTo(['jobs'], { state: 'succeeded' })} />
    <${Figure} label="not succeeded, kept" value=${count(sum((counts) => counts.failed))} href=${pathTo(['jobs'], { state: 'failed' })} />
  </dl>`
}

function Figure({ label, value, href }: { label: string; value: unknown; href?: string }) {
  return html`<div><dt>${label}</dt><dd class="num">${href === undefined ? value : html`<a href=${href}>${value}</a>`}</dd></div>`
}

function Some({ page, empty }: { page: Page<Job> | undefined; empty: string }) {
  if (!page) return html`<p aria-busy="true">Reading</p>`
  return page.items.length === 0 ? html`<p class="faint">${empty}</p>` : html`<${JobTable} jobs=${page.items} />`
}

const recentMs = 10 * 60_000
/** So many failures of a kind are worth a line. */
const manyFailures = 10

/** What somebody who was woken looks for first. */
function Attention({ queues }: { queues: Queue[] }) {
  const failures = usePolled<{ items: FailureGroup[] }>('/v1/failures?limit=20', 10_000).data?.items ?? []
  const warnings = usePolled<{ warnings: { code: string; detail: string }[] }>('/readyz', 30_000).data?.warnings ?? []
  const owed = usePolled<Page<ListedDelivery>>('/v1/deliveries?state=scheduled&limit=100', 30_000).data?.items ?? []
  const risen = failures.filter(
    ({ first_seen_at: first, count }) => Date.now() - Date.parse(first) < recentMs && count >= manyFailures,
  )
  const notes = [
    ...queues
      .filter(({ workers, counts }) => workers === 0 && counts.queued > 0)
      .map(({ name, counts }) => {
        return `No worker consumes the queue ${name}, where ${plural(counts.queued, 'job')} wait. Start one: WORKER_QUEUES=${name}:10 npm run worker`
      }),
    ...queues.filter(({ paused }) => paused).map(({ name }) => `The queue ${name} is paused.`),
    ...risen.map(
      ({ type, code, count: failed }) =>
        `${plural(failed, 'job')} of ${type} failed with ${code} for the first time in the last ten minutes.`,
    ),
    ...Array.from(failingHosts(owed), ([host, count]) => {
      return `The webhook endpoint ${host} owes ${plural(count, 'delivery', 'deliveries')}.`
    }),
    ...warnings.map(({ detail }) => detail),
  ]
  if (notes.length === 0) return null
  return html`<section class="note warn" aria-label="Needs attention">
    <strong>Needs attention</strong>
    <ul>${notes.map((note) => html`<li>${note}</li>`)}</ul>
  </section>`
}
