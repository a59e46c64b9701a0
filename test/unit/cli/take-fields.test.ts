import { expect, test } from 'vitest'
import { CommandFailure } from '../../../src/cli/command-failure.ts'
import { inputFields } from '../../../src/cli/jobs/input-fields.ts'
import { takeFields } from '../../../src/cli/jobs/take-fields.ts'

const schema = {
  type: 'object',
  required: ['url'],
  properties: {
    url: { type: 'string', description: 'What to\u001b read' },
    n: { type: 'integer' },
    ratio: { type: ['number', 'null'], default: 0.5 },
    camelCase: { type: 'boolean' },
    dry_run: { type: 'boolean', default: true },
    fit: { enum: ['cover', 'contain'] },
    codes: { type: 'array', items: { type: 'integer' } },
    urls: { type: 'array', items: { type: 'string' } },
    headers: { type: 'object', additionalProperties: { type: 'string' } },
    anything: {},
    shared: { $ref: '#/$defs/shared' },
    maybe: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
    token: { type: 'string', secret: true, default: 'abc' },
    wait: { type: 'string' },
    'no flag': { type: 'string' },
  },
  $defs: { shared: { type: 'integer' } },
}
const fields = inputFields(schema, new Set(['wait', 'input']))
const take = (...args: string[]) => takeFields(args, fields)

test('members of a schema are flags, and one that has the name of another flag is prefixed', () => {
  const flags = Object.fromEntries(fields.map(({ flag, brief }) => [flag, brief]))
  expect(Object.keys(flags)).toEqual([
    ...['url', 'n', 'ratio', 'camelCase', 'dry-run', 'fit', 'codes', 'urls', 'headers', 'anything', 'shared', 'maybe'],
    ...['token', 'input-wait'],
  ])
  expect(flags['url']).toBe(String.raw`What to\u001b read; required`)
  expect(flags['ratio']).toBe('a number; default: 0.5')
  expect(flags['token']).toBe('text')
})

test('variants of a schema have their flags together', () => {
  const variants = {
    anyOf: [{ $ref: '#/$defs/a' }, { properties: { b: { type: 'string' } } }],
    $defs: { a: { properties: { a: {} } } },
  }
  expect(inputFields(variants, new Set()).map(({ flag }) => flag)).toEqual(['a', 'b'])
  expect(inputFields({}, new Set())).toEqual([])
})

test.each<[string[], Record<string, unknown>]>([
  [['--url', 'a b', '--n', '-5'], { url: 'a b', n: -5 }],
  [['--url=--x\ny', '--n=1e3'], { url: '--x\ny', n: 1000 }],
  [['--url=', '--ratio', 'null'], { url: '', ratio: null }],
  [['--camelCase', '--no-dry-run'], { camelCase: true, dry_run: false }],
  [['--camel-case', 'false', '--dry_run=true'], { dry_run: true, camelCase: false }],
  [['--codes', '1', '--codes=2'], { codes: [1, 2] }],
  [['--urls', '["a","b"]', '--urls', '[c'], { urls: ['a', 'b', '[c'] }],
  [['--headers', '{"a":"b"}', '--anything', 'text'], { headers: { a: 'b' }, anything: 'text' }],
  [['--anything', '[1]', '--shared', '7', '--maybe', 'null'], { anything: [1], shared: 7, maybe: null }],
  [['--input-wait', 'long', '--fit', 'cover'], { wait: 'long', fit: 'cover' }],
])('%j is an input', (args, input) => {
  expect(take(...args)).toEqual({ input, rest: [] })
})

test('other arguments are left', () => {
  expect(take('--wait', '--timeout', '5', '-q', '--no-such', '--', '--url')).toEqual({
    input: undefined,
    rest: ['--wait', '--timeout', '5', '-q', '--no-such', '--', '--url'],
  })
})

test.each([
  [['--n', 'many']],
  [['--n', '']],
  [['--n']],
  [['--url', '--n', '1']],
  [['--url', 'a', '--url', 'b']],
  [['--camelCase=perhaps']],
  [['--headers', '{a}']],
  [['--fit', 'none']],
  [['--codes', '[1,']],
])('%j is refused, without its value', (args) => {
  let message = ''
  try {
    take(...args)
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error
    expect(error.exitCode).toBe(2)
    message = error.message
  }
  expect(message).toMatch(/^--[a-zA-Z-]+: /)
  for (const value of ['many', 'perhaps', '{a}']) expect(message).not.toContain(value)
})
