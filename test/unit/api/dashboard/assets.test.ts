import { brotliDecompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { DashboardAssets } from '../../../../src/api/dashboard/assets.ts'
import { bundle } from '../../../../src/api/dashboard/bundle.ts'
import { pageOf } from '../../../../src/api/dashboard/page.ts'

const assets = new DashboardAssets()

test('all files of the dashboard together take at most 90 KB compressed', async () => {
  const files = [...(await assets.built()).files.values()]
  expect(files.reduce((sum, { brotli }) => sum + brotli.length, 0)).toBeLessThanOrEqual(90_000)
  for (const { body, brotli } of files) expect(brotliDecompressSync(brotli)).toEqual(Buffer.from(body))
})

test('the page and its scripts load nothing from elsewhere, and nothing inline', async () => {
  const built = await assets.built()
  const page = pageOf(built)
  expect(page).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=|style=|https?:/)
  const application = Buffer.from(built.files.get('app.js')?.body ?? []).toString()
  const sources = Array.from(application.matchAll(/(?:\bfrom |\bimport\()'([^']+)'/g), ([, source = '']) => source)
  expect(sources).toContain('./htm-preact.js')
  expect(sources.filter((source) => !built.files.has(source.replace(/^\.\//, '')))).toEqual([])
  // htm and Preact set what they are given as text; these would not.
  expect(application).not.toMatch(
    /dangerouslySetInnerHTML|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function/,
  )
})

test('a build that failed is tried again after a pause that doubles, and one that did not is kept', async () => {
  let now = 0
  let builds = 0
  const built = { hash: 'a', files: new Map() }
  const build = () => (++builds < 3 ? Promise.reject(new Error('out of memory')) : Promise.resolve(built))
  const failing = new DashboardAssets(build, () => now)
  for (const [at, expected] of [
    [0, 1],
    [999, 1],
    [1000, 2],
    [2999, 2],
  ] as const) {
    now = at
    await expect(failing.built()).rejects.toThrow('out of memory')
    expect(builds).toBe(expected)
  }
  now = 3000
  expect(await failing.built()).toBe(built)
  now = 1_000_000
  expect(await failing.built()).toBe(built)
  expect(builds).toBe(3)
})

test('the page has a text for browsers that do not find its scripts, which they replace', async () => {
  const built = await assets.built()
  expect(pageOf(built)).toMatch(/<div id="app"><p class="not-opened">.*reload the page/)
  expect(Buffer.from(built.files.get('style.css')?.body ?? []).toString()).toContain('.not-opened')
})

test('a bundle runs each module once, after those that it imports', async () => {
  const modules = new Map([
    [
      'app.ts',
      `import { add } from './parts/add.ts'\nimport { count, next as step } from './count.ts'\nstep()\nglobalThis.bundled = add(count(), 40)\n`,
    ],
    ['parts/add.ts', `import { next } from '../count.ts'\nnext()\nexport const add = (a, b) => a + b\n`],
    ['count.ts', `let n = 0\nexport function count() {\nreturn n\n}\nexport const next = () => n++\n`],
  ])
  const code = bundle(modules, {}, 'app.ts')
  await import(`data:text/javascript,${encodeURIComponent(code)}`)
  expect(Reflect.get(globalThis, 'bundled')).toBe(42)
  Reflect.deleteProperty(globalThis, 'bundled')
})

test.each([
  ['a circle', { 'app.ts': `import { a } from './a.ts'\n`, 'a.ts': `import { b } from './app.ts'\n` }],
  ['a file that is missing', { 'app.ts': `import { a } from './a.ts'\n` }],
  ['a package that is not served', { 'app.ts': `import { a } from 'a'\n` }],
  ['a default export', { 'app.ts': `export default 1\n` }],
])('a bundle with %s is refused', (_, modules) => {
  expect(() => bundle(new Map(Object.entries(modules)), {}, 'app.ts')).toThrow(/a\.ts|app\.ts|dashboard/)
})
