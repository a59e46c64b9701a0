import { html } from 'htm/preact'
import { useNow } from '../live.ts'
import type { Job } from '../model.ts'
import { duration, exact } from './format.ts'

interface Span {
  kind: 'wait' | 'succeeded' | 'failed' | 'running' | 'other'
  label: string
  from: number
  to: number
  detail: string
}

/** The waits and attempts of a run of a job, to scale. */
export function Timeline({ job }: { job: Job }) {
  const now = useNow()
  const spans = spansOf(job, now)
  if (spans.length === 0) return null
  const total = spans.reduce((sum, { from, to }) => sum + Math.max(1, to - from), 0)
  return html`<ol class="timeline" aria-label="Attempts">
    ${spans.map(
      ({ kind, label, from, to, detail }) => html`<li
        class=${kind}
        style=${{ flexGrow: String(Math.max(0.02, Math.max(1, to - from) / total)) }}
        title=${`${detail}: ${exact(new Date(from).toISOString())}`}
      >
        <span>${label}</span> <span class="num">${duration(Math.max(0, to - from))}</span>
      </li>`,
    )}
  </ol>`
}

function spansOf(job: Job, now: number): Span[] {
  const spans: Span[] = []
  let at = Date.parse(job.created_at)
  for (const start of startsOf(job)) {
    const from = start.started_at === null ? at : Date.parse(start.started_at)
    if (from > at) spans.push({ kind: 'wait', label: 'wait', from: at, to: from, detail: 'waited' })
    const to = start.ended_at === null ? now : Date.parse(start.ended_at)
    const outcome = start.outcome ?? 'running'
    const kind = outcome === 'succeeded' || outcome === 'failed' || outcome === 'running' ? outcome : 'other'
    const why = start.error?.code ?? outcome.replaceAll('_', ' ')
    const detail = [`attempt ${start.attempt}`, why, start.worker ?? ''].filter(Boolean).join(', ')
    spans.push({ kind, label: `attempt ${start.attempt}: ${why}`, from, to: Math.max(from, to), detail })
    at = Math.max(from, to)
  }
  const end = job.finished_at === null ? now : Date.parse(job.finished_at)
  if (job.state !== 'running' && end - at > 0 && (!job.done || spans.length === 0)) {
    spans.push({
      kind: 'wait',
      label: job.state === 'scheduled' ? 'scheduled' : 'wait',
      from: at,
      to: end,
      detail: 'waits',
    })
  }
  // Of more starts than fit, the last ones.
  return spans.slice(-24)
}

/** A plain first start that succeeds has no entry of its own: it follows from the job. */
function startsOf(job: Job): Job['attempts'] {
  if (job.attempts.length > 0 || job.started_at === null) return job.attempts
  const outcome = job.done ? job.state : null
  return [
    {
      attempt: 1,
      worker: job.worker,
      started_at: job.started_at,
      ended_at: job.finished_at,
      outcome,
      error: job.error,
    },
  ]
}
