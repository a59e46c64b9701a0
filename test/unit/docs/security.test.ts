import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const sections = readFileSync(join(root, 'docs/security.md'), 'utf8').split(/^## /m).slice(1)

test('docs/security.md answers each of the ten', () => {
  expect(sections.map((section) => section.split(' ', 1)[0])).toEqual(
    Array.from({ length: 10 }, (_, n) => `API${n + 1}`),
  )
  for (const section of sections) expect(section).toMatch(/^- Shown by [^]+^- Yours: /m)
})

test('the tests that docs/security.md names are there, under the words that it quotes', () => {
  // A file, and behind it what some of its tests are called.
  const named = sections.flatMap((section) =>
    Array.from(
      section.replaceAll(/\s+/g, ' ').matchAll(/`(test\/[^`]+)`((?:,? “[^”]+”)*)/g),
      ([, file = '', titles = '']) => ({
        file,
        titles: Array.from(titles.matchAll(/“([^”]+)”/g), ([, title = '']) => title),
      }),
    ),
  )
  expect(named.length).toBeGreaterThan(20)
  for (const { file, titles } of named) {
    expect(existsSync(join(root, file)), file).toBe(true)
    const text = readFileSync(join(root, file), 'utf8')
    for (const title of titles) expect(text.includes(title), `${file}: ${title}`).toBe(true)
  }
})
