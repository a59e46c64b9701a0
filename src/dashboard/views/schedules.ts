import { html } from 'htm/preact'
import { write } from '../api.ts'
import { usePolled } from '../live.ts'
import type { Page, Schedule } from '../model.ts'
import { Action } from '../parts/action.ts'
import { duration, shortId } from '../parts/format.ts'
import { Pager } from '../parts/pager.ts'
import { ProblemNote } from '../parts/problem.ts'
import { Ago } from '../parts/time.ts'
import { navigate, pathTo, type Route } from '../route.ts'

export function SchedulesView({ route: { query } }: { route: Route }) {
  const cursor = query.get('cursor')
  const search = new URLSearchParams({ limit: '50', ...(cursor !== null && { cursor }) })
  const { data, error, reload } = usePolled<Page<Schedule>>(`/v1/schedules?${String(search)}`)
  return html`<h1>Schedules</h1>
    <${ProblemNote} error=${error} />
    ${data?.items.length === 0 && html`<div class="empty"><p>There are no schedules. <code>PUT /v1/schedules/{id}</code> stores a recurring job.</p></div>`}
    ${data && data.items.length > 0 && html`<${ScheduleTable} schedules=${data.items} onChange=${reload} />`}
    ${data ? html`<${Pager} page=${data} cursor=${cursor} />` : error === undefined && html`<p aria-busy="true">Reading the schedules</p>`}`
}

function ScheduleTable({ schedules, onChange }: { schedules: Schedule[]; onChange: () => void }) {
  return html`<div class="table"><table>
    <thead><tr><th>Schedule</th><th>When</th><th>Job type</th><th>Next run</th><th>Last run</th><th>Last job</th><th class="num">Skipped</th><th><span class="hidden">Actions</span></th></tr></thead>
    <tbody>${schedules.map((one) => html`<${Row} key=${one.id} schedule=${one} onChange=${onChange} />`)}</tbody>
  </table></div>`
}

function Row({ schedule, onChange }: { schedule: Schedule; onChange: () => void }) {
  const { id, paused, cron, timezone, every_ms: every, next_run_at: next, last_job_id: last } = schedule
  const path = `/v1/schedules/${encodeURIComponent(id)}`
  const runNow = async () => {
    const job = await write<{ id?: string; last_job_id?: string }>('POST', `${path}/run`)
    if (job?.id !== undefined) navigate(pathTo(['jobs', job.id]))
  }
  return html`<tr data-row=${id}>
    <td><b dir="auto">${id}</b> ${paused && html`<span class="tag warn">paused</span>`}${schedule.held_back && html` <span class="tag warn">held back</span>`}</td>
    <td>${cron === null ? `every ${duration(every ?? 0)}` : html`<code>${cron}</code> ${timezone}`}</td>
    <td><a href=${pathTo(['types', schedule.job.type])}>${schedule.job.type}</a></td>
    <td class="num"><${Ago} at=${next} /> ${next !== null && html`<${InZones} at=${next} zone=${timezone} />`}</td>
    <td class="num"><${Ago} at=${schedule.last_run_at} /></td>
    <td>${last !== null && html`<a class="id" href=${pathTo(['jobs', last])} title=${last}>${shortId(last)}</a>`}</td>
    <td class="num">${schedule.skipped_runs}</td>
    <td class="tools">
      <${Action} label=${paused ? 'Resume' : 'Pause'} scope="submit" act=${() => write('PATCH', path, { paused: !paused })} onDone=${onChange} />
      <${Action} label="Run now" scope="submit" confirm=${`Submits a job of ${schedule.job.type} at once. The schedule goes on as before.`} act=${runNow} onDone=${onChange} />
    </td>
  </tr>`
}

/** The next run in the zone of the schedule and in that of the reader. */
function InZones({ at, zone }: { at: string; zone: string | null }) {
  const form = (timeZone: string | undefined) =>
    new Intl.DateTimeFormat(undefined, { dateStyle: 'short', timeStyle: 'short', timeZone }).format(new Date(at))
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone
  return html`<span class="faint zones">${zone !== null && zone !== own && `${form(zone)} in ${zone}, `}${form(undefined)} here</span>`
}
