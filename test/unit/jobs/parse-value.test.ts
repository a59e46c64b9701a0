import { expect, test } from 'vitest'
import { z } from 'zod'
import { isAsync, parseValue } from '../../../src/jobs/parse-value.ts'

const fromText = z.preprocess(
  (value) => (typeof value === 'string' ? JSON.parse(value) : value),
  z.object({ a: z.number() }),
)
const later = async () => true

test.each<[string, z.ZodType, unknown]>([
  ['a preprocess', fromText, '{bad'],
  ['a transform', z.string().transform((text) => JSON.parse(text)), '{bad'],
  [
    'a refinement',
    z.unknown().refine(() => {
      throw new SyntaxError('secret')
    }),
    1,
  ],
  [
    'a getter',
    z.object({
      get a(): z.ZodType {
        throw new SyntaxError('secret')
      },
    }),
    { a: 1 },
  ],
])('what %s of a schema throws is an issue without its message', (_, schema, value) => {
  const { error } = parseValue(schema, value)
  expect(error?.issues).toMatchObject([
    { path: [], message: expect.stringMatching(/^cannot be parsed: .* SyntaxError$/) },
  ])
})

test('what a schema accepts and refuses by itself is as Zod says', () => {
  expect(parseValue(fromText, '{"a":1}')).toEqual({ success: true, data: { a: 1 } })
  expect(parseValue(fromText, { a: 'x' }).error?.issues).toMatchObject([{ path: ['a'], code: 'invalid_type' }])
})

test.each<[string, z.ZodType]>([
  ['a refinement', z.string().refine(later)],
  ['a superRefine', z.object({ a: z.string() }).superRefine(async () => {})],
  ['a check', z.string().check(async () => {})],
  ['a preprocess', z.preprocess(async (value) => value, z.string())],
  ['an element of an array', z.object({ list: z.array(z.string().transform(later)) })],
  ['a variant of a union', z.union([z.string(), z.number().transform(later)])],
  ['a value of a record', z.record(z.string(), z.string().refine(later))],
  ['what a lazy schema gives', z.lazy(() => z.string().refine(later))],
  ['a default', z.string().refine(later).default('x')],
])('an async function in %s is found', (_, schema) => {
  expect(isAsync(schema)).toBe(true)
})

test('a recursive schema without async functions is not asynchronous', () => {
  const node = z.object({
    name: z.string().refine((name) => name.length > 0),
    get children() {
      return z.array(node)
    },
  })
  expect(isAsync(node)).toBe(false)
})
