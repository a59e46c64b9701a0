import { html } from 'htm/preact'
import type { Schema } from '../json-schema.ts'

export interface SchemaFieldProps {
  schema: Schema
  /** Where `$ref` leads. */
  root: Schema
  value: unknown
  onChange: (value: unknown) => void
  /** JSON Pointer into the body of the submission, by which the API names mistakes. */
  pointer: string
  mistakes: ReadonlyMap<string, string>
  label: string
}

/** What is wrong with a value, in the words of the API. */
export function Mistake({ pointer, mistakes }: Pick<SchemaFieldProps, 'pointer' | 'mistakes'>) {
  const detail = mistakes.get(pointer)
  return detail === undefined
    ? null
    : html`<small class="bad" id=${`mistake-${pointer}`} role="alert">${detail}</small>`
}
