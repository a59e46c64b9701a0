import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { renderPages } from '../../../scripts/docs/render-pages.ts'
import { apiVariables } from '../../../src/environment/api-variables.ts'
import { workerVariables } from '../../../src/environment/worker-variables.ts'

const root = join(import.meta.dirname, '../../..')

test.each(renderPages())('$path is up to date (npm run docs renews it)', ({ stored, rendered }) => {
  expect(stored).toBe(rendered)
})

test('docs/configuration.md has every variable that a role reads, once, and no other', () => {
  const [page = ''] = readFileSync(join(root, 'docs/configuration.md'), 'utf8').split('\n## `npm start`\n')
  const documented = Array.from(page.matchAll(/^\| `([A-Z_]+)` /gm), ([, name = '']) => name)
  const read = new Set([...Object.keys(apiVariables.shape), ...Object.keys(workerVariables.shape)])
  expect(documented.toSorted()).toEqual([...read].toSorted())
})

test.each(globSync('docs/adr/[0-9]*.md', { cwd: root }))('%s has the sections of a decision record', (path) => {
  const text = readFileSync(join(root, path), 'utf8')
  const [, number = ''] = /^# (\d+)\. .+\n\nStatus: .+\n\n/.exec(text) ?? []
  expect(basename(path).slice(0, 5)).toBe(`${number.padStart(4, '0')}-`)
  const required = ['## Context', '## Decision', '## Consequences']
  expect([required, [...required, '## Figures']]).toContainEqual(text.match(/^## .+$/gm))
})

test('README.md shows ten settings', () => {
  const [, section = ''] = readFileSync(join(root, 'README.md'), 'utf8').split('\n## Configuration\n')
  expect(section.match(/^\| `[A-Z_]+` /gm)).toHaveLength(10)
})
