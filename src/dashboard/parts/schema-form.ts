import { html } from 'htm/preact'
import type { Schema } from '../json-schema.ts'
import { plain } from './format.ts'
import { JsonField } from './json-field.ts'
import { pointerPart } from './json-tree.ts'
import { ScalarField } from './scalar-field.ts'
import { Mistake, type SchemaFieldProps } from './schema-field-props.ts'
import { alternatives, initialValue, mayBe, resolved, typeOf } from './schema-value.ts'

/** The fields of a value by its JSON Schema. What has no fields of its own is written as JSON. */
export function SchemaField(props: SchemaFieldProps) {
  const schema = resolved(props.schema, props.root)
  const of = { ...props, schema }
  const choices = alternatives(schema, props.root)
  if (choices.length > 1) return html`<${Alternatives} ...${of} choices=${choices} />`
  const type = typeOf(schema)
  if (type === 'object' && schema.properties && isObject(props.value))
    return html`<${ObjectFields} ...${of} value=${props.value} />`
  if (type === 'array' && schema.items && Array.isArray(props.value))
    return html`<${ArrayFields} ...${of} value=${props.value} />`
  if (['string', 'number', 'integer', 'boolean', 'enum', 'null'].includes(type))
    return html`<${ScalarField} ...${of} />`
  return html`<${JsonField} ...${of} />`
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function ObjectFields(props: SchemaFieldProps & { value: Record<string, unknown> }) {
  const { schema, root, value, onChange, pointer, mistakes, label } = props
  const properties = Object.entries(schema.properties ?? {})
  const known = new Set(properties.map(([name]) => name))
  const others = Object.keys(value).filter((name) => !known.has(name))
  const set = (name: string) => (next: unknown) => onChange({ ...value, [name]: next })
  const drop = (name: string) => {
    const { [name]: _, ...rest } = value
    onChange(rest)
  }
  return html`<fieldset><legend>${label}</legend>
    <${Mistake} pointer=${pointer} mistakes=${mistakes} />
    ${properties.map(([name, one]) => {
      const isRequired = schema.required?.includes(name) === true
      const at = `${pointer}/${pointerPart(name)}`
      if (!(name in value) && !isRequired) {
        return html`<div key=${name} class="optional"><button type="button" class="small quiet" onClick=${() => set(name)(initialValue(one, root))}>+ ${name}</button>
          <small class="faint" dir="auto">${resolved(one, root).description}</small><${Mistake} pointer=${at} mistakes=${mistakes} /></div>`
      }
      return html`<div key=${name} class="member">
        <${SchemaField} schema=${one} root=${root} value=${value[name]} onChange=${set(name)} pointer=${at} mistakes=${mistakes} label=${isRequired ? `${name} *` : name} />
        ${!isRequired && html`<button type="button" class="small quiet" aria-label=${`Leave out ${name}`} title="Leave it out" onClick=${() => drop(name)}>✕</button>`}
      </div>`
    })}
    ${others.map(
      (name) => html`<div key=${name} class="member">
      <${JsonField} schema=${{}} root=${root} value=${value[name]} onChange=${set(name)} pointer=${`${pointer}/${pointerPart(name)}`} mistakes=${mistakes} label=${name} />
      <button type="button" class="small quiet" aria-label=${`Leave out ${name}`} onClick=${() => drop(name)}>✕</button></div>`,
    )}
  </fieldset>`
}

function ArrayFields(props: SchemaFieldProps & { value: unknown[] }) {
  const { schema, root, value, onChange, pointer, mistakes, label } = props
  const items = schema.items ?? {}
  const isFull = schema.maxItems !== undefined && value.length >= schema.maxItems
  return html`<fieldset><legend>${label}</legend>
    ${schema.description !== undefined && html`<small class="faint" dir="auto">${schema.description}</small>`}
    <${Mistake} pointer=${pointer} mistakes=${mistakes} />
    ${value.map(
      (item, index) => html`<div key=${index} class="member">
        <${SchemaField} schema=${items} root=${root} value=${item} onChange=${(next: unknown) => onChange(value.with(index, next))}
          pointer=${`${pointer}/${index}`} mistakes=${mistakes} label=${`${label.replace(' *', '')} ${index + 1}`} />
        <button type="button" class="small quiet" aria-label=${`Remove item ${index + 1}`} onClick=${() => onChange(value.toSpliced(index, 1))}>✕</button>
      </div>`,
    )}
    <button type="button" class="small secondary" disabled=${isFull} onClick=${() => onChange([...value, initialValue(items, root)])}>Add an item</button>
  </fieldset>`
}

/** A union: a choice of the kind, and the fields of the one that the value is of. */
function Alternatives(props: SchemaFieldProps & { choices: Schema[] }) {
  const { choices, root, value, onChange, label, schema } = props
  const at = Math.max(
    0,
    choices.findIndex((one) => mayBe(value, one, root)),
  )
  const chosen = choices[at] ?? {}
  const description = chosen.description ?? schema.description
  return html`<div class="union">
    <div class="kinds" role="group" aria-label=${`Kind of ${label}`}>
      ${choices.map(
        (
          one,
          index,
        ) => html`<button key=${index} type="button" class=${`small ${index === at ? '' : 'secondary'}`} aria-pressed=${index === at}
        onClick=${() => index !== at && onChange(initialValue(one, root))}>${nameOf(one, index)}</button>`,
      )}
    </div>
    <${SchemaField} ...${props} schema=${{ ...chosen, ...(description !== undefined && { description }) }} />
  </div>`
}

function nameOf(schema: Schema, index: number): string {
  if (schema.title !== undefined) return schema.title
  if (schema.const !== undefined) return plain(schema.const)
  const marks = Object.entries(schema.properties ?? {}).flatMap(([, one]) =>
    one.const === undefined ? [] : [plain(one.const)],
  )
  if (marks[0] !== undefined) return marks[0]
  const type = typeOf(schema)
  return type === 'any'
    ? `kind ${index + 1}`
    : type === 'object' && schema.required?.[0] !== undefined
      ? `with ${schema.required.join(', ')}`
      : type
}
