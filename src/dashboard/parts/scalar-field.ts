import { html } from 'htm/preact'
import type { Schema } from '../json-schema.ts'
import { plain } from './format.ts'
import { Mistake, type SchemaFieldProps } from './schema-field-props.ts'

/** A text, number, truth value or choice. */
export function ScalarField({ schema, value, onChange, pointer, mistakes, label }: SchemaFieldProps) {
  const hint = [schema.description, boundsOf(schema)].filter(Boolean).join('. ')
  const isWrong = mistakes.has(pointer)
  const described = {
    'aria-invalid': isWrong ? 'true' : undefined,
    'aria-describedby': isWrong ? `mistake-${pointer}` : undefined,
    name: pointer,
  }
  return html`<label>${label}
    <${Control} schema=${schema} value=${value} onChange=${onChange} described=${described} />
    ${hint !== '' && html`<small class="faint" dir="auto">${hint}</small>`}
    <${Mistake} pointer=${pointer} mistakes=${mistakes} />
  </label>`
}

interface ControlProps {
  schema: Schema
  value: unknown
  onChange: (value: unknown) => void
  described: Record<string, unknown>
}

function Control({ schema, value, onChange, described }: ControlProps) {
  const choices = schema.const === undefined ? schema.enum : [schema.const]
  const type = schema.type
  if (choices) {
    return html`<select ...${described} onChange=${(event: Event) => onChange(choices[Number(textOf(event))])}>
      ${choices.map((choice, index) => html`<option value=${String(index)} selected=${choice === value}>${plain(choice)}</option>`)}
    </select>`
  }
  if (type === 'null') return html`<input ...${described} value="null" disabled />`
  if (type === 'boolean') {
    return html`<input ...${described} type="checkbox" role="switch" checked=${value === true} onChange=${(event: Event) => onChange(event.target instanceof HTMLInputElement && event.target.checked)} />`
  }
  if (type === 'number' || type === 'integer') {
    // What is no number is sent as it is, and refused with the reason.
    const read = (event: Event) => {
      const text = textOf(event)
      onChange(text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text))
    }
    return html`<input ...${described} type="text" inputmode="decimal" value=${plain(value ?? '')} onInput=${read} />`
  }
  const text = typeof value === 'string' ? value : ''
  if (text.length > 80 || text.includes('\n')) {
    return html`<textarea ...${described} rows="4" dir="auto" value=${text} onInput=${(event: Event) => onChange(textOf(event))}></textarea>`
  }
  return html`<input ...${described} type="text" dir="auto" value=${text} spellcheck=${false} onInput=${(event: Event) => onChange(textOf(event))} />`
}

function textOf({ target }: Event): string {
  const isField =
    target instanceof HTMLInputElement || target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement
  return isField ? target.value : ''
}

/** The bounds of a schema in words. Those of a double say nothing. */
function boundsOf({ minimum, maximum, minLength, maxLength, pattern, format }: Schema): string {
  const isBound = (value: number | undefined): value is number =>
    value !== undefined && Math.abs(value) < Number.MAX_SAFE_INTEGER
  return [
    isBound(minimum) && `at least ${minimum}`,
    isBound(maximum) && `at most ${maximum}`,
    minLength !== undefined && minLength > 1 && `at least ${minLength} characters`,
    maxLength !== undefined && `at most ${maxLength} characters`,
    format,
    format === undefined && pattern !== undefined && pattern.length < 60 && `like ${pattern}`,
  ]
    .filter(Boolean)
    .join(', ')
}
