import { html } from 'htm/preact'
import { useEffect, useRef } from 'preact/hooks'

/** Asks for a key. It stays in this tab, and is gone when the tab is closed. */
export function Login({ why, onKey }: { why: string; onKey: (key: string) => void }) {
  const field = useRef<HTMLInputElement | null>(null)
  useEffect(() => field.current?.focus(), [])
  const submit = (event: Event) => {
    event.preventDefault()
    const text = (field.current?.value ?? '').trim().replace(/^bearer +/i, '')
    if (text !== '') onKey(text)
  }
  return html`<main id="main" class="alone">
    <h1>Drover</h1>
    ${why !== '' && html`<div class="note bad" role="alert">${why}</div>`}
    <form onSubmit=${submit}>
      <label>API key
        <input ref=${field} type="password" name="key" autocomplete="off" placeholder="id.secret" required />
      </label>
      <button type="submit">Open the dashboard</button>
    </form>
    <p class="faint">The key stays in this tab and is sent to this API alone. It needs the scope <code>read</code>. <code>npm run keys</code> makes one.</p>
  </main>`
}
