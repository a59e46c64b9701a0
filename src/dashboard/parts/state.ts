import { html } from 'htm/preact'
import type { Progress, State } from '../model.ts'
import { cut } from './format.ts'

const shapes: Record<State, string> = {
  scheduled: '◷',
  blocked: '⧖',
  queued: '◌',
  running: '●',
  succeeded: '✓',
  failed: '✕',
  canceled: '⊘',
  expired: '⌛\uFE0E',
}

/** A state by shape, word and colour. */
export function StateMark({ state }: { state: State }) {
  return html`<span class=${`state ${state}`}><span aria-hidden="true">${shapes[state]}</span> ${state}</span>`
}

/** How far a running job is. */
export function Bar({ progress, label }: { progress: Progress; label: string }) {
  const percent = Math.round(progress.fraction * 100)
  return html`<span class="bar">
    <span class="track" role="progressbar" aria-label=${label} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent}>
      <span style=${{ width: `${percent}%` }}></span>
    </span>
    <span class="num">${percent} %</span>
    ${progress.message !== null && html`<span class="faint" dir="auto">${cut(progress.message, 200)}</span>`}
  </span>`
}
