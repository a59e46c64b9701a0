import { html } from 'htm/preact'
import { usePolled } from '../live.ts'
import type { Held, Job } from '../model.ts'
import { exact, plain } from './format.ts'
import { heldText } from './held.ts'
import { ProblemNote } from './problem.ts'
import { Ago } from './time.ts'

interface Answer {
  state: string
  reasons: (Held & Record<string, unknown>)[]
  position?: number | null
  estimate?: { earliest_at: string | null; latest_at: string | null; basis: string } | null
}

/** Why a job waits, and when it may start. */
export function Explanation({ job }: { job: Job }) {
  const { data, error } = usePolled<Answer>(
    job.done ? undefined : `/v1/jobs/${encodeURIComponent(job.id)}/explain`,
    3000,
  )
  if (job.done) return html`<p class="faint">It waits for nothing: it has ended.</p>`
  if (!data) return html`<${ProblemNote} error=${error} missing="This API explains no waits yet." />`
  return html`<div>
    ${data.reasons.length === 0 && html`<p>Nothing holds it.</p>`}
    <ul>${data.reasons.map((reason) => html`<li><b>${heldText(reason)}</b> <${Details} reason=${reason} /></li>`)}</ul>
    ${typeof data.position === 'number' && html`<p>Position ${data.position} among your waiting jobs of its queue.</p>`}
    ${
      data.estimate?.earliest_at &&
      html`<p>May start <${Ago} at=${data.estimate.earliest_at} />${data.estimate.latest_at && html`, at the latest <${Ago} at=${data.estimate.latest_at} />`}
      <span class="faint"> (${data.estimate.basis})</span></p>`
    }
  </div>`
}

/** The other fields of a reason, in words. */
function Details({ reason }: { reason: Record<string, unknown> }) {
  const rest = Object.entries(reason).filter(
    ([name, value]) => name !== 'kind' && value !== null && value !== undefined,
  )
  return html`<span class="faint">${rest.map(([name, value], at) => html`${at > 0 && ', '}${name.replaceAll('_', ' ')} ${typeof value === 'string' && name.endsWith('_at') ? exact(value) : plain(value)}`)}</span>`
}
