import { html } from 'htm/preact'
import type { Operation, Scope } from '../model.ts'
import { pathTo } from '../route.ts'
import { count, shortId } from './format.ts'

export type Verb = Operation['action']

/** What a key needs for it. */
export const scopeOf = (action: Verb): Scope => (action === 'retry' ? 'submit' : 'cancel')

export function filterText(filter: Record<string, string>): string {
  return Object.entries(filter)
    .map(([name, value]) => `${name.replaceAll('_', ' ')} = ${value}`)
    .join(', ')
}

/** How far an operation is, and what went wrong. */
export function Outcome({ operation }: { operation: Operation }) {
  const { state, done, matched, succeeded, failed, skipped, failures, error } = operation
  const through = succeeded + failed + skipped
  return html`<div role="status">
    <progress max=${Math.max(1, matched)} value=${done ? Math.max(1, matched) : through} aria-label="Progress"></progress>
    <p class="num">${count(succeeded)} done, ${count(skipped)} skipped, ${count(failed)} failed, of ${count(matched)}${done && `: ${state}`}</p>
    ${failures.map(({ job_id: id, code, detail }) => html`<p class="bad"><a class="id" href=${pathTo(['jobs', id])}>${shortId(id)}</a> <code>${code}</code> ${detail}</p>`)}
    ${error && html`<p class="bad"><code>${error.code}</code> ${error.message}</p>`}
  </div>`
}
