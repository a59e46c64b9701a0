import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findGaps } from '../../../scripts/lock/find-gaps.ts'

const text = readFileSync(join(import.meta.dirname, '../../../package-lock.json'), 'utf8')

test('package-lock.json has a checksum for each package, those of other platforms included, and names no registry', () => {
  const lock = JSON.parse(text)
  expect(Object.keys(lock.packages).length).toBeGreaterThan(100)
  expect(findGaps(lock)).toEqual([])
  expect(text).not.toContain('"resolved"')
})

test('gaps are entries without a checksum and optional packages without an entry', () => {
  const integrity = 'sha512-AAAA'
  const lock = {
    packages: {
      '': { optionalDependencies: {} },
      'node_modules/a': { integrity, optionalDependencies: { b: '1.0.0', c: '1.0.0', d: '1.0.0' } },
      'node_modules/b': { integrity },
      'node_modules/a/node_modules/c': {},
    },
  }
  expect(findGaps(lock)).toEqual([
    'node_modules/a/node_modules/c has no checksum',
    'd, optional for node_modules/a, has no entry',
  ])
})
