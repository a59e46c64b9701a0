import { html } from 'htm/preact'
import { useState } from 'preact/hooks'
import { ProblemError, write } from '../api.ts'
import { usePolled } from '../live.ts'
import { type Job, type JobType, type Page, type Queue, states } from '../model.ts'
import { Action } from '../parts/action.ts'
import { BulkActions } from '../parts/bulk.ts'
import { Field, SelectField } from '../parts/field.ts'
import { localTime, plural, shortId } from '../parts/format.ts'
import { JobTable } from '../parts/job-table.ts'
import { useKeys } from '../parts/keyboard.ts'
import { Pager } from '../parts/pager.ts'
import { ProblemNote } from '../parts/problem.ts'
import { useSteadyRows } from '../parts/rows.ts'
import { pathTo, type Route, setQuery } from '../route.ts'

const filters = [
  'state',
  'type',
  'queue',
  'tag',
  'parent',
  'error_code',
  'fingerprint',
  'created_after',
  'created_before',
] as const

/** The filters of a URL that the API takes. */
function filterOf(query: URLSearchParams): Record<string, string> {
  return Object.fromEntries(filters.flatMap((name) => (query.get(name) ? [[name, query.get(name) ?? '']] : [])))
}

export function JobsView({ route: { query } }: { route: Route }) {
  const filter = filterOf(query)
  const cursor = query.get('cursor')
  const search = new URLSearchParams({ ...filter, limit: '50', ...(cursor !== null && { cursor }) })
  const path = `/v1/jobs?${String(search)}`
  const { data, error, reload } = usePolled<Page<Job>>(path)
  const { rows, waiting, show } = useSteadyRows(path, data?.items)
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const chosen = rows.filter(({ id }) => selected.has(id))
  const toggle = (id: string) => {
    const next = new Set(selected)
    if (!next.delete(id)) next.add(id)
    setSelected(next)
  }
  useKeys({ x: () => toggleFocused(toggle) })
  return html`<h1>Jobs</h1>
    <${Filters} filter=${filter} />
    <div class="tools">
      <${Selected} jobs=${chosen} onDone=${reload} />
      <${BulkActions} filter=${filter} onDone=${reload} />
    </div>
    <${ProblemNote} error=${error} />
    ${waiting > 0 && html`<button type="button" class="small news" onClick=${show}>${waiting} new: show</button>`}
    ${data && rows.length === 0 && html`<${Empty} filter=${filter} isLast=${data.next_cursor === null} />`}
    ${rows.length > 0 && html`<${JobTable} jobs=${rows} selected=${selected} onSelect=${toggle} />`}
    ${data ? html`<${Pager} page=${data} cursor=${cursor} />` : error === undefined && html`<p aria-busy="true">Reading the jobs</p>`}`
}

/** `x` selects the row that has the focus. */
function toggleFocused(toggle: (id: string) => void): void {
  const id = document.activeElement?.closest<HTMLElement>('[data-row]')?.dataset['row']
  if (id !== undefined) toggle(id)
}

function Filters({ filter }: { filter: Record<string, string> }) {
  const types = usePolled<{ items: JobType[] }>('/v1/job-types', 60_000).data?.items ?? []
  const queues = usePolled<{ items: Queue[] }>('/v1/queues', 60_000).data?.items ?? []
  const set = (name: string) => (value: string) => setQuery({ [name]: value, cursor: undefined })
  const time = (name: string) => (value: string) => set(name)(value === '' ? '' : new Date(value).toISOString())
  return html`<form class="filters" aria-label="Filters" onSubmit=${(event: Event) => event.preventDefault()}>
    <${SelectField} label="State" value=${filter['state']} choices=${states} onChange=${set('state')} />
    <${SelectField} label="Type" value=${filter['type']} choices=${types.map(({ type }) => type)} onChange=${set('type')} />
    <${SelectField} label="Queue" value=${filter['queue']} choices=${queues.map(({ name }) => name)} onChange=${set('queue')} />
    <${Field} label="Tag" value=${filter['tag']} onChange=${set('tag')} />
    <${Field} label="Error code" value=${filter['error_code']} onChange=${set('error_code')} />
    <${Field} label="From" type="datetime-local" value=${localTime(filter['created_after'])} onChange=${time('created_after')} />
    <${Field} label="To" type="datetime-local" value=${localTime(filter['created_before'])} onChange=${time('created_before')} />
  </form>`
}

