import { html } from 'htm/preact'

export interface Tab {
  name: string
  label: string
}

/** Tabs by the pattern of the ARIA guide: arrows move, the shown one can be tabbed to. */
export function Tabs({
  tabs,
  current,
  onChange,
  label,
}: {
  tabs: Tab[]
  current: string
  onChange: (name: string) => void
  label: string
}) {
  const move = (event: KeyboardEvent) => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (by === 0) return
    event.preventDefault()
    const at = tabs.findIndex(({ name }) => name === current)
    const next = tabs[(at + by + tabs.length) % tabs.length]
    if (!next) return
    onChange(next.name)
    document.querySelector<HTMLElement>(`#tab-${next.name}`)?.focus()
  }
  return html`<div role="tablist" class="tabs" aria-label=${label} onKeyDown=${move}>
    ${tabs.map(
      ({ name, label }) => html`<button type="button" role="tab" id=${`tab-${name}`} aria-selected=${name === current}
        aria-controls=${`panel-${name}`} tabindex=${name === current ? 0 : -1} onClick=${() => onChange(name)}>${label}</button>`,
    )}
  </div>`
}

export function Panel({ name, children }: { name: string; children?: unknown }) {
  return html`<div role="tabpanel" id=${`panel-${name}`} aria-labelledby=${`tab-${name}`} tabindex="0" class="panel">${children}</div>`
}
