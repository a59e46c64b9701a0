import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'

const root = join(import.meta.dirname, '../../..')
const pages = globSync(['*.md', 'docs/**/*.md', '.github/**/*.md'], { cwd: root })
const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** The anchors of a page, as forges make them from its headings. */
function anchors(page: string): Set<string> {
  const headings = page.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm)
  return new Set(Array.from(headings, ([, title = '']) => slug(title)))
}

function slug(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}

test.each(pages)('%s links to pages and headings that exist', (page) => {
  const text = read(page).replaceAll(/^```[^]*?^```$/gm, '')
  const links = Array.from(text.matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target)
  const broken = links
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => {
      const [file = '', anchor] = target.split('#')
      const path = file === '' ? page : join(dirname(page), file)
      return !existsSync(join(root, path)) || (anchor !== undefined && !anchors(read(path)).has(anchor))
    })
  expect(broken).toEqual([])
})

test.each(pages)('%s names npm scripts that exist', (page) => {
  const { scripts } = z.object({ scripts: z.record(z.string(), z.string()) }).parse(JSON.parse(read('package.json')))
  const named = Array.from(read(page).matchAll(/npm run (?:-s )?([a-z][\w:-]*)/g), ([, name = '']) => name)
  expect(named.filter((name) => !(name in scripts))).toEqual([])
})
