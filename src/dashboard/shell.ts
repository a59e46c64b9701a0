import { html } from 'htm/preact'
import { useEffect, useState } from 'preact/hooks'
import { useConnection } from './api.ts'
import type { Key } from './model.ts'
import { Dialog } from './parts/dialog.ts'
import { moveInRows, press, useKeys } from './parts/keyboard.ts'
import { navigate, pathTo } from './route.ts'
import { places } from './views.ts'

/** The way to the views: a rail at the side, a bar at the bottom of a phone. */
export function Rail({ current, session }: { current: string; session: Key }) {
  return html`<nav class="rail" aria-label="Views">
    <a class="brand" href=${pathTo([])}><span aria-hidden="true">D</span><b>Drover</b></a>
    <ul>
      ${places
        .filter(({ scope }) => scope === undefined || session.scopes.includes(scope))
        .map(
          ({ name, title, shape }) => html`<li>
            <a href=${pathTo(name === '' ? [] : [name])} aria-current=${name === current ? 'page' : undefined}>
              <span class="shape" aria-hidden="true">${shape}</span> <span>${title}</span>
            </a>
          </li>`,
        )}
    </ul>
  </nav>`
}

/** Search, connection, theme, and whose key it is. */
export function Top({ session, onLeave }: { session: Key; onLeave: () => void }) {
  const [isHelpShown, showHelp] = useState(false)
  const goes = useGoKeys()
  useKeys({
    '/': () => document.querySelector<HTMLInputElement>('#search')?.focus(),
    '?': () => showHelp(true),
    j: () => moveInRows(1),
    k: () => moveInRows(-1),
    c: () => press('c'),
    r: () => press('r'),
    ...goes,
  })
  return html`<header class="top">
    <${Search} />
    <${Light} />
    <${ThemeButton} />
    <button type="button" class="small quiet" aria-label="Keyboard shortcuts" title="Keyboard shortcuts" onClick=${() => showHelp(true)}>?</button>
    <span class="who" title=${`Scopes: ${session.scopes.join(', ')}`}>
      ${session.id === null ? 'no keys' : html`<b dir="auto">${session.tenant}</b> <span class="faint">${session.id}</span>`}
    </span>
    ${session.id !== null && html`<button type="button" class="small quiet" onClick=${onLeave}>Leave</button>`}
    ${isHelpShown && html`<${Help} onClose=${() => showHelp(false)} />`}
  </header>`
}

/** Opens the job or flow of an id; any other text is a tag to look for. */
function Search() {
  const submit = (event: Event) => {
    event.preventDefault()
    const field = document.querySelector<HTMLInputElement>('#search')
    const text = field?.value.trim() ?? ''
    if (!field || text === '') return
    field.value = ''
    field.blur()
    navigate(placeOf(text))
  }
  return html`<form role="search" onSubmit=${submit}>
    <input id="search" type="search" placeholder="Job or flow id, or a tag ( / )" aria-label="Job or flow id, or a tag" autocomplete="off" spellcheck=${false} />
  </form>`
}

function placeOf(text: string): string {
  const id = /(flow|[a-z0-9-]+)_[0-9a-z]+/i.exec(text)?.[0]
  if (id !== undefined && (text === id || text.includes('/')))
    return pathTo([id.startsWith('flow_') ? 'flows' : id.startsWith('op_') ? 'operations' : 'jobs', id])
  return pathTo(['jobs'], { tag: text })
}

function Light() {
  const { awaySince } = useConnection()
  const isAway = awaySince !== undefined
  const text = isAway ? 'not connected' : 'connected'
  return html`<span class=${`light ${isAway ? 'off' : ''}`} title=${text}><span aria-hidden="true">${isAway ? '○' : '●'}</span><span class="hidden">${text}</span></span>`
}

const themeKey = 'drover-theme'
const themes = ['system', 'light', 'dark'] as const

function ThemeButton() {
  const [theme, setTheme] = useState<string>(localStorage.getItem(themeKey) ?? 'system')
  useEffect(() => {
    if (theme === 'system') document.documentElement.removeAttribute('data-theme')
    else document.documentElement.setAttribute('data-theme', theme)
    localStorage.setItem(themeKey, theme)
  }, [theme])
  const next = themes[(themes.findIndex((one) => one === theme) + 1) % themes.length] ?? 'system'
  const shape = theme === 'dark' ? '☾' : theme === 'light' ? '☀\uFE0E' : '◐'
  return html`<button type="button" class="small quiet" aria-label=${`Theme: ${theme}. Change to ${next}`} title=${`Theme: ${theme}`} onClick=${() => setTheme(next)}>${shape}</button>`
}

/** `g` and then a letter changes the view. */
function useGoKeys(): Record<string, () => void> {
  const [isGoing, setGoing] = useState(false)
  useEffect(() => {
    if (!isGoing) return undefined
    const timer = setTimeout(() => setGoing(false), 1500)
    return () => clearTimeout(timer)
  }, [isGoing])
  if (!isGoing) return { g: () => setGoing(true) }
  const go = (name: string) => () => {
    setGoing(false)
    navigate(pathTo(name === '' ? [] : [name]))
  }
  return Object.fromEntries(places.map(({ name, letter }) => [letter, go(name)]))
}

function Help({ onClose }: { onClose: () => void }) {
  const keys = [
    ['/', 'search'],
    ['j k', 'next and previous row'],
    ['Enter', 'open it'],
    ['x', 'select the row'],
    ['c', 'cancel the job'],
    ['r', 'retry the job'],
    ...places.map(({ letter, title }) => [`g ${letter}`, title]),
  ]
  return html`<${Dialog} title="Keyboard shortcuts" onClose=${onClose}>
    <dl class="keys">${keys.map(([key, text]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${text}</dd></div>`)}</dl>
    <footer><button type="button" onClick=${onClose}>Close</button></footer>
  <//>`
}
