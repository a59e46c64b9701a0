import { html } from 'htm/preact'
import { useState } from 'preact/hooks'
import { usePolled } from '../live.ts'
import type { Delivery, Job, LogLine, Page } from '../model.ts'
import { setQuery } from '../route.ts'
import { DeliveryTable } from './delivery-table.ts'
import { Explanation } from './explain.ts'
import { count, exact } from './format.ts'
import { JsonTree } from './json-tree.ts'
import { Payload } from './payload.ts'
import { ProblemNote } from './problem.ts'
import { Panel, Tabs } from './tabs.ts'
import { Ago } from './time.ts'
import type { Series } from './use-followed-job.ts'

interface JobTabsProps {
  job: Job
  values: Series<unknown>
  logs: Series<LogLine>
  tab: string | null
}

/** All that belongs to a job. The first tab is the one that tells most about it now; it stays when the job goes on. */
export function JobTabs({ job, values, logs, tab }: JobTabsProps) {
  const [first] = useState(() =>
    job.state === 'succeeded' ? 'output' : job.error ? 'logs' : job.started_at === null ? 'explain' : 'values',
  )
  const tabs = [
    {
      name: 'values',
      label: values.total > 0 ? `Values (${count(values.total)}${values.isCut ? '+' : ''})` : 'Values',
    },
    { name: 'logs', label: logs.total > 0 ? `Logs (${count(logs.total)}${logs.isCut ? '+' : ''})` : 'Logs' },
    { name: 'input', label: 'Input' },
    { name: 'output', label: 'Output' },
    { name: 'explain', label: 'Explain' },
    ...(job.webhook ? [{ name: 'webhooks', label: 'Webhooks' }] : []),
    { name: 'json', label: 'JSON' },
  ]
  const current = tabs.find(({ name }) => name === tab)?.name ?? first
  return html`<${Tabs} tabs=${tabs} current=${current} label="About this job" onChange=${(name: string) => setQuery({ tab: name }, { replace: true })} />
    <${Panel} name=${current}>
      ${current === 'values' && html`<${Values} values=${values} isDone=${job.done} />`}
      ${current === 'logs' && html`<${Logs} logs=${logs} isDone=${job.done} />`}
      ${current === 'input' && html`<${Payload} job=${job} what="input" />`}
      ${current === 'output' && html`<${Payload} job=${job} what="output" />`}
      ${current === 'explain' && html`<${Explanation} job=${job} />`}
      ${current === 'webhooks' && html`<${Webhooks} job=${job} />`}
      ${current === 'json' && html`<${JsonTree} value=${job} name="job" />`}
    <//>`
}

/** The values that the handler yielded, the latest first while they come. */
function Values({ values, isDone }: { values: Series<unknown>; isDone: boolean }) {
  const [limit, setLimit] = useState(100)
  if (values.items.length === 0) {
    return html`<p class="faint">${isDone ? 'The handler yielded no values.' : 'Values that the handler yields appear here.'}</p>`
  }
  const first = values.total - values.items.length
  const numbered = values.items.map((value, at) => ({ value, index: first + at }))
  const shown = (isDone ? numbered : numbered.toReversed()).slice(0, limit)
  return html`<ol class="values" aria-live="off">
      ${shown.map(({ value, index }) => html`<li key=${index}><span class="num faint">${index}</span> <${JsonTree} value=${value} name=${`value ${index}`} /></li>`)}
    </ol>
    ${numbered.length > limit && html`<button type="button" class="small secondary" onClick=${() => setLimit(limit + 500)}>Show more</button>`}
    ${values.isCut && html`<p class="faint">There are more: <code>GET /v1/jobs/{id}/values</code> has all of them.</p>`}`
}

function Logs({ logs, isDone }: { logs: Series<LogLine>; isDone: boolean }) {
  if (logs.items.length === 0) {
    return html`<p class="faint">${isDone ? 'The handler logged nothing.' : 'Lines that the handler logs appear here.'}</p>`
  }
  return html`<div class="logs" role="log" aria-label="Log" tabindex="0">
      ${logs.items.map(
        ({ at, level, message, attempt }, index) => html`<div key=${index} class=${level}>
          <time datetime=${at} title=${exact(at)}>${at.slice(11, 23)}</time> <span class="level">${level}</span>
          <span class="faint num" title=${`Attempt ${attempt}`}>${attempt}</span> <span class="message" dir="auto">${message}</span>
        </div>`,
      )}
    </div>
    ${logs.isCut && html`<p class="faint">There are more: <code>GET /v1/jobs/{id}/logs</code> has all of them.</p>`}`
}

function Webhooks({ job }: { job: Job }) {
  const { data, error, reload } = usePolled<Page<Delivery>>(`/v1/jobs/${encodeURIComponent(job.id)}/deliveries`, 5000)
  if (!data) return html`<${ProblemNote} error=${error} />`
  return html`<p class="faint">To ${job.webhook?.url}, created <${Ago} at=${job.created_at} /></p>
    <${DeliveryTable} deliveries=${data.items} onChange=${reload} />`
}
