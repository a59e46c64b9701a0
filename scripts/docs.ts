import { writeFile } from 'node:fs/promises'
import { renderPages } from './docs/render-pages.ts'

/** Renews the generated parts of README.md and docs/, or with `--check` reports the pages that are out of date. */
for (const { path, stored, rendered } of renderPages()) {
  if (stored === rendered) continue
  if (!process.argv.includes('--check')) await writeFile(new URL(`../${path}`, import.meta.url), rendered)
  else {
    console.error(`${path} is out of date: run \`npm run docs\` and review the difference`)
    process.exitCode = 1
  }
}
