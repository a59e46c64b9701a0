import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
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
