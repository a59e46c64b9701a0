import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import operations from '../../../docs/site/operations.data.ts'
import { pages, sidebarOf } from '../../../docs/site/sidebar.ts'

const root = join(import.meta.dirname, '../../..')

test('every entry of the sidebar is a page, and a page without a place of its own is at the end', () => {
  for (const page of pages) expect(readFileSync(join(root, `${page}.md`), 'utf8')).toMatch(/^# /m)
  const sidebar = sidebarOf(['docs/flows', 'docs/new-page'])
  expect(sidebar.at(-1)).toMatchObject({ text: 'More', items: [{ text: 'new page', link: '/docs/new-page' }] })
  expect(sidebarOf(['docs/flows'])).toHaveLength(sidebar.length - 1)
})

test('links between pages lead to pages: VitePress has no folders', () => {
  const broken = pages.flatMap((page) => {
    const text = readFileSync(join(root, `${page}.md`), 'utf8').replaceAll(/^```[^]*?^```/gm, '')
    return Array.from(text.matchAll(/\]\(((?!https?:)[\w./-]+)\/?\)/g), ([, to = '']) => to)
      .filter((to) => !/\.\w+$/.test(to) && !/(^|\/)LICENSE$/.test(to))
      .filter((to) => globSync(`${join(root, page, '..', to)}/README.md`).length > 0)
      .map((to) => `${page}: ${to}`)
  })
  expect(broken).toEqual([])
})

test('no page has what VitePress takes for a template of Vue outside of code', () => {
  const all = [...pages, ...globSync('docs/adr/*.md', { cwd: root }).map((path) => path.replace(/\.md$/, ''))]
  const broken = all
    .filter((page) => page !== 'docs/site/rest-api')
    .flatMap((page) => {
      const text = readFileSync(join(root, `${page}.md`), 'utf8')
        .replaceAll(/^ *```[^]*?^ *```/gm, '')
        .replaceAll(/^ {4}.*$/gm, '')
        .replaceAll(/(`+)[^]*?\1/g, '')
        .replaceAll(/<!--[^]*?-->/g, '')
      return Array.from(
        text.matchAll(/\{\{|<(?!https?:)[A-Za-z]/g),
        ({ index }) => `${page}: ${text.slice(index, index + 40)}`,
      )
    })
  expect(broken).toEqual([])
})

test('the page of the REST API has each operation of openapi.yaml', { timeout: 120_000 }, () => {
  const paths = readFileSync(join(root, 'openapi.yaml'), 'utf8').matchAll(/^ {2}(\/[^:]*):$/gm)
  const shown = operations.load().flatMap((group) => group.operations)
  expect(new Set(shown.map(({ path }) => path))).toEqual(new Set(Array.from(paths, ([, path]) => path)))
  expect(shown.filter(({ summary, answers }) => summary === '' || answers.length === 0)).toEqual([])
})
