import { globSync } from 'node:fs'
import { resolve } from 'node:path'
import { defineConfig } from 'vitepress'
import { sidebarOf } from '../sidebar.ts'
import { adaptMarkdown } from './source-links.ts'

const srcDir = resolve(import.meta.dirname, '../pages')
const written = globSync('docs/*.md', { cwd: srcDir }).map((path) => path.replace(/\.md$/, ''))

/** The pages are those of the repository: README.md, docs/ and the READMEs of examples/, which scripts/docs-site.ts copies. */
export default defineConfig({
  title: 'Drover',
  description: 'Background jobs over HTTP: one TypeScript file per job type, one REST call to run it.',
  srcDir,
  outDir: resolve(import.meta.dirname, '../dist'),
  cacheDir: resolve(import.meta.dirname, 'cache'),
  rewrites: { 'README.md': 'index.md' },
  markdown: { config: adaptMarkdown },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    sidebar: sidebarOf(written.toSorted()),
    nav: [
      { text: 'Examples', link: '/examples/README' },
      { text: 'REST API', link: '/docs/site/rest-api' },
      { text: 'Changes', link: '/CHANGELOG' },
    ],
  },
})
