import type { Schema } from '../json-schema.ts'

/** How deep references are followed: a schema may refer to itself. */
const maxReferences = 20

/** A schema with its `$ref` replaced by what that names in `root`. */
export function resolved(schema: Schema, root: Schema, depth = 0): Schema {
  const { $ref: reference } = schema
  if (reference === undefined || depth > maxReferences) return schema
  if (reference === '#') return root
  const found = reference
    .replace(/^#\//, '')
    .split('/')
    .reduce<unknown>((at, part) => Object(at)[part.replaceAll('~1', '/').replaceAll('~0', '~')], root)
  const { $ref: _, ...rest } = schema
  return typeof found === 'object' && found !== null ? { ...resolved(found, root, depth + 1), ...rest } : rest
}

/** The alternatives of a schema; one that is no union is its only one. */
export function alternatives(schema: Schema, root: Schema): Schema[] {
  const several = schema.anyOf ?? schema.oneOf
  if (several) return several.map((one) => resolved(one, root))
  if (Array.isArray(schema.type)) return schema.type.map((type) => ({ ...schema, type }))
  return [schema]
}

export function typeOf(schema: Schema): string {
  if (typeof schema.type === 'string') return schema.type
  if (schema.enum || schema.const !== undefined) return 'enum'
  if (schema.properties) return 'object'
  return schema.items ? 'array' : 'any'
}

/** Whether a value could be one of a schema, as far as a form needs to tell its alternatives apart. */
export function mayBe(value: unknown, given: Schema, root: Schema): boolean {
  const schema = resolved(given, root)
  if (schema.const !== undefined) return JSON.stringify(schema.const) === JSON.stringify(value)
  if (schema.enum) return schema.enum.includes(value)
  if (schema.anyOf ?? schema.oneOf) return alternatives(schema, root).some((one) => mayBe(value, one, root))
  const type = typeOf(schema)
  if (type === 'any') return true
  if (type === 'null') return value === null
  if (type === 'array') return Array.isArray(value)
  if (type === 'integer') return Number.isInteger(value)
  if (type !== 'object') return typeof value === type
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const members = Object.entries(value)
  const hasAll = (schema.required ?? []).every((name) => name in value)
  return (
    hasAll &&
    members.every(([name, member]) => !schema.properties?.[name] || mayBe(member, schema.properties[name], root))
  )
}

/** What a form begins with: the example, else the default, else the least that the schema takes. */
export function initialValue(given: Schema, root: Schema, example?: unknown, depth = 0): unknown {
  if (example !== undefined && example !== null) return example
  const schema = resolved(given, root)
  if (schema.default !== undefined) return schema.default
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return schema.enum[0]
  const [first] = alternatives(schema, root)
  if (first && first !== schema && depth < maxReferences) return initialValue(first, root, undefined, depth + 1)
  const type = typeOf(schema)
  if (type === 'object') {
    const needed = Object.entries(schema.properties ?? {}).filter(([name]) => schema.required?.includes(name))
    return depth > maxReferences
      ? {}
      : Object.fromEntries(needed.map(([name, one]) => [name, initialValue(one, root, undefined, depth + 1)]))
  }
  if (type === 'array') return []
  if (type === 'boolean') return false
  if (type === 'number' || type === 'integer') return schema.minimum ?? 0
  return type === 'string' ? '' : null
}
