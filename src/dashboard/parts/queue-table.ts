import { html } from 'htm/preact'
import { write } from '../api.ts'
import type { Queue } from '../model.ts'
import { pathTo } from '../route.ts'
import { Action } from './action.ts'
import { count, duration } from './format.ts'

/** The queues with their counts; pause and resume. */
export function QueueTable({ queues, onChange }: { queues: readonly Queue[]; onChange: () => void }) {
  return html`<div class="table"><table>
    <thead><tr><th>Queue</th><th>Running and waiting</th><th class="num">Running</th><th class="num">Queued</th><th class="num">Scheduled</th>
      <th class="num">Succeeded</th><th class="num">Not succeeded</th><th class="num">Oldest wait</th><th class="num">Workers</th><th><span class="hidden">Actions</span></th></tr></thead>
    <tbody>${queues.map((queue) => html`<${Row} key=${queue.name} queue=${queue} onChange=${onChange} />`)}</tbody>
  </table></div>`
}

function Row({ queue, onChange }: { queue: Queue; onChange: () => void }) {
  const { name, paused, workers, counts, oldest_wait_ms: oldest } = queue
  const verb = paused ? 'resume' : 'pause'
  return html`<tr data-row=${name}>
    <td><a href=${pathTo(['jobs'], { queue: name })}>${name}</a> ${paused && html`<span class="tag warn">paused</span>`}</td>
    <td><${Shares} queue=${queue} /></td>
    <td class="num">${count(counts.running)}</td><td class="num">${count(counts.queued)}</td><td class="num">${count(counts.scheduled)}</td>
    <td class="num">${count(counts.succeeded)}</td><td class="num">${count(counts.failed)}</td>
    <td class="num">${oldest === null ? '–' : duration(oldest)}</td>
    <td class="num">${workers === 0 ? html`<span class="bad">none</span>` : workers}</td>
    <td><${Action} label=${paused ? 'Resume' : 'Pause'} scope="admin" onDone=${onChange}
      confirm=${paused ? undefined : `Pauses the queue ${name}: its ${count(counts.queued)} waiting jobs and new ones wait until it is resumed. Running jobs go on.`}
      act=${() => write('POST', `/v1/queues/${encodeURIComponent(name)}/${verb}`)} /></td>
  </tr>`
}

/** What runs and what waits, side by side. */
function Shares({ queue: { name, counts } }: { queue: Queue }) {
  const total = counts.running + counts.queued
  if (total === 0) return html`<span class="faint">idle</span>`
  return html`<span class="shares" role="img" aria-label=${`${name}: ${counts.running} running, ${counts.queued} queued`}>
    <span class="running" style=${{ flexGrow: String(counts.running) }}></span><span class="queued" style=${{ flexGrow: String(counts.queued) }}></span>
  </span>`
}
