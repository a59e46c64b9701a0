import { expect, test } from 'vitest'
import { z } from 'zod'
import { parseBoundedValue } from '../../../src/jobs/parse-value.ts'
import { fromJsonSchema } from '../../../src/jobs/program/json-schema.ts'
import { readJobFile } from '../../../src/jobs/program/read-job-file.ts'
import { secretPaths } from '../../../src/jobs/secrets.ts'

const file = (more: string) => `type: a\ntitle: A\ncommand: [sh, a.sh]\ninput: true\noutput: true\n${more}`

test('a job file has the defaults of a program, and keys by JSON Pointer', () => {
  const job = readJobFile(
    file('concurrency: { key: /user/id, per_process: 4, on_full: reject }\nbackoff: { delay_ms: 5 }'),
  )
  expect(job).toMatchObject({
    runsOn: 'process',
    queue: 'cpu',
    backoff: { delayMs: 5 },
    concurrency: { onFull: 'reject' },
  })
  expect(job.program).toEqual({ command: ['sh', 'a.sh'], mode: 'warm', perProcess: 4, maxJobs: 1000 })
  expect([{ user: { id: 7 } }, { user: null }, 'text'].map((input) => job.concurrency?.key(input))).toEqual([
    '7',
    undefined,
    undefined,
  ])
})

test.each([
  ['timeout: 5', 'line 6, column 10: there is no option "timeout": did you mean "timeout_ms"?'],
  ['timeout_ms: 0', 'line 6, column 13: timeout_ms must be an integer from 1 to 604800000, and is 0'],
  ['mode: cold', 'line 6, column 7: mode must be "warm" or "once", not "cold"'],
  ['mode: once\nconcurrency: 2', 'line 7, column 14: concurrency: more than one job in a process needs mode "warm"'],
  ['rate: { key: user, limit: 1, per_ms: 1 }', 'rate.key must be a JSON Pointer into the input, as in /user'],
  ['type: b', 'line 6, column 1: Map keys must be unique'],
])('a file with "%s" is refused with its place', (more, mistake) => {
  expect(() => readJobFile(file(more))).toThrow(mistake)
})

test.each([
  ['', ['the file must hold an object with type, title, command, input and output']],
  ['- a', ['the file must hold an object with type, title, command, input and output']],
  [
    'type: a\ntitle: A\ncommand: [true, 8]\ninput: true',
    [
      'line 3, column 11: command[0] must be a text, and is true: quote it',
      'line 3, column 17: command[1] must be a text, and is 8: quote it',
      'line 1, column 1: output is required',
    ],
  ],
])('of the file %j all mistakes are found, and nothing that follows from them', (text, mistakes) => {
  expect(() => readJobFile(text)).toThrow(expect.objectContaining({ mistakes }))
})

test('a JSON Schema reports issues, defaults, secrets and itself as one of Zod does', () => {
  const schema = fromJsonSchema({
    type: 'object',
    properties: { n: { type: 'integer', default: 3 }, list: { type: 'array', items: { $ref: '#/$defs/entry' } } },
    required: ['list'],
    additionalProperties: false,
    $defs: { entry: { type: 'object', properties: { key: { type: 'string', secret: true } } } },
  })
  expect(parseBoundedValue(schema, { list: [] })).toEqual({ success: true, data: { n: 3, list: [] } })
  expect(parseBoundedValue(schema, { n: 'x', other: 1 }).error?.issues).toMatchObject([
    { path: ['list'], message: 'is required' },
    { code: 'unrecognized_keys', path: [], keys: ['other'] },
    { path: ['n'], message: 'Invalid input: expected integer, received string' },
  ])
  expect(secretPaths(schema)).toEqual([['list', '*', 'key']])
  expect(z.toJSONSchema(schema)).toMatchObject({
    properties: { list: { items: { properties: { key: { secret: true } } } } },
  })
  expect(() => fromJsonSchema({ type: 'object', requird: [] })).toThrow('unknown keyword: "requird"')
})
