import { html } from 'htm/preact'
import { type State, states } from '../model.ts'

/** The states of many jobs as one bar, ended ones first. */
export function FlowBar({ counts }: { counts: Partial<Record<State, number>> }) {
  const shown = states.toReversed().filter((state) => (counts[state] ?? 0) > 0)
  const text = shown.map((state) => `${counts[state]} ${state}`).join(', ')
  return html`<span class="shares" role="img" aria-label=${text || 'no jobs'} title=${text}>
    ${shown.map((state) => html`<span key=${state} class=${state} style=${{ flexGrow: String(counts[state]) }}></span>`)}
  </span>`
}
