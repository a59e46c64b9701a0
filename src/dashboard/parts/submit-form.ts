import { html } from 'htm/preact'
import { useState } from 'preact/hooks'
import { forbidden, ProblemError, write } from '../api.ts'
import type { Job, JobType } from '../model.ts'
import { navigate, pathTo } from '../route.ts'
import { sessionKey } from '../session.ts'
import { CopySubmission, maskWarning } from './copy-submission.ts'
import { plain } from './format.ts'
import { JsonField } from './json-field.ts'
import { ProblemNote } from './problem.ts'
import { SchemaField } from './schema-form.ts'
import { Panel, Tabs } from './tabs.ts'

/** The body of a submission without its type. */
export type Submission = Record<string, unknown> & { input: unknown }

const optionNames = ['priority', 'delay_ms', 'attempts', 'timeout_ms', 'deadline_ms'] as const

/** Submits a job of a type, and then shows it. The form and the JSON hold the same value. */
export function SubmitForm({ type, start }: { type: JobType; start: Submission }) {
  const [body, setBody] = useState<Submission>(start)
  const [mode, setMode] = useState('form')
  const [error, setError] = useState<unknown>(undefined)
  const [isBusy, setBusy] = useState(false)
  const why = forbidden(sessionKey().scopes, 'submit')
  const mistakes = mistakesOf(error)
  const submit = async (event: Event) => {
    event.preventDefault()
    setBusy(true)
    try {
      const job = await write<Job>('POST', '/v1/jobs', { ...body, type: type.type })
      navigate(pathTo(['jobs', job.id]))
    } catch (failure) {
      setError(failure)
      setBusy(false)
    }
  }
  const warning = maskWarning(JSON.stringify(body.input) ?? '')
  const setInput = (input: unknown) => setBody({ ...body, input })
  const field = {
    schema: type.input,
    root: type.input,
    value: body.input,
    onChange: setInput,
    pointer: '/input',
    mistakes,
    label: 'input',
  }
  return html`<form class="submit" aria-label="Submit a job" noValidate onSubmit=${submit}>
    <${Tabs} tabs=${[{ name: 'form', label: 'Form' }, { name: 'json', label: 'JSON' }]} current=${mode} label="How to write the input" onChange=${setMode} />
    <${Panel} name=${mode}>${mode === 'form' ? html`<${SchemaField} ...${field} />` : html`<${JsonField} ...${field} />`}<//>
    <${Options} body=${body} onChange=${setBody} />
    ${warning !== undefined && html`<p class="note" role="status">A secret of the job is not shown: ${warning}.</p>`}
    <${ProblemNote} error=${error} />
    <div class="tools">
      <button type="submit" disabled=${isBusy || why !== undefined} aria-busy=${isBusy} title=${why ?? ''}>Submit and follow</button>
      <${CopySubmission} body=${() => ({ type: type.type, ...body })} />
      ${why !== undefined && html`<span class="faint">${why}</span>`}
    </div>
  </form>`
}

/** Each mistake at its field. */
function mistakesOf(error: unknown): ReadonlyMap<string, string> {
  if (!(error instanceof ProblemError)) return new Map()
  return new Map(error.problem.errors.map(({ pointer, detail }) => [pointer, detail]))
}

function Options({ body, onChange }: { body: Submission; onChange: (body: Submission) => void }) {
  const set = (name: string, value: unknown) => {
    const { [name]: _, ...rest } = body
    onChange({ ...rest, input: body.input, ...(value !== undefined && { [name]: value }) })
  }
  const number =
    (name: string) =>
    ({ target }: Event) => {
      const text = target instanceof HTMLInputElement ? target.value.trim() : ''
      set(name, text === '' ? undefined : Number.isNaN(Number(text)) ? text : Number(text))
    }
  const tags = ({ target }: Event) => {
    const words =
      target instanceof HTMLInputElement
        ? target.value
            .split(',')
            .map((word) => word.trim())
            .filter(Boolean)
        : []
    set('tags', words.length === 0 ? undefined : words)
  }
  const given = Array.isArray(body['tags']) ? body['tags'].join(', ') : ''
  return html`<details><summary>Options</summary>
    <div class="filters">
      ${optionNames.map((name) => html`<label key=${name}>${name.replace('_ms', ' (ms)')}<input type="text" inputmode="numeric" name=${name} value=${plain(body[name])} onChange=${number(name)} /></label>`)}
      <label>tags, by commas<input type="text" name="tags" value=${given} onChange=${tags} /></label>
    </div>
  </details>`
}
