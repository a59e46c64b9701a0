import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'

const root = join(import.meta.dirname, '../../..')
const pages = globSync(['*.md', 'docs/**/*.md', '.github/**/*.md'], {
  cwd: root,
  exclude: ['docs/site/{node_modules,pages}/**'],
})
const code = globSync('{src,test,bench,scripts}/**/*.{ts,lua,mjs}', { cwd: root })
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
  const text = read(page).replaceAll(/^```[^]*?^```$|`[^`\n]*`/gm, '')
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

test.each(pages)('%s names files of the code that exist', (page) => {
  const named = Array.from(read(page).matchAll(/`([\w./-]+\.(?:ts|lua|mjs))`/g), ([, name = '']) => name)
  const missing = named.filter((name) => !code.some((path) => path === name || path.endsWith(`/${name}`)))
  expect(missing).toEqual([])
})

test("the newcomer's walk in docs/architecture.md names at most 25 files, and all exist", () => {
  const [, walk = ''] = /<!-- walk -->([^]*)<!-- \/walk -->/.exec(read('docs/architecture.md')) ?? []
  const files = Array.from(walk.matchAll(/^\| `([^`]+)` /gm), ([, file = '']) => file)
  expect(files.length).toBeGreaterThan(15)
  expect(files.length).toBeLessThanOrEqual(25)
  expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([])
})

test('docs/architecture.md names every folder of src/queue, src/api and src/worker, and no other', () => {
  const [, section = ''] = read('docs/architecture.md').split('\n## Folders\n')
  const [tree = ''] = section.split('\nImports go one way')
  for (const wing of ['queue', 'api', 'worker']) {
    const [, lines = ''] = new RegExp(`^      ${wing}/ .*\\n((?: {8}.*\\n)*)`, 'm').exec(tree) ?? []
    const named = Array.from(lines.matchAll(/(?<=^ {8}(?:[\w-]+\/ )*)[\w-]+(?=\/)/gm), ([name]) => name)
    const folders = globSync(`src/${wing}/*`, { cwd: root, withFileTypes: true }).filter((entry) => entry.isDirectory())
    expect(named.toSorted(), wing).toEqual(folders.map(({ name }) => name).toSorted())
  }
})
