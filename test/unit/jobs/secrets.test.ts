import { expect, test } from 'vitest'
import { z } from 'zod'
import { maskedAt, maskSecrets, redactorOf, secretPaths } from '../../../src/jobs/secrets.ts'

const secret = z.string().min(1).meta({ secret: true })
const masked = (schema: z.ZodType, value: unknown) => maskSecrets(value, secretPaths(schema))

test.each<[name: string, schema: z.ZodType, value: unknown, expected: unknown]>([
  ['a member', z.object({ a: secret, b: z.string() }), { a: 'x', b: 'x' }, { a: '***', b: 'x' }],
  ['the whole value', secret, 'x', '***'],
  [
    'a number, an object',
    z.object({ a: z.int().meta({ secret: true }), b: z.object({}).meta({ secret: true }) }),
    { a: 1, b: { c: 1 } },
    { a: '***', b: '***' },
  ],
  ['what is absent or null', z.object({ a: secret.nullable(), b: secret.optional() }), { a: null }, { a: null }],
  [
    'optional, default, nullable',
    z.object({ a: secret.optional(), b: secret.default('d'), c: secret.nullable() }),
    { a: 'x', b: 'y', c: 'z' },
    { a: '***', b: '***', c: '***' },
  ],
  ['marked on the outside', z.object({ a: z.string().optional().meta({ secret: true }) }), { a: 'x' }, { a: '***' }],
  ['checked after the mark', z.object({ a: z.string().meta({ secret: true }).max(9) }), { a: 'x' }, { a: '***' }],
  [
    'elements',
    z.object({ a: z.array(z.object({ b: secret })) }),
    { a: [{ b: 'x' }, { b: 'y', c: 1 }] },
    { a: [{ b: '***' }, { b: '***', c: 1 }] },
  ],
  ['a tuple', z.tuple([z.string(), secret]), ['x', 'y'], ['x', '***']],
  ['a record', z.record(z.string(), secret), { x: '1', y: '2' }, { x: '***', y: '***' }],
  [
    'a union',
    z.union([z.object({ a: secret }), z.object({ b: z.string() })]),
    { a: 'x', b: 'y' },
    { a: '***', b: 'y' },
  ],
  [
    'an intersection',
    z.intersection(z.object({ a: secret }), z.object({ b: secret })),
    { a: 'x', b: 'y' },
    { a: '***', b: '***' },
  ],
  ['a pipe', z.object({ a: secret }).transform(({ a }) => a), { a: 'x' }, { a: '***' }],
  ['a lazy schema', z.object({ a: z.lazy(() => z.object({ b: secret })) }), { a: { b: 'x' } }, { a: { b: '***' } }],
  ['a value of another shape', z.object({ a: z.object({ b: secret }) }), { a: 'x', c: [1] }, { a: 'x', c: [1] }],
  ['nothing', z.object({ a: z.string() }), { a: 'x' }, { a: 'x' }],
])('hides %s', (_, schema, value, expected) => {
  expect(masked(schema, value)).toEqual(expected)
})

test('a schema that contains itself is hidden from its second level on', () => {
  interface Tree {
    token: string
    next?: Tree | undefined
  }
  const tree: z.ZodType<Tree> = z.object({
    token: secret,
    get next() {
      return tree.optional()
    },
  })
  expect(masked(tree, { token: 'x', next: { token: 'y' } })).toEqual({ token: '***', next: '***' })
})

test('a value without secrets is the same value, and one with secrets is not changed', () => {
  const plain = { a: 'x' }
  expect(masked(z.object({ a: z.string() }), plain)).toBe(plain)
  masked(z.object({ a: secret }), plain)
  expect(plain).toEqual({ a: 'x' })
})

test('secrets are found in other text: as they are, in JSON and in URLs', () => {
  const value = { token: 'p"a s\\s', keys: ['abcd', 'abcdefgh'], pin: 12345, short: 'abc' }
  const schema = z.object({
    token: secret,
    keys: z.array(secret),
    pin: z.int().meta({ secret: true }),
    short: secret,
  })
  const redact = redactorOf(value, secretPaths(schema))
  const text = `${value.token} ${JSON.stringify(value.token)} /?t=${encodeURIComponent(value.token)} abcdefgh abcd abc 12345`
  expect(redact?.(text)).toBe('*** "***" /?t=*** *** *** abc ***')
  expect(redact?.({ a: ['abcd', 12345, 1, null], abcd: true })).toEqual({ a: ['***', '***', 1, null], '***': true })
  expect(redactorOf({ a: 'x' }, secretPaths(z.object({ a: z.string() })))).toBeUndefined()
})

test('the mask is found in the place of a secret, and nowhere else', () => {
  const schema = z.object({ a: secret, 'b/c': z.array(z.object({ d: secret })), e: z.string() })
  const value = { a: '***', 'b/c': [{ d: 'x' }, { d: '***' }], e: '***' }
  expect(maskedAt(value, secretPaths(schema))).toEqual(['/a', '/b~1c/1/d'])
  expect(maskedAt(null, secretPaths(schema))).toEqual([])
})
