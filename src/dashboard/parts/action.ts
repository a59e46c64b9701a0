import { html } from 'htm/preact'
import { useState } from 'preact/hooks'
import { forbidden } from '../api.ts'
import type { Scope } from '../model.ts'
import { sessionKey } from '../session.ts'
import { Dialog } from './dialog.ts'
import { ProblemNote } from './problem.ts'

interface ActionProps {
  label: string
  scope: Scope
  act: () => Promise<unknown>
  /** What it does, in a sentence: it is asked for before it is done. */
  confirm?: string
  /** Why it cannot be done at the moment. */
  disabled?: string | undefined
  kind?: string
  onDone?: () => void
  shortcut?: string
}

/** A button that does something to the system. Without the scope it is disabled and says why. */
export function Action({ label, scope, act, confirm, disabled, kind = '', onDone, shortcut }: ActionProps) {
  const key = sessionKey()
  const [isAsking, setAsking] = useState(false)
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(undefined)
  const why = forbidden(key.scopes, scope) ?? disabled
  const run = async () => {
    setBusy(true)
    setError(undefined)
    try {
      await act()
      setAsking(false)
      onDone?.()
    } catch (failure) {
      setError(failure)
      setAsking(true)
    } finally {
      setBusy(false)
    }
  }
  const close = () => {
    setAsking(false)
    setError(undefined)
  }
  const start = () => (confirm === undefined ? void run() : setAsking(true))
  return html`<button type="button" class=${`small ${kind}`} disabled=${why !== undefined || isBusy} title=${why ?? ''}
      aria-busy=${isBusy} data-shortcut=${shortcut} onClick=${start}>${label}</button>
    ${
      isAsking &&
      html`<${Dialog} title=${label} onClose=${close}>
      ${confirm !== undefined && html`<p>${confirm}</p>`}
      <${ProblemNote} error=${error} />
      <footer>
        <button type="button" class="secondary" onClick=${close}>Back</button>
        <button type="button" aria-busy=${isBusy} disabled=${isBusy} onClick=${run}>${error === undefined ? label : 'Try again'}</button>
      </footer>
    <//>`
    }`
}
