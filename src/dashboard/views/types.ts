import { html } from 'htm/preact'
import { usePolled } from '../live.ts'
import type { JobType } from '../model.ts'
import { duration, plural } from '../parts/format.ts'
import { ProblemNote } from '../parts/problem.ts'
import { pathTo } from '../route.ts'

export function TypesView() {
  const { data, error } = usePolled<{ items: JobType[] }>('/v1/job-types', 30_000)
  return html`<h1>Job types</h1>
    <${ProblemNote} error=${error} />
    ${!data && error === undefined && html`<p aria-busy="true">Reading the job types</p>`}
    <div class="cards">
      ${(data?.items ?? []).map(
        ({ type, title, description, runs_on: runsOn, queue, defaults }) => html`<article key=${type} data-row=${type}>
          <h2><a href=${pathTo(['types', type])}>${type}</a></h2>
          <p dir="auto"><b>${title}</b></p>
          <p dir="auto">${description}</p>
          <p class="faint">${runsOn}, queue ${queue}, ${plural(defaults.attempts, 'attempt')}, at most ${duration(defaults.timeout_ms)}</p>
          <a href=${pathTo(['jobs'], { type })}>its jobs</a>
        </article>`,
      )}
    </div>`
}
