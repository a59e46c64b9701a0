import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, globSync, rmSync } from 'node:fs'
import { join } from 'node:path'

// Renders the documentation as a site: docs/site/dist. VitePress is a package of docs/site, 100 MB that a plain `npm ci` does not need.
// With `--if-installed` nothing is installed.

const root = join(import.meta.dirname, '..')
const site = join(root, 'docs/site')
const vitepress = join(site, 'node_modules/vitepress/bin/vitepress.js')

/** Modules that pages become look for Vue in the folders above them: the pages are copied to where it is. */
const pages = join(site, 'pages')
const sources = ['*.md', 'docs/*.md', 'docs/{adr,images}/**', 'docs/site/*.{md,ts}', 'examples/**/*.md', 'openapi.yaml']

if (existsSync(vitepress)) render()
else if (process.argv.includes('--if-installed'))
  console.log('npm run docs:site renders the site, and installs what that needs')
else if (run('npm', ['ci'])) render()

function render(): void {
  rmSync(pages, { recursive: true, force: true })
  for (const path of globSync(sources, { cwd: root, exclude: ['AGENTS.md'] }))
    cpSync(join(root, path), join(pages, path), { recursive: true })
  if (run(process.execPath, [vitepress, 'build'])) console.log('docs/site/dist has the site')
}

/** Runs a command in docs/site. @returns whether it succeeded */
function run(command: string, args: string[]): boolean {
  const { status } = spawnSync(command, args, { cwd: site, stdio: 'inherit' })
  process.exitCode = status ?? 1
  return status === 0
}
