import { html } from 'htm/preact'
import { useEffect, useState } from 'preact/hooks'
import { Mistake, type SchemaFieldProps } from './schema-field-props.ts'

/** A value as JSON. What is no JSON yet stays in the field, and changes nothing. */
export function JsonField({ schema, value, onChange, pointer, mistakes, label }: SchemaFieldProps) {
  const [text, setText] = useState(() => written(value))
  const [fault, setFault] = useState('')
  useEffect(() => {
    // Another field, or the form, has changed the value.
    if (fault === '' && JSON.stringify(parsed(text).value) !== JSON.stringify(value)) setText(written(value))
  }, [value])
  const change = ({ target }: Event) => {
    if (!(target instanceof HTMLTextAreaElement)) return
    setText(target.value)
    const read = parsed(target.value)
    setFault(read.fault)
    if (read.fault === '') onChange(read.value)
  }
  return html`<label>${label}
    <textarea name=${pointer} class="json" rows=${Math.min(24, Math.max(3, text.split('\n').length))} spellcheck=${false} aria-invalid=${fault !== '' || mistakes.has(pointer) ? 'true' : undefined}
      value=${text} onInput=${change}></textarea>
    ${schema.description !== undefined && html`<small class="faint" dir="auto">${schema.description}</small>`}
    ${fault !== '' && html`<small class="bad" role="alert">${fault}</small>`}
    <${Mistake} pointer=${pointer} mistakes=${mistakes} />
  </label>`
}

const written = (value: unknown): string => JSON.stringify(value, null, 2) ?? ''

function parsed(text: string): { value: unknown; fault: string } {
  try {
    return { value: JSON.parse(text), fault: '' }
  } catch (error) {
    return { value: undefined, fault: error instanceof Error ? error.message : 'This is no JSON.' }
  }
}
