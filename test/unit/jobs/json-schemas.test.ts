import { expect, test } from 'vitest'
import { z } from 'zod'
import { partsWithoutJson } from '../../../src/jobs/json-schemas.ts'

interface Tree {
  at: Date
  children: Tree[]
}
const tree: z.ZodType<Tree> = z.lazy(() => z.object({ at: z.date(), children: z.array(tree) }))

test.each<[string, z.ZodType, string[], string[]]>([
  ['a date', z.date(), ['input'], ['output']],
  ['a coerced date', z.coerce.date(), [], ['output']],
  ['a date in text', z.iso.datetime().transform((text) => new Date(text)), [], []],
  [
    'a date in text, then checked',
    z
      .string()
      .transform((text) => new Date(text))
      .pipe(z.date()),
    [],
    ['output'],
  ],
  ['a date made text', z.date().transform((date) => date.toISOString()), ['input'], []],
  ['a prepared date', z.preprocess((value) => new Date(String(value)), z.date()), [], ['output']],
  ['deep', z.object({ a: z.array(z.tuple([z.int(), z.map(z.string(), z.int())])) }), ['input.a.*.1'], ['output.a.*.1']],
  [
    'optional',
    z.object({ a: z.bigint().optional(), b: z.set(z.int()).nullable() }),
    ['input.a', 'input.b'],
    ['output.a', 'output.b'],
  ],
  ['a default', z.object({ a: z.date().default(new Date()) }), ['input.a'], ['output.a']],
  ['a caught date', z.date().catch(new Date()), [], ['output']],
  ['one of several', z.union([z.date(), z.string()]), [], []],
  ['none of several', z.union([z.date(), z.symbol()]), ['input', 'input'], ['output', 'output']],
  ['a record', z.record(z.string(), z.nan()), ['input.*'], ['output.*']],
  ['a rest', z.object({}).catchall(z.symbol()), ['input.*'], ['output.*']],
  ['an intersection', z.intersection(z.object({ a: z.date() }), z.object({ b: z.int() })), ['input.a'], ['output.a']],
  ['a literal', z.object({ a: z.literal(5n), b: z.literal([1n, 'x']) }), ['input.a'], ['output.a']],
  ['recursive', tree, ['input.at'], ['output.at']],
  [
    'a codec',
    z.codec(z.string(), z.date(), { decode: (text) => new Date(text), encode: (date) => date.toISOString() }),
    [],
    ['output'],
  ],
  [
    'what JSON has',
    z.object({
      a: z.string().nullable(),
      b: z.boolean().optional(),
      c: z.undefined(),
      d: z.unknown(),
      e: z.enum(['x']),
    }),
    [],
    [],
  ],
  ['nothing', z.void(), [], []],
])('%s', (_, schema, input, output) => {
  const places = (direction: 'input' | 'output') =>
    partsWithoutJson(schema, direction).map((mistake) => mistake.slice(0, mistake.indexOf(': ')))
  expect({ input: places('input'), output: places('output') }).toEqual({ input, output })
})
