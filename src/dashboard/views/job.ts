import { html } from 'htm/preact'
import { write } from '../api.ts'
import type { Job } from '../model.ts'
import { Action } from '../parts/action.ts'
import { ChangeJob } from '../parts/change-job.ts'
import { CopyButton } from '../parts/copy.ts'
import { CopySubmission, wholeSubmissionOf } from '../parts/copy-submission.ts'
import { bytes, shortId } from '../parts/format.ts'
import { heldText } from '../parts/held.ts'
import { JobTabs } from '../parts/job-tabs.ts'
import { ProblemNote } from '../parts/problem.ts'
import { Bar, StateMark } from '../parts/state.ts'
import { Ago, Took } from '../parts/time.ts'
import { Timeline } from '../parts/timeline.ts'
import { useFollowedJob } from '../parts/use-followed-job.ts'
import { navigate, pathTo, type Route } from '../route.ts'

/** One job, live. */
export function JobView({ id, route }: { id: string; route: Route }) {
  const followed = useFollowedJob(id)
  const { job, error, values, logs, again } = followed
  if (!job) {
    return html`<h1 class="id">${shortId(id)}</h1><${ProblemNote} error=${error} />
      ${error === undefined && html`<p aria-busy="true">Reading the job</p>`}`
  }
  return html`<${Head} job=${job} onChange=${again} />
    <${Timeline} job=${job} />
    ${job.progress && html`<div class="progress"><${Bar} progress=${job.progress} label="Progress" /></div>`}
    ${job.error && html`<${ErrorNote} job=${job} />`}
    <${ProblemNote} error=${error} />
    <${JobTabs} job=${job} values=${values} logs=${logs} tab=${route.query.get('tab')} />`
}

function Head({ job, onChange }: { job: Job; onChange: () => void }) {
  const path = `/v1/jobs/${encodeURIComponent(job.id)}`
  const isRetryable = job.done && job.state !== 'succeeded'
  return html`<header class="head">
      <h1>${job.type} <span class="id" title=${job.id}>${shortId(job.id)}</span> <${CopyButton} text=${job.id} what="the id" /></h1>
      <div class="tools">
        <${Action} label="Cancel" scope="cancel" shortcut="c" act=${() => write('POST', `${path}/cancel`)} onDone=${onChange}
          confirm=${job.state === 'running' ? 'Cancels this job: its worker is signalled, and it can only end canceled.' : 'Cancels this job: it will never start.'}
          disabled=${job.done ? 'It has ended.' : job.cancel_requested_at === null ? undefined : 'It is being canceled.'} />
        <${Action} label="Retry" scope="submit" shortcut="r" act=${() => write('POST', `${path}/retry`)} onDone=${onChange}
          disabled=${isRetryable ? undefined : 'Only failed, canceled and expired jobs can be retried.'} />
        ${!job.done && job.state !== 'running' && html`<${ChangeJob} job=${job} onDone=${onChange} />`}
        <a class="button small secondary" href=${pathTo(['types', job.type], { from: job.id })}>Submit again…</a>
        <${CopySubmission} body=${() => wholeSubmissionOf(job)} />
        <${Action} label="Delete" scope="cancel" kind="danger" act=${() => write('DELETE', path)} onDone=${() => navigate(pathTo(['jobs']))}
          confirm="Deletes this job with its result, values and logs." disabled=${job.done ? undefined : 'It has not ended.'} />
      </div>
    </header>
    <${Facts} job=${job} />`
}

function Facts({ job }: { job: Job }) {
  return html`<dl class="facts">
    <div><dt>State</dt><dd id="job-state" aria-live="polite"><${StateMark} state=${job.state} />${!job.done && job.cancel_requested_at !== null && ' being canceled'}</dd></div>
    ${!job.done && job.held_by && html`<div><dt>Held</dt><dd class="held">${heldText(job.held_by)}, since <${Ago} at=${job.held_by.since} /></dd></div>`}
    ${job.state === 'scheduled' && html`<div><dt>Due</dt><dd><${Ago} at=${job.scheduled_for} /></dd></div>`}
    <div><dt>Attempt</dt><dd class="num">${job.attempt} of ${job.max_attempts}${job.run > 1 && `, run ${job.run}`}</dd></div>
    <div><dt>Queue</dt><dd><a href=${pathTo(['jobs'], { queue: job.queue })}>${job.queue}</a>${job.priority !== 0 && `, priority ${job.priority}`}</dd></div>
    <${Signals} job=${job} />
    ${job.worker !== null && html`<div><dt>Worker</dt><dd>${job.worker}</dd></div>`}
    ${job.checkpoint && html`<div><dt>Checkpoint</dt><dd class="num">${bytes(job.checkpoint.size_bytes)}, <${Ago} at=${job.checkpoint.at} /></dd></div>`}
    <div><dt>Created</dt><dd><${Ago} at=${job.created_at} /></dd></div>
    ${job.started_at !== null && html`<div><dt>${job.done ? 'Took' : 'Runs for'}</dt><dd class="num"><${Took} from=${job.started_at} to=${job.finished_at} /></dd></div>`}
    ${job.flow_id !== null && html`<div><dt>Flow</dt><dd><a class="id" href=${pathTo(['flows', job.flow_id])}>${shortId(job.flow_id)}</a></dd></div>`}
    ${job.parent && html`<div><dt>Parent</dt><dd><a class="id" href=${pathTo(['jobs', job.parent.id])}>${shortId(job.parent.id)}</a></dd></div>`}
    ${job.children && html`<div><dt>Children</dt><dd class="num"><a href=${pathTo(['jobs'], { parent: job.id })}>${job.children.count}</a></dd></div>`}
    ${job.tags.length > 0 && html`<div><dt>Tags</dt><dd>${job.tags.map((tag) => html`<a class="tag" dir="auto" href=${pathTo(['jobs'], { tag })}>${tag}</a> `)}</dd></div>`}
    ${Object.entries(job.metadata).map(([name, value]) => html`<div><dt>${name}</dt><dd dir="auto">${value}</dd></div>`)}
    ${job.expires_at !== null && html`<div><dt>Kept until</dt><dd><${Ago} at=${job.expires_at} /></dd></div>`}
  </dl>`
}

/** What it waits for, and what it has received. */
function Signals({ job }: { job: Job }) {
  const { waiting_for: waits, signals } = job
  return html`${
    waits &&
    html`<div><dt>Waits for</dt><dd>${waits.signals.map(
      ({ name, until }) =>
        html`<span class="tag">${name}</span> ${until !== null && html`until <${Ago} at=${until} /> `}`,
    )}${waits.children && 'its children '}since <${Ago} at=${waits.since} /></dd></div>`
  }
    ${
      signals.length > 0 &&
      html`<div><dt>Signals</dt><dd>${signals.map(
        ({ name, received_at, size_bytes }) =>
          html`<span class="tag" title=${bytes(size_bytes)}>${name}</span> <${Ago} at=${received_at} /> `,
      )}</dd></div>`
    }`
}

function ErrorNote({ job }: { job: Job }) {
  const { error } = job
  if (!error) return null
  const how = [
    error.stopped && `stopped ${error.stopped.replaceAll('_', ' ')}`,
    error.attempt && `attempt ${error.attempt}`,
  ]
  return html`<div class=${`note ${job.state === 'canceled' ? '' : 'bad'}`}>
    <strong><code>${error.code}</code></strong> <span class="faint">${how.filter(Boolean).join(', ')}</span>
    <pre class="message" dir="auto">${error.message}</pre>
  </div>`
}
