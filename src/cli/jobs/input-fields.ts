import { type Doc, docOf, listOf, textOf } from '../client/document.ts'
import { escapeText } from '../terminal/escape.ts'

type Kind = 'text' | 'number' | 'boolean' | 'json'

/** A member of a job type's input that a flag can give. */
export interface InputField {
  /** Of the input. */
  name: string
  /** Without dashes in front. */
  flag: string
  kind: Kind
  isList: boolean
  isNullable: boolean
  /** The values of a text, where there are few. */
  values: readonly string[]
  brief: string
}

/** What becomes a flag; other members can be given by --input alone. */
const flagName = /^[A-Za-z][\w-]*$/
const maxBrief = 120

/**
 * The flags of a job type's input, from its JSON Schema. A member that has the name of a flag of `run` itself is `--input-<name>`.
 *
 * @param taken the flags of `run`
 */
export function inputFields(schema: Doc, taken: ReadonlySet<string>): InputField[] {
  const used = new Set(taken)
  const fields: InputField[] = []
  for (const { name, property, isRequired } of members(schema)) {
    if (!flagName.test(name)) continue
    const plain = name.replaceAll('_', '-')
    const flag = used.has(plain) ? `input-${plain}` : plain
    if (used.has(flag)) continue
    used.add(flag)
    fields.push({ name, flag, ...describe(schema, property, isRequired) })
  }
  return fields
}

/** The value of a flag. @throws SyntaxError with what is wrong, without the value, which may be a secret */
export function parseField({ kind, isNullable }: InputField, text: string): unknown {
  if (isNullable && text === 'null') return null
  if (kind === 'text') return text
  if (kind === 'number') {
    const number = Number(text)
    if (text.trim() === '' || !Number.isFinite(number)) throw new SyntaxError('is no number')
    return number
  }
  if (kind === 'boolean') {
    if (text !== 'true' && text !== 'false') throw new SyntaxError('is neither true nor false')
    return text === 'true'
  }
  try {
    return JSON.parse(text)
  } catch {
    if (/^\s*[[{"]/.test(text)) throw new SyntaxError('is not JSON')
    return text
  }
}

function members(schema: Doc, depth = 0): { name: string; property: Doc; isRequired: boolean }[] {
  if (depth > 3) return []
  const required = new Set(listOf(schema['required']).map(textOf))
  const own = Object.entries(docOf(schema['properties'])).map(([name, property]) => ({
    name,
    property: docOf(property),
    isRequired: required.has(name),
  }))
  const variants = ['anyOf', 'oneOf', 'allOf'].flatMap((key) => listOf(schema[key]).map(docOf))
  const inherited = variants.flatMap((variant) => members(resolve(schema, variant), depth + 1))
  const seen = new Set<string>()
  return [...own, ...inherited].filter(({ name }) => !seen.has(name) && seen.add(name))
}

/** A schema, or what its local `$ref` names. */
function resolve(root: Doc, schema: Doc): Doc {
  const reference = textOf(schema['$ref'])
  if (!reference.startsWith('#/')) return schema
  const found = reference
    .slice(2)
    .split('/')
    .reduce((at, step) => docOf(at[step]), root)
  const { $ref: _, ...rest } = schema
  return { ...found, ...rest }
}

function describe(root: Doc, property: Doc, isRequired: boolean): Omit<InputField, 'name' | 'flag'> {
  const { schema, isNullable } = withoutNull(resolve(root, property))
  const isList = schema['type'] === 'array'
  const single = isList ? withoutNull(resolve(root, docOf(schema['items']))).schema : schema
  const values = isList ? [] : listOf(single['enum']).filter((value): value is string => typeof value === 'string')
  const isShown = 'default' in schema && property['secret'] !== true
  const notes = [isRequired ? 'required' : '', isShown ? `default: ${textOf(schema['default'])}` : '']
  const about = [textOf(property['description']) || textOf(property['title']) || kindNotes[kindOf(single)]]
  const text = [...about, ...notes.filter((note) => note !== '')].join('; ')
  const brief = escapeText(text.length > maxBrief ? `${text.slice(0, maxBrief)}…` : text)
  return { kind: kindOf(single), isList, isNullable, values, brief: isList ? `${brief}; may be repeated` : brief }
}

const kindNotes: Record<Kind, string> = { text: 'text', number: 'a number', boolean: 'true or false', json: 'JSON' }

function withoutNull(schema: Doc): { schema: Doc; isNullable: boolean } {
  const types = listOf(schema['type'])
  if (types.includes('null')) {
    const others = types.filter((type) => type !== 'null')
    return { schema: { ...schema, type: others.length === 1 ? others[0] : others }, isNullable: true }
  }
  const variants = listOf(schema['anyOf']).map(docOf)
  const others = variants.filter(({ type }) => type !== 'null')
  const [only] = others
  if (only !== undefined && others.length === 1 && variants.length === 2) {
    return { schema: { ...schema, ...only }, isNullable: true }
  }
  return { schema, isNullable: false }
}

function kindOf({ type, enum: values }: Doc): Kind {
  if (type === 'string') return 'text'
  if (type === 'integer' || type === 'number') return 'number'
  if (type === 'boolean') return 'boolean'
  return type === undefined && listOf(values).some((value) => typeof value === 'string') ? 'text' : 'json'
}
