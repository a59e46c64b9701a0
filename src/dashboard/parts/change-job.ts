import { html } from 'htm/preact'
import { useState } from 'preact/hooks'
import { forbidden, write } from '../api.ts'
import type { Job } from '../model.ts'
import { sessionKey } from '../session.ts'
import { Dialog } from './dialog.ts'
import { localTime } from './format.ts'
import { ProblemNote } from './problem.ts'

/** A button that changes when a waiting job starts. */
export function ChangeJob({ job, onDone }: { job: Job; onDone: () => void }) {
  const [isOpen, setOpen] = useState(false)
  const isWaiting = job.state === 'scheduled' || job.state === 'queued'
  const why =
    forbidden(sessionKey().scopes, 'submit') ?? (isWaiting ? undefined : 'Only a job that waits can be changed.')
  const close = () => {
    setOpen(false)
    onDone()
  }
  return html`<button type="button" class="small secondary" disabled=${why !== undefined} title=${why ?? ''} onClick=${() => setOpen(true)}>Change…</button>
    ${isOpen && html`<${ChangeDialog} job=${job} onClose=${close} />`}`
}

function ChangeDialog({ job, onClose }: { job: Job; onClose: () => void }) {
  const [priority, setPriority] = useState(String(job.priority))
  const [runAt, setRunAt] = useState(job.scheduled_for === null ? '' : localTime(job.scheduled_for, 'second'))
  const [error, setError] = useState<unknown>(undefined)
  const [isBusy, setBusy] = useState(false)
  const change = changeOf(job, { priority, runAt })
  const send = async (event: Event) => {
    event.preventDefault()
    setBusy(true)
    try {
      await write('PATCH', `/v1/jobs/${encodeURIComponent(job.id)}`, change)
      onClose()
    } catch (failure) {
      setError(failure)
      setBusy(false)
    }
  }
  const on =
    (set: (value: string) => void) =>
    ({ target }: Event) =>
      target instanceof HTMLInputElement && set(target.value)
  return html`<${Dialog} title="Change when it starts" onClose=${onClose}>
    <form onSubmit=${send}>
      <label>Priority, 0 to 9, higher first<input type="number" name="priority" min="0" max="9" required value=${priority} onInput=${on(setPriority)} /></label>
      <label>Not before, in your zone<input type="datetime-local" name="run_at" step="1" value=${runAt} onInput=${on(setRunAt)} /></label>
      <${ProblemNote} error=${error} />
      <footer>
        <button type="button" class="secondary" onClick=${onClose}>Back</button>
        <button type="submit" aria-busy=${isBusy} disabled=${isBusy || Object.keys(change).length === 0}>Change it</button>
      </footer>
    </form>
  <//>`
}

/** What differs from the job as it is. */
function changeOf(job: Job, { priority, runAt }: { priority: string; runAt: string }): Record<string, unknown> {
  const before = job.scheduled_for === null ? '' : localTime(job.scheduled_for, 'second')
  const time = runAt === before || runAt === '' ? undefined : new Date(runAt)
  return {
    ...(priority !== '' && Number(priority) !== job.priority && { priority: Number(priority) }),
    ...(time && !Number.isNaN(time.getTime()) && { run_at: time.toISOString() }),
  }
}
