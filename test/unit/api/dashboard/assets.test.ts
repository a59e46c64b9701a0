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

test('a build that failed is tried again, and one that did not is kept', async () => {
  expect(await assets.built()).toBe(await assets.built())
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
