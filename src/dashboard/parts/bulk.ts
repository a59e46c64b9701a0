import { html } from 'htm/preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { forbidden, get, ProblemError, write } from '../api.ts'
import type { Operation } from '../model.ts'
import { pathTo } from '../route.ts'
import { sessionKey } from '../session.ts'
import { pause } from '../stream.ts'
import { Dialog } from './dialog.ts'
import { count, plural } from './format.ts'
import { filterText, Outcome, scopeOf, type Verb } from './operation.ts'
import { ProblemNote } from './problem.ts'

export type BulkFilter = Record<string, string>

const sentences: Record<Verb, (jobs: string) => string> = {
  cancel: (jobs) => `Cancels ${jobs}; those that run are stopped.`,
  retry: (jobs) => `Runs ${jobs} again, with all attempts.`,
  delete: (jobs) => `Deletes ${jobs} with results, values and logs.`,
}
/** From so many on the number is typed. */
const typedFrom = 1000
const pollMs = 700

/** What can be done with all jobs that match the filters of a list. Without any filter there is nothing. */
export function BulkActions({ filter, onDone }: { filter: BulkFilter; onDone: () => void }) {
  if (Object.keys(filter).length === 0) return null
  return html`<span class="faint">All that match:</span>
    <${BulkAction} action="cancel" label="Cancel…" filter=${filter} onDone=${onDone} />
    <${BulkAction} action="retry" label="Retry…" filter=${filter} onDone=${onDone} />
    <${BulkAction} action="delete" label="Delete…" filter=${filter} onDone=${onDone} />`
}

export function BulkAction({
  action,
  label,
  filter,
  onDone,
}: {
  action: Verb
  label: string
  filter: BulkFilter
  onDone: () => void
}) {
  const [isOpen, setOpen] = useState(false)
  const why = forbidden(sessionKey().scopes, scopeOf(action))
  const close = () => {
    setOpen(false)
    onDone()
  }
  return html`<button type="button" class=${`small ${action === 'delete' ? 'danger' : 'secondary'}`} disabled=${why !== undefined} title=${why ?? ''} onClick=${() => setOpen(true)}>${label}</button>
    ${isOpen && html`<${BulkDialog} action=${action} filter=${filter} onClose=${close} />`}`
}

function BulkDialog({ action, filter, onClose }: { action: Verb; filter: BulkFilter; onClose: () => void }) {
  const [dry, setDry] = useState<Operation | undefined>(undefined)
  const [real, setReal] = useState<Operation | undefined>(undefined)
  const [error, setError] = useState<unknown>(undefined)
  const [typed, setTyped] = useState('')
  const [isBusy, setBusy] = useState(false)
  const closing = useRef(new AbortController())
  useEffect(() => () => closing.current.abort(), [])
  const run = async (isDry: boolean, show: (operation: Operation) => void) => {
    setBusy(true)
    setError(undefined)
    try {
      await watch(
        await write<Operation>('POST', '/v1/operations', { action, filter, dry_run: isDry }),
        show,
        closing.current.signal,
      )
    } catch (failure) {
      if (!closing.current.signal.aborted) setError(failure)
    } finally {
      setBusy(false)
    }
  }
  // Those that match and cannot be acted on, as jobs that have ended already, are skipped.
  const affected = dry?.done === true ? dry.matched - dry.skipped : undefined
  const isTyped = affected !== undefined && (affected < typedFrom || typed.trim() === String(affected))
  return html`<${Dialog} title=${`${action} jobs`} onClose=${onClose}>
    <p class="faint">${filterText(filter)}</p>
    ${affected !== undefined && !real && html`<p><b>${sentences[action](plural(affected, 'job'))}</b></p>`}
    ${dry?.done === true && dry.skipped > 0 && !real && html`<p>${plural(dry.skipped, 'job')} of ${count(dry.matched)} that match will be skipped.</p>`}
    ${affected !== undefined && affected >= typedFrom && !real && html`<label>Type ${affected} to go on<input type="text" inputmode="numeric" value=${typed} onInput=${({ target }: Event) => target instanceof HTMLInputElement && setTyped(target.value)} /></label>`}
    ${real && html`<${Outcome} operation=${real} /><p><a href=${pathTo(['operations', real.id])}>Its page</a> shows how far it is when this is closed.</p>`}
    <${ProblemNote} error=${error} missing="This API has no operations over many jobs yet." />
    <footer>
      <button type="button" class="secondary" onClick=${onClose}>${real ? 'Close' : 'Back'}</button>
      ${real && !real.done && html`<button type="button" class="danger" onClick=${() => void write('POST', `/v1/operations/${real.id}/cancel`).catch(setError)}>Stop it</button>`}
      ${affected === undefined && html`<button type="button" aria-busy=${isBusy} disabled=${isBusy} onClick=${() => void run(true, setDry)}>Count them</button>`}
      ${affected !== undefined && !real && html`<button type="button" class=${action === 'delete' ? 'danger' : ''} disabled=${isBusy || !isTyped || affected === 0} onClick=${() => void run(false, setReal)}>${`${action} ${count(affected)}`}</button>`}
    </footer>
  <//>`
}

/** Shows an operation until it has ended, or `signal` aborts. */
async function watch(begun: Operation, show: (operation: Operation) => void, signal: AbortSignal): Promise<void> {
  let operation = begun
  const path = `/v1/operations/${encodeURIComponent(begun.id)}`
  while (!signal.aborted) {
    show(operation)
    if (operation.done) return
    await pause(pollMs, signal)
    operation = await get<Operation>(path, { signal }).catch((failure: unknown) => {
      // Redis may be away for a moment: the operation goes on.
      if (failure instanceof ProblemError && failure.problem.status < 500) throw failure
      return operation
    })
  }
}
