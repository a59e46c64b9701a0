import { html } from 'htm/preact'
import type { Job } from '../model.ts'
import { pathTo } from '../route.ts'
import { cut, shortId } from './format.ts'
import { heldText } from './held.ts'
import { Bar, StateMark } from './state.ts'
import { Ago, Took } from './time.ts'

interface JobTableProps {
  jobs: readonly Job[]
  selected?: ReadonlySet<string>
  onSelect?: (id: string) => void
}

/** Jobs as rows, each a link to its job. */
export function JobTable({ jobs, selected, onSelect }: JobTableProps) {
  return html`<div class="table"><table class="jobs">
    <thead><tr>
      ${onSelect && html`<th><span class="hidden">Selected</span></th>`}
      <th>State</th><th>Type</th><th>Job</th><th>What</th><th>Tags</th><th>Attempt</th><th>Took</th><th>Created</th>
    </tr></thead>
    <tbody>${jobs.map((job) => html`<${Row} key=${job.id} job=${job} isSelected=${selected?.has(job.id) === true} onSelect=${onSelect} />`)}</tbody>
  </table></div>`
}

function Row({ job, isSelected, onSelect }: { job: Job; isSelected: boolean; onSelect?: (id: string) => void }) {
  return html`<tr data-row=${job.id} aria-selected=${onSelect ? isSelected : undefined}>
    ${onSelect && html`<td><input type="checkbox" aria-label=${`Select ${job.id}`} checked=${isSelected} onChange=${() => onSelect(job.id)} /></td>`}
    <td><${StateMark} state=${job.state} /></td>
    <td>${job.type}</td>
    <td><a class="id" href=${pathTo(['jobs', job.id])} title=${job.id}>${shortId(job.id)}</a></td>
    <td class="what"><${What} job=${job} /></td>
    <td dir="auto">${cut(job.tags.join(', '), 60)}</td>
    <td class="num">${job.attempt} of ${job.max_attempts}</td>
    <td class="num"><${Took} from=${job.started_at} to=${job.finished_at} /></td>
    <td class="num"><${Ago} at=${job.created_at} /></td>
  </tr>`
}

/** What there is to say about a job now: how far it is, what holds it, why it failed. */
function What({ job }: { job: Job }) {
  if (job.state === 'running' && job.progress)
    return html`<${Bar} progress=${job.progress} label=${`Progress of ${job.id}`} />`
  if (job.state === 'running') return html`<span class="faint">${job.worker}</span>`
  if (!job.done && job.held_by) return html`<span class="held">held: ${heldText(job.held_by)}</span>`
  if (job.state === 'scheduled') return html`<span class="faint">due <${Ago} at=${job.scheduled_for} /></span>`
  if (job.error)
    return html`<span title=${cut(job.error.message, 500)} dir="auto"><code>${job.error.code}</code> ${cut(job.error.message, 80)}</span>`
  return null
}
