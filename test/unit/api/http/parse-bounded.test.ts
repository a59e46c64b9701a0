import { expect, test } from 'vitest'
import { z } from 'zod'
import { Mistakes } from '../../../../src/api/http/mistakes.ts'
import { parseBounded } from '../../../../src/api/http/parse-bounded.ts'
import { Problem, problemDetails } from '../../../../src/api/http/problem.ts'

function mistakesOf(schema: z.ZodType, value: unknown, base = '') {
  const mistakes = new Mistakes()
  expect(parseBounded(schema, value, mistakes, base)).toBeUndefined()
  return { count: mistakes.count, pointers: mistakes.toProblem().mistakes?.map(({ pointer }) => pointer) ?? [] }
}

const user = z.strictObject({ name: z.string().min(1), tags: z.array(z.string().max(3)).default([]) })

test('a good value comes out parsed, all mistakes of a small one are found', () => {
  const mistakes = new Mistakes()
  expect(parseBounded(user, { name: 'a' }, mistakes)).toEqual({ data: { name: 'a', tags: [] } })
  expect(mistakes.count).toBe(0)
  const wrong = { name: '', tags: ['abc', 'abcd', 1], 'a/b': 1, c: 2 }
  expect(mistakesOf(user, wrong, '/input').pointers.toSorted()).toEqual(
    ['/input/name', '/input/tags/1', '/input/tags/2', '/input/a~1b', '/input/c'].toSorted(),
  )
  expect(mistakesOf(z.record(z.string().max(2), z.number()), { abc: 1, a: 'x' }).pointers).toEqual(['/abc', '/a'])
})

test.each<[name: string, schema: z.ZodType, value: () => unknown]>([
  ['elements', z.array(z.string()), () => Array.from({ length: 2_000_000 }, () => 0)],
  ['elements that are objects', z.array(user), () => Array.from({ length: 200_000 }, () => ({ name: 1, x: 1 }))],
  [
    'elements of elements',
    z.array(z.array(z.string())),
    () => Array.from({ length: 1000 }, () => Array.from({ length: 1000 }, () => 0)),
  ],
  [
    'elements within the size of an array',
    z.array(z.url()).max(100),
    () => Array.from({ length: 1_000_000 }, () => 'x'),
  ],
  [
    'keys',
    z.record(z.string().max(1), z.string()),
    () => Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`k${n}`, 1])),
  ],
  [
    'keys of elements',
    z.object({ a: z.array(z.record(z.string().max(1), z.string())) }),
    () => ({
      a: Array.from({ length: 10 }, () => Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`k${n}`, 1]))),
    }),
  ],
  [
    'keys of values',
    z.object({ a: z.record(z.string(), z.record(z.string().max(1), z.string())) }),
    () => ({
      a: Object.fromEntries(
        Array.from({ length: 10 }, (_, o) => [
          o,
          Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`k${n}`, 1])),
        ]),
      ),
    }),
  ],
  ['unknown fields', user, () => Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`k${n}`, 1]))],
])('a million wrong %s cost no more than to look at some of them', (_, schema, make) => {
  const value = make()
  let found: { ms: number; count: number; pointers: string[] } = { ms: Infinity, count: 0, pointers: [] }
  // The least of some tries: what shares the core makes the same work slower, never faster.
  for (let tries = 0; tries < 3 && found.ms >= 500; tries++) {
    const before = process.threadCpuUsage()
    const { count, pointers } = mistakesOf(schema, value)
    const { user, system } = process.threadCpuUsage(before)
    found = { ms: (user + system) / 1000, count, pointers }
  }
  const { ms, count, pointers } = found
  expect(ms).toBeLessThan(500)
  expect(count).toBeGreaterThan(0)
  expect(pointers.length).toBeLessThanOrEqual(50)
})

test('a schema that throws refuses the value', () => {
  const parsing = z.preprocess((value) => JSON.parse(String(value)) as unknown, z.object({ a: z.number() }))
  expect(mistakesOf(parsing, '{bad', '/input').pointers).toEqual(['/input'])
  const checking = z.object({
    a: z.string().refine(() => {
      throw new Error('no')
    }),
  })
  expect(mistakesOf(checking, { a: 'x' }, '/input').pointers).toEqual(['/input'])
})

test('fifty mistakes are listed, all are counted, and a problem stays below 64 KB', () => {
  const mistakes = new Mistakes()
  for (let n = 0; n < 1000; n++) mistakes.add(`/${'\u0001'.repeat(1_000_000)}`, 'is wrong')
  mistakes.addIssues([
    { code: 'unrecognized_keys', keys: Array.from({ length: 500 }, String), path: [], message: '', input: {} },
  ])
  expect(mistakes.count).toBe(1500)
  const problem = mistakes.toProblem()
  expect(problemDetails(problem, '/').detail).toMatch(/\(and 1499 more\)$/)
  expect(problem.mistakes?.length).toBe(50)
  expect(JSON.stringify(problemDetails(problem, '/v1/jobs')).length).toBeLessThan(65_536)
  const one = problemDetails(new Problem('unknown_job_type', `x${'\u{1f600}'.repeat(5000)}`), '/')
  expect(one.detail.isWellFormed()).toBe(true)
  expect(one.detail.length).toBeLessThan(1100)
})
