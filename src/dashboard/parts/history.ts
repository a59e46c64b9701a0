import { html } from 'htm/preact'
import { useRef, useState } from 'preact/hooks'
import { useNow, usePolled } from '../live.ts'
import type { Counts, Stats } from '../model.ts'
import { pathTo } from '../route.ts'
import { Chart } from './chart.ts'
import { count, duration } from './format.ts'
import { ProblemNote } from './problem.ts'

const minuteMs = 60_000
const spans = [
  { label: 'Last hour', ms: 60 * minuteMs, step: minuteMs },
  { label: '6 hours', ms: 360 * minuteMs, step: 5 * minuteMs },
  { label: 'Last day', ms: 1440 * minuteMs, step: 20 * minuteMs },
]

/** What happened lately, in charts and by type. */
export function History() {
  const [span, setSpan] = useState(spans[0])
  // The beginning moves on every ten minutes: the picture stays until the answer.
  const begun = Math.floor(useNow() / (10 * minuteMs)) * 10 * minuteMs
  const since = new Date(begun - (span?.ms ?? 0)).toISOString()
  const last = useRef<Stats | undefined>(undefined)
  const { data, error } = usePolled<Stats>(`/v1/stats?from=${since}&step=${span?.step ?? minuteMs}`, 10_000)
  last.current = data ?? last.current
  const shown = last.current
  return html`<section aria-label="What happened lately">
    <div class="tools" role="group" aria-label="Time">
      ${spans.map((one) => html`<button type="button" class=${`small ${one === span ? '' : 'secondary'}`} aria-pressed=${one === span} onClick=${() => setSpan(one)}>${one.label}</button>`)}
    </div>
    <${ProblemNote} error=${error} missing="This API keeps no history." />
    ${shown && html`<${Charts} stats=${shown} />`}
    ${shown && shown.types.length > 0 && html`<h2>Busiest types</h2><${Table} rows=${shown.types.slice(0, shownTypes)} />`}
    ${shown && shown.queues.length > 1 && html`<h2>By queue</h2><${Table} rows=${shown.queues} />`}
  </section>`
}

function Charts({ stats: { points, step_ms: step } }: { stats: Stats }) {
  const times = points.map(({ at }) => Date.parse(at))
  const line = (label: string, color: string, pick: (point: Counts) => number | null) => ({
    label,
    color,
    values: points.map(pick),
  })
  const perMinute = (pick: (point: Counts) => number) => (point: Counts) => (pick(point) * minuteMs) / step
  const ends = [
    line(
      'canceled',
      '--off',
      perMinute(({ canceled }) => canceled),
    ),
    line(
      'failed or expired',
      '--bad',
      perMinute(({ failed, expired }) => failed + expired),
    ),
    line(
      'succeeded',
      '--ok',
      perMinute(({ succeeded }) => succeeded),
    ),
  ]
  const waits = [
    line('p95', '--wait', (point) => point.wait_p95_ms),
    line('p50', '--run', (point) => point.wait_p50_ms),
  ]
  const number = (value: number) => (value >= 1000 ? count(Math.round(value)) : String(Math.round(value * 10) / 10))
  return html`<div class="charts">
    <${Chart} title="Ends a minute" times=${times} lines=${ends} isStacked format=${number} />
    <${Chart} title="Wait before the first start" times=${times} lines=${waits} format=${duration} />
    <${Chart} title="Running jobs" times=${times} lines=${[line('running', '--run', ({ running }) => running)]} format=${number} />
  </div>`
}

const shownTypes = 12

/** What happened in the whole time, by type or by queue. */
function Table({ rows }: { rows: (Counts & { queue: string; type?: string })[] }) {
  const wait = (ms: number | null) => (ms === null ? '–' : duration(ms))
  const isByType = rows.some(({ type }) => type !== undefined)
  return html`<div class="table"><table>
      <thead><tr>${isByType && html`<th>Type</th>`}<th>Queue</th><th class="num">Succeeded</th><th class="num">Failed</th><th class="num">Canceled</th><th class="num">Expired</th><th class="num">Wait p50</th><th class="num">Wait p95</th></tr></thead>
      <tbody>
        ${rows.map(
          (one) => html`<tr key=${`${one.queue}/${one.type}`}>
            ${isByType && html`<td><a href=${pathTo(['jobs'], { type: one.type })}>${one.type}</a></td>`}<td><a href=${pathTo(['jobs'], { queue: one.queue })}>${one.queue}</a></td>
            <td class="num">${count(one.succeeded)}</td>
            <td class="num">${one.failed > 0 ? html`<span class="bad">${count(one.failed)}</span>` : 0}</td>
            <td class="num">${count(one.canceled)}</td><td class="num">${count(one.expired)}</td>
            <td class="num">${wait(one.wait_p50_ms)}</td><td class="num">${wait(one.wait_p95_ms)}</td>
          </tr>`,
        )}
      </tbody>
    </table></div>`
}
