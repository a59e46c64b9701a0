import { html } from 'htm/preact'
import { useNow } from '../live.ts'
import { duration, exact } from './format.ts'

/** `3 s ago`, or `in 3 s`, with the exact time on hover. */
export function Ago({ at }: { at: string | null }) {
  const now = useNow()
  if (at === null) return html`<span class="faint">–</span>`
  const ms = now - Date.parse(at)
  const rounded = Math.abs(ms) < 60_000 ? Math.round(ms / 1000) * 1000 : ms
  const text = rounded === 0 ? 'now' : rounded > 0 ? `${duration(rounded)} ago` : `in ${duration(-rounded)}`
  return html`<time datetime=${at} title=${exact(at)}>${text}</time>`
}

/** How long something took, or has taken so far. */
export function Took({ from, to }: { from: string | null; to: string | null }) {
  const now = useNow()
  if (from === null) return html`<span class="faint">–</span>`
  const ms = Math.max(0, (to === null ? now : Date.parse(to)) - Date.parse(from))
  return html`<span title=${exact(from)}>${duration(to === null ? Math.round(ms / 1000) * 1000 : ms)}</span>`
}