/** What can be done with the selected jobs, one after the other. */
function Selected({ jobs, onDone }: { jobs: Job[]; onDone: () => void }) {
  if (jobs.length === 0) return null
  const open = jobs.filter(({ done }) => !done)
  const ended = jobs.filter(({ done }) => done)
  const retryable = ended.filter(({ state }) => state !== 'succeeded')
  const all = (some: Job[], act: (id: string) => Promise<unknown>) => () => actOnEach(some, act)
  const none = (some: Job[], what: string) => (some.length === 0 ? `None of them ${what}.` : undefined)
  return html`<span><b>${jobs.length} selected</b></span>
    <${Action} label="Cancel them" scope="cancel" shortcut="c" confirm=${`Cancels ${plural(open.length, 'job')}; those that run are stopped.`}
      disabled=${none(open, 'waits or runs')} act=${all(open, (id) => write('POST', `/v1/jobs/${id}/cancel`))} onDone=${onDone} />
    <${Action} label="Retry them" scope="submit" shortcut="r" confirm=${`Runs ${plural(retryable.length, 'job')} again, with all attempts.`}
      disabled=${none(retryable, 'ended without success')} act=${all(retryable, (id) => write('POST', `/v1/jobs/${id}/retry`))} onDone=${onDone} />
    <${Action} label="Delete them" scope="cancel" kind="danger" confirm=${`Deletes ${plural(ended.length, 'job')} with results, values and logs.`}
      disabled=${none(ended, 'has ended')} act=${all(ended, (id) => write('DELETE', `/v1/jobs/${id}`))} onDone=${onDone} />`
}

/**
 * Acts on one job after the other. A job that refuses, as one that has ended meanwhile, does not keep the others from it.
 *
 * @throws Error with the refusals, after the last job; at once where the API is away or the key may not do it
 */
async function actOnEach(jobs: Job[], act: (id: string) => Promise<unknown>): Promise<void> {
  const refusals: string[] = []
  for (const { id } of jobs) {
    try {
      await act(encodeURIComponent(id))
    } catch (failure) {
      const isOfJob = failure instanceof ProblemError && [404, 409, 410].includes(failure.problem.status)
      if (!isOfJob) throw failure
      refusals.push(`${shortId(id)}: ${failure.problem.detail}`)
    }
  }
  if (refusals.length > 0)
    throw new Error(`${refusals.length} of ${plural(jobs.length, 'job')} refused: ${refusals.join('; ')}`)
}

function Empty({ filter, isLast }: { filter: Record<string, string>; isLast: boolean }) {
  const names = Object.keys(filter)
  if (!isLast) return html`<p>No match so far: the search took its time, and can go on.</p>`
  if (names.length === 0) {
    const body = JSON.stringify({ type: 'count-primes', input: { limit: 1_000_000 } })
    return html`<div class="empty"><p>There are no jobs yet. Submit one from <a href=${pathTo(['types'])}>its form</a>, or by</p>
      <pre>curl -s ${location.origin}/v1/jobs -H 'content-type: application/json' -d '${body}'</pre></div>`
  }
  return html`<div class="empty"><p>No job matches.</p>
    ${names.map((name) => html`<button type="button" class="small secondary" onClick=${() => setQuery({ [name]: undefined, cursor: undefined })}>without ${name.replaceAll('_', ' ')} = ${filter[name]}</button> `)}
  </div>`
}
