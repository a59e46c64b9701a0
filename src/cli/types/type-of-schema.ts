import { type Doc, docOf, listOf, textOf } from '../client/document.ts'
import { toSafeJson } from '../terminal/escape.ts'

/** A schema of a server may be nested as deeply as it likes. */
const maxDepth = 40

/** Where a schema stands. */
interface Place {
  /** The type that a `$ref` names; undefined: unknown. */
  typeOfRef: (ref: string) => string | undefined
  depth: number
}

/** A JSON value as a type or a name in TypeScript. */
export const literal = (value: unknown): string => toSafeJson(value)

const primitives: Record<string, string> = {
  string: 'string',
  number: 'number',
  integer: 'number',
  boolean: 'boolean',
  null: 'null',
  array: 'unknown[]',
  object: 'Record<string, unknown>',
}

/**
 * The TypeScript type of a JSON Schema (draft 2020-12, as far as types can say it: bounds and patterns are left out).
 *
 * @param typeOfRef the type that a `$ref` names
 */
export function typeOfSchema(schema: unknown, typeOfRef: Place['typeOfRef'], depth = 0): string {
  if (schema === false || toSafeJson(docOf(schema)['not']) === '{}') return 'never'
  if (depth > maxDepth) return 'unknown'
  const doc = docOf(schema)
  const place = { typeOfRef, depth: depth + 1 }
  const parts = [
    ...(typeof doc['$ref'] === 'string' ? [typeOfRef(doc['$ref']) ?? 'unknown'] : []),
    ...('const' in doc ? [valueType(doc['const'])] : []),
    ...(Array.isArray(doc['enum']) ? [union(doc['enum'].map(valueType))] : []),
    ...['anyOf', 'oneOf'].flatMap((key) => (Array.isArray(doc[key]) ? [union(typesIn(doc[key], place))] : [])),
    ...typesIn(listOf(doc['allOf']), place),
  ].filter((part) => part !== 'unknown')
  const own = ownType(doc, place)
  // A constant says more than its type does.
  if (own !== 'unknown' && !('const' in doc) && !Array.isArray(doc['enum'])) parts.push(own)
  return intersection(parts)
}

function typesIn(schemas: readonly unknown[], { typeOfRef, depth }: Place): string[] {
  return schemas.map((schema) => typeOfSchema(schema, typeOfRef, depth))
}

/** What `type`, `properties` and `items` say. */
function ownType(doc: Doc, place: Place): string {
  const { type } = doc
  if (Array.isArray(type)) return union(type.map((one: unknown) => ownType({ ...doc, type: one }, place)))
  const isObject = type === 'object' || (type === undefined && ('properties' in doc || 'patternProperties' in doc))
  const isArray = type === 'array' || (type === undefined && ('items' in doc || 'prefixItems' in doc))
  if (isObject) return objectType(doc, place)
  if (isArray) return arrayType(doc, place)
  return primitives[textOf(type)] ?? 'unknown'
}

function arrayType(doc: Doc, place: Place): string {
  const { items } = doc
  const rest = items === undefined ? 'unknown' : typeOfSchema(items, place.typeOfRef, place.depth)
  if (!Array.isArray(doc['prefixItems'])) return listType(rest)
  const first = typesIn(doc['prefixItems'], place)
  return `[${[...first, ...(items === false ? [] : [`...${listType(rest)}`])].join(', ')}]`
}

function objectType(doc: Doc, place: Place): string {
  const properties = Object.entries(docOf(doc['properties']))
  const required = new Set(listOf(doc['required']))
  const members = properties.map(([name, schema]) => {
    const type = typeOfSchema(schema, place.typeOfRef, place.depth)
    return `${comment(docOf(schema))}${literal(name)}${required.has(name) ? '' : '?'}: ${type}`
  })
  const { additionalProperties, patternProperties, propertyNames } = doc
  const others = [
    ...(additionalProperties === undefined || additionalProperties === false ? [] : [additionalProperties]),
    ...Object.values(docOf(patternProperties)),
  ]
  const other = union(typesIn(others, place))
  if (members.length === 0) {
    if (additionalProperties === false && others.length === 0) return 'Record<string, never>'
    const key = propertyNames === undefined ? 'string' : typeOfSchema(propertyNames, place.typeOfRef, place.depth)
    const record = `Record<${/^(string|unknown)$/.test(key) ? 'string' : key}, ${others.length === 0 ? 'unknown' : other}>`
    return key.includes('"') && required.size === 0 ? `Partial<${record}>` : record
  }
  // An index signature must fit the members, too.
  if (others.length > 0) members.push('[key: string]: unknown')
  return `{ ${members.join('; ')} }`
}

/** The description of a property, above it. */
function comment({ description }: Doc): string {
  return typeof description === 'string' && description !== '' ? `/** ${commentText(description)} */ ` : ''
}

/** Text of a server in a comment, on one line. */
export function commentText(text: string): string {
  return literal(text.replaceAll(/\s+/g, ' ').trim())
    .slice(1, -1)
    .replaceAll(String.raw`\"`, '"')
    .replaceAll('*/', String.raw`*\/`)
}

/** The type of one value. */
function valueType(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(valueType).join(', ')}]`
  if (typeof value !== 'object' || value === null) return literal(value)
  return `{ ${Object.entries(value)
    .map(([name, inner]) => `${literal(name)}: ${valueType(inner)}`)
    .join('; ')} }`
}

const needsParentheses = (type: string): boolean => /[|&]/.test(type)
const listType = (type: string): string => (needsParentheses(type) ? `(${type})[]` : `${type}[]`)

function union(types: readonly string[]): string {
  if (types.length === 0) return 'never'
  return types.includes('unknown') ? 'unknown' : [...new Set(types)].join(' | ')
}

function intersection(types: readonly string[]): string {
  const different = [...new Set(types)]
  if (different.length < 2) return different[0] ?? 'unknown'
  return different.map((type) => (needsParentheses(type) ? `(${type})` : type)).join(' & ')
}
