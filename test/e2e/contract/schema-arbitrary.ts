import fc from 'fast-check'
import type { Schema } from './api-document.ts'

const anyText = fc.oneof(fc.string({ maxLength: 20 }), fc.string({ unit: 'binary', maxLength: 20 }))
const formats: Record<string, fc.Arbitrary<string>> = {
  'date-time': fc
    .date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString()),
  uri: fc.webUrl({ withQueryParameters: true }),
  byte: fc.base64String({ maxLength: 200 }),
}

/** Any JSON, as the schema `{}` allows. */
export const anyJson: fc.Arbitrary<unknown> = fc.jsonValue({ maxDepth: 3 })

/**
 * Values that a JSON Schema takes, for the keywords that our document uses: `$ref`, `const`, `enum`, `anyOf`, `oneOf`, `type`,
 * bounds, `format`, `items`, `properties`, `required`, `additionalProperties`.
 *
 * @throws for a keyword that it does not know and that would make its values wrong.
 */
export function arbitraryOf(schema: Schema, resolve: (schema: Schema) => Schema): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) return arbitraryOf(resolve(schema), resolve)
  const { const: only, enum: some, anyOf, oneOf, type } = schema
  if ('const' in schema) return fc.constant(only)
  if (Array.isArray(some)) return fc.constantFrom(...some)
  const variants = (anyOf ?? oneOf) as Schema[] | undefined
  if (variants) return fc.oneof(...variants.map((variant) => arbitraryOf(variant, resolve)))
  switch (type) {
    case undefined:
      return anyJson
    case 'null':
      return fc.constant(null)
    case 'boolean':
      return fc.boolean()
    case 'integer':
      return fc.integer(bounds(schema))
    case 'number':
      return fc.double({ ...bounds(schema), noNaN: true, noDefaultInfinity: true })
    case 'string':
      return textOf(schema)
    case 'array':
      return arrayOf(schema, resolve)
    case 'object':
      return objectOf(schema, resolve)
    default:
      throw new Error(`the type ${JSON.stringify(type)} is new here`)
  }
}

function bounds({ minimum, maximum, exclusiveMinimum }: Schema): { min: number; max: number } {
  const min = (minimum as number | undefined) ?? (exclusiveMinimum === undefined ? -1000 : Number(exclusiveMinimum) + 1)
  return { min, max: (maximum as number | undefined) ?? Math.max(min, 1_000_000) }
}

function textOf({ format, pattern, minLength, maxLength }: Schema): fc.Arbitrary<string> {
  const known = formats[String(format)]
  if (known) return known
  if (typeof pattern === 'string') return fc.stringMatching(new RegExp(pattern))
  const min = Number(minLength ?? 0)
  return anyText.map((text) => text.padEnd(min, 'x').slice(0, Number(maxLength ?? 1000)))
}

function arrayOf({ items, minItems, maxItems }: Schema, resolve: (schema: Schema) => Schema): fc.Arbitrary<unknown[]> {
  const minLength = Number(minItems ?? 0)
  const maxLength = Math.max(minLength, Math.min(Number(maxItems ?? 5), 5))
  return fc.array(arbitraryOf((items ?? {}) as Schema, resolve), { minLength, maxLength })
}

function objectOf(schema: Schema, resolve: (schema: Schema) => Schema): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], additionalProperties, propertyNames } = schema
  const named = Object.entries(properties as Record<string, Schema>)
  const requiredKeys = required as string[]
  const known = fc.record(Object.fromEntries(named.map(([key, inner]) => [key, arbitraryOf(inner, resolve)])), {
    requiredKeys,
    noNullPrototype: true,
  })
  if (typeof additionalProperties !== 'object' || additionalProperties === null) return known
  const keys = textOf((propertyNames ?? {}) as Schema)
  const more = fc.dictionary(keys, arbitraryOf(additionalProperties as Schema, resolve), {
    maxKeys: 4,
    noNullPrototype: true,
  })
  return fc.tuple(more, known).map(([extra, own]) => ({ ...extra, ...(own as object) }))
}

/** A value like the given one with something wrong: a part dropped, replaced by other JSON, or doubled under another name. */
export function mutated(value: unknown): fc.Arbitrary<unknown> {
  if (typeof value !== 'object' || value === null) return anyJson
  const entries = Object.entries(value)
  if (entries.length === 0) return anyJson
  const rebuilt = (parts: [string, unknown][]): unknown =>
    Array.isArray(value) ? parts.map(([, part]) => part) : Object.fromEntries(parts)
  return fc.nat({ max: entries.length - 1 }).chain((at) => {
    const [key = '', part] = entries[at] ?? []
    const replace = (other: [string, unknown][]) => rebuilt(entries.toSpliced(at, 1, ...other))
    return fc.oneof(
      fc.constant(replace([])),
      anyJson.map((other) => replace([[key, other]])),
      mutated(part).map((other) => replace([[key, other]])),
      anyText.map((name) =>
        replace([
          [key, part],
          [name, part],
        ]),
      ),
    )
  })
}
