import type { BuiltAssets } from './assets.ts'

/** The page runs and shows what this API serves, nothing else; styles that scripts set by the CSSOM need no exception. */
export const dashboardPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Where the files of this build are: their names change with their contents. */
const assetPath = (hash: string, name: string): string => `/dashboard/assets/${hash}/${name}`

/** What only the overview needs. It is loaded when a chart is shown. */
const loadedLater = new Set(['uplot.js'])

/** What stays where the scripts are not found, as those of another version during a rolling update. style.css shows it after some seconds. */
const notOpened =
  '<p class="not-opened">The dashboard did not open. The server may be changing its version: <a href="">reload the page</a>.</p>'

/** The page of every view. It holds no data: the scripts ask `/v1` for it, with the key of the reader. */
export function pageOf({ hash, files }: BuiltAssets): string {
  const url = (name: string) => assetPath(hash, name)
  const scripts = [...files.keys()].filter((name) => name.endsWith('.js') && !loadedLater.has(name))
  const sheets = [...files.keys()].filter((name) => name.endsWith('.css'))
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Drover</title>
<link rel="icon" href="${url('icon.svg')}">
${sheets.map((name) => `<link rel="stylesheet" href="${url(name)}">`).join('\n')}
${scripts.map((name) => `<link rel="modulepreload" href="${url(name)}">`).join('\n')}
<script type="module" src="${url('app.js')}"></script>
</head>
<body>
<div id="app">${notOpened}</div>
<noscript><p>The dashboard needs JavaScript. The API and the command line do not: see <a href="/docs">its reference</a>.</p></noscript>
</body>
</html>
`
}
