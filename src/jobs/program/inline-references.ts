import { atPointer } from './at-pointer.ts'

/** Keywords whose members are schemas by name. */
const schemaMaps = ['properties', 'patternProperties', 'dependentSchemas']
/** Keywords whose values are data. */
const data = ['const', 'enum', 'default', 'examples', 'example', 'required']
/** Keywords that have no meaning in a part of another document. */
const leftOut = ['$defs', 'definitions', '$schema', '$id']

/**
 * A copy of a JSON Schema without its own `$defs`: each local `$ref` (`#/…`) is replaced by what it leads to, so that the copy can be a
 * part of another document. A schema that contains itself is described down to where it recurs: there anything is allowed.
 */
export function inlineReferences(root: unknown): Record<string, unknown> {
  if (root === false) return { not: {} }
  const copyAll = (part: unknown, open: readonly string[]): unknown => {
    if (Array.isArray(part)) return part.map((item) => copyAll(item, open))
    if (typeof part !== 'object' || part === null) return part
    return copy(part, open)
  }
  const copyMap = (map: unknown, open: readonly string[]) =>
    Object.fromEntries(Object.entries(Object(map)).map(([name, schema]) => [name, copyAll(schema, open)]))
  const copyMember = (name: string, value: unknown, open: readonly string[]): unknown => {
    if (data.includes(name)) return value
    return schemaMaps.includes(name) ? copyMap(value, open) : copyAll(value, open)
  }
  const copy = (schema: object, open: readonly string[]): Record<string, unknown> => {
    const { $ref: reference, ...rest }: { $ref?: unknown } = schema
    const members = Object.entries(rest).filter(([name]) => !leftOut.includes(name))
    const own = Object.fromEntries(members.map(([name, value]) => [name, copyMember(name, value, open)]))
    if (!isLocal(reference)) return reference === undefined ? own : { ...own, $ref: reference }
    if (open.includes(reference)) return { description: 'The same again', ...own }
    const target = copyAll(findReference(root, reference), [...open, reference])
    return target === false ? { ...own, not: {} } : { ...Object(target), ...own }
  }
  return copy(Object(root), [])
}

export const isLocal = (reference: unknown): reference is string =>
  typeof reference === 'string' && reference.startsWith('#')

/** What a fragment (`#/$defs/name`) leads to; everything where it leads nowhere. */
export function findReference(root: unknown, reference: string): unknown {
  return atPointer(root, decodeURIComponent(reference.slice(1))) ?? true
}
