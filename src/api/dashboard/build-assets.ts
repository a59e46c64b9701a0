import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants } from 'node:zlib'
import { bundle } from './bundle.ts'

// A process that ends with its work: stripping types and compressing take 40 MB, which a thread would leave to the API.

/** A file that browsers load, as it is and compressed, both in base64. */
interface BuiltAsset {
  name: string
  type: string
  body: string
  brotli: string
}

export interface Assets {
  /** Changes with the contents of any of them. */
  hash: string
  files: BuiltAsset[]
}

const source = fileURLToPath(new URL('../../dashboard/', import.meta.url))
const script = 'text/javascript; charset=utf-8'
const sheet = 'text/css; charset=utf-8'

const packageText = (specifier: string) => readFileSync(fileURLToPath(import.meta.resolve(specifier)), 'utf8')

/** What the code imports from packages, and the names by which browsers find it: they resolve paths only. */
const packageFiles: Record<string, { name: string; text: () => string }> = {
  preact: { name: 'preact.js', text: () => packageText('preact') },
  'preact/hooks': { name: 'hooks.js', text: () => packageText('preact/hooks') },
  htm: { name: 'htm.js', text: () => packageText('htm') },
  'htm/preact': { name: 'htm-preact.js', text: () => packageText('htm/preact') },
  uplot: { name: 'uplot.js', text: () => `${packageText('uplot/dist/uPlot.iife.min.js')}\nexport default uPlot\n` },
}

const urls = Object.fromEntries(Object.entries(packageFiles).map(([specifier, { name }]) => [specifier, `./${name}`]))

/** Replaces the names of packages in imports by the paths of what is served. */
function withUrls(code: string): string {
  return code.replaceAll(
    /(\bfrom ?|\bimport\()(['"])([^'".][^'"]*)\2/g,
    (whole, before: string, _, specifier: string) => {
      const url = urls[specifier]
      return url === undefined ? whole : `${before}'${url}'`
    },
  )
}

/** The modules of the dashboard as one, without types, comments and indentation. */
function application(): string {
  const paths = globSync('**/*.ts', { cwd: source }).toSorted()
  const modules = paths.map((path): [string, string] => [path, javaScriptOf(readFileSync(join(source, path), 'utf8'))])
  return withUrls(bundle(new Map(modules), urls, 'app.ts'))
}

function javaScriptOf(typeScript: string): string {
  return stripTypeScriptTypes(typeScript)
    .replaceAll(/^ *(\/\/|\/?\*).*\n/gm, '')
    .replaceAll(/^ +| +$/gm, '')
    .replaceAll(/\n\n+/g, '\n')
}

function buildAssets(): Assets {
  const texts: [name: string, type: string, text: string][] = [
    ['pico.css', sheet, packageText('@picocss/pico/css/pico.min.css')],
    ['uplot.css', sheet, packageText('uplot/dist/uPlot.min.css')],
    ['style.css', sheet, readFileSync(join(source, 'style.css'), 'utf8').replaceAll(/^ +/gm, '')],
    ['icon.svg', 'image/svg+xml', readFileSync(join(source, 'icon.svg'), 'utf8')],
    ...Object.values(packageFiles).map(({ name, text }): [string, string, string] => [name, script, withUrls(text())]),
    ['app.js', script, application()],
  ]
  const hash = createHash('sha256').update(JSON.stringify(texts)).digest('base64url').slice(0, 12)
  return { hash, files: texts.map(([name, type, text]) => compressed(name, type, Buffer.from(text))) }
}

function compressed(name: string, type: string, body: Buffer): BuiltAsset {
  const params = {
    // 10 takes a third of the time of 11 for 3 % more bytes.
    [constants.BROTLI_PARAM_QUALITY]: 10,
    [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
    [constants.BROTLI_PARAM_SIZE_HINT]: body.length,
  }
  const brotli = brotliCompressSync(body, { params })
  return { name, type, body: body.toString('base64'), brotli: brotli.toString('base64') }
}

process.stdout.write(JSON.stringify(buildAssets()))
