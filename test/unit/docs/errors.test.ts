import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** Codes of what is no failure of a job: issues of a schema, problems that some files outside of src/api throw, warnings of `/readyz`. */
const others = new Set([
  'custom',
  'unrecognized_keys',
  'flow_too_large',
  'quota_exceeded',
  'redis_evicts',
  'redis_not_durable',
  'redis_not_checked',
  'clock_skew',
  'redis_memory_high',
  'redis_memory_full',
])

test('docs/errors.md has every code that the service gives the error of a job', () => {
  const files = globSync('src/{jobs,queue,worker}/**/*.{ts,lua}', { cwd: root })
  const given = files.flatMap((file) =>
    Array.from(read(file).matchAll(/\bcode(?::| =) '([a-z_]+)'/g), ([, code = '']) => code),
  )
  const [, section = ''] = read('docs/errors.md').split('\n## Errors of jobs\n')
  const documented = new Set(Array.from(section.matchAll(/^\| `([a-z_]+)`/gm), ([, code = '']) => code))
  expect([...new Set(given)].filter((code) => !documented.has(code) && !others.has(code))).toEqual([])
  expect(documented.size).toBeGreaterThan(20)
})
