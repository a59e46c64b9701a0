import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { generateOpenapi } from '../../../src/api/generate-openapi.ts'
import { nameComponents } from '../../../src/api/openapi/components.ts'
import { pascalCase } from '../../../src/api/openapi/pascal-case.ts'

type Schema = Record<string, unknown>

/** All schemas below a value, with their places. */
function* schemasIn(value: unknown, place: string): Generator<[place: string, schema: Schema]> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield [place, value as Schema]
  // Examples are values, and so are defaults.
  for (const [key, inner] of Object.entries(value))
    if (!['examples', 'example', 'default', 'enum'].includes(key)) yield* schemasIn(inner, `${place}/${key}`)
}

/** What a generator of clients cannot name: an object, a union or an enumeration below another schema. */
function isNameless(schema: Schema, place: string): boolean {
  if (/^\/components\/schemas\/\w+$/.test(place)) return false
  const variants = [schema['anyOf'], schema['oneOf']]
    .flat()
    .filter((one) => Object(one).type !== 'null' && one !== undefined)
  const isObject = schema['type'] === 'object' && typeof schema['properties'] === 'object'
  return isObject || variants.length > 1 || (Array.isArray(schema['enum']) && schema['enum'].length > 1)
}

test('every object, union and enumeration of the document has a name, but for those of webhooks', async () => {
  // A generator leaves out components that only webhooks refer to.
  const { webhooks: _, ...document } = parse(await generateOpenapi())
  const nameless = [...schemasIn(document, '')].filter(([place, schema]) => isNameless(schema, place))
  expect(nameless.map(([place]) => place)).toEqual([])
})

test('no schema has a default: generated clients take such a field for one that is always there', async () => {
  const document = parse(await generateOpenapi())
  const withDefault = [...schemasIn(document.components.schemas, '')].filter(
    ([place, { default: value }]) => value !== undefined && !place.endsWith('/properties'),
  )
  expect(withDefault.map(([place]) => place)).toEqual([])
  expect(document.components.schemas.SleepInput.properties.steps.description).toMatch(/Default: `1`$/)
})

test('schemas of the same shape share the name of the first place, others of the same name get a number', () => {
  const point = { type: 'object', properties: { x: { type: 'number' } }, description: 'of here' }
  const other = { type: 'object', properties: { y: { type: 'number' } } }
  const { components } = nameComponents({
    components: {
      schemas: {
        A: { type: 'object', properties: { at: point, b: { anyOf: [point, { type: 'null' }] } } },
        AAt: other,
      },
    },
  })
  const { A, AAt, AAt2 } = (components?.schemas ?? {}) as Record<string, Schema>
  expect(AAt).toEqual(other)
  expect(AAt2).toEqual({ type: 'object', properties: { x: { type: 'number' } } })
  expect(A?.['properties']).toEqual({
    at: { $ref: '#/components/schemas/AAt2', description: 'of here' },
    b: { anyOf: [{ $ref: '#/components/schemas/AAt2', description: 'of here' }, { type: 'null' }] },
  })
})

test.each([
  ['burn-cpu', 'BurnCpu'],
  ['last_job_id', 'LastJobId'],
  ['a-1', 'A_1'],
  ['a1', 'A1'],
])('%s is called %s', (name, expected) => {
  expect(pascalCase(name)).toBe(expected)
})
