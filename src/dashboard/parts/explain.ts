import { html } from 'htm/preact'
import { usePolled } from '../live.ts'
import type { HeldBy, Job } from '../model.ts'
import { duration, exact, plain } from './format.ts'
import { heldText } from './held.ts'
import { ProblemNote } from './problem.ts'
import { Ago } from './time.ts'

interface Answer {
  reasons: (HeldBy & { detail?: string } & Record<string, unknown>)[]
  position?: number | null
  estimate?: {
    earliest_at: string
    latest_at: string | null
    basis: { ended: number | null; window_ms: number }
  } | null
}

/** Why a job waits, and when it may start; or how it came to its end. */
export function Explanation({ job }: { job: Job }) {
  const path = `/v1/jobs/${encodeURIComponent(job.id)}/explain`
  const { data, error } = usePolled<Answer>(path, job.done ? 600_000 : 2000)
  if (!data) return html`<${ProblemNote} error=${error} missing="This API explains no waits yet." />`
  return html`<div>
    ${data.reasons.length === 0 && html`<p>Nothing holds it.</p>`}
    <ul>${data.reasons.map((reason) => html`<li><b dir="auto">${reason.detail ?? heldText(reason)}</b> <${Details} reason=${reason} /></li>`)}</ul>
    ${typeof data.position === 'number' && html`<p>Position ${data.position} among the jobs of its queue that can start.</p>`}
    <${Estimate} of=${data.estimate} />
  </div>`
}

function Estimate({ of }: { of: Answer['estimate'] }) {
  if (!of) return null
  const { earliest_at: earliest, latest_at: latest, basis } = of
  const measured = basis.ended === null ? '' : `, measured by ${basis.ended} ends in ${duration(basis.window_ms)}`
  return html`<p>May start <${Ago} at=${earliest} />${latest !== null && html`, at the latest <${Ago} at=${latest} />`}<span class="faint">${measured}</span></p>`
}

const shownElsewhere = new Set(['kind', 'detail', 'flow_id', 'node'])

/** The other fields of a reason, in words. */
function Details({ reason }: { reason: Record<string, unknown> }) {
  const rest = Object.entries(reason).filter(
    ([name, value]) => !shownElsewhere.has(name) && value !== null && value !== undefined,
  )
  const isTime = (name: string) => name === 'at' || name === 'since' || name.endsWith('_at')
  const words = rest.map(([name, value]) => {
    return `${name.replaceAll('_', ' ')} ${typeof value === 'string' && isTime(name) ? exact(value) : plain(value)}`
  })
  return html`<span class="faint" dir="auto">${words.join(', ')}</span>`
}
