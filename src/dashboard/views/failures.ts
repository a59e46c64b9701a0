import { html } from 'htm/preact'
import { usePolled } from '../live.ts'
import type { FailureGroup } from '../model.ts'
import { BulkAction } from '../parts/bulk.ts'
import { count, cut, shortId } from '../parts/format.ts'
import { ProblemNote } from '../parts/problem.ts'
import { Ago } from '../parts/time.ts'
import { pathTo } from '../route.ts'

/** Failed jobs by what their failures have in common. */
export function FailuresView() {
  const { data, error, reload } = usePolled<{ items: FailureGroup[] }>('/v1/failures?limit=200', 5000)
  return html`<h1>Failures</h1>
    <${ProblemNote} error=${error} missing="This API does not group failures yet." />
    ${!data && error === undefined && html`<p aria-busy="true">Reading the failures</p>`}
    ${data?.items.length === 0 && html`<div class="empty"><p>No failed jobs are kept.</p></div>`}
    ${data && data.items.length > 0 && html`<${Groups} groups=${data.items} onChange=${reload} />`}`
}

function Groups({ groups, onChange }: { groups: FailureGroup[]; onChange: () => void }) {
  return html`<div class="table"><table>
    <thead><tr><th class="num">Failed</th><th>Type</th><th>What</th><th>First seen</th><th>Last seen</th><th>Latest</th><th><span class="hidden">Actions</span></th></tr></thead>
    <tbody>
      ${groups.map(
        (group) => html`<tr key=${group.fingerprint} data-row=${group.fingerprint}>
          <td class="num"><a href=${pathTo(['jobs'], { state: 'failed', fingerprint: group.fingerprint })}>${count(group.count)}</a>${group.total > group.count && html` <span class="faint">of ${count(group.total)}</span>`}</td>
          <td>${group.type}</td>
          <td class="what" title=${cut(group.message, 500)} dir="auto"><code>${group.code}</code> ${cut(group.message, 120)}</td>
          <td class="num"><${Ago} at=${group.first_seen_at} /></td>
          <td class="num"><${Ago} at=${group.last_seen_at} /></td>
          <td><a class="id" href=${pathTo(['jobs', group.latest_job_id])} title=${group.latest_job_id}>${shortId(group.latest_job_id)}</a></td>
          <td><${BulkAction} action="retry" label="Retry all…" filter=${{ state: 'failed', fingerprint: group.fingerprint }} onDone=${onChange} /></td>
        </tr>`,
      )}
    </tbody>
  </table></div>`
}
