import { readFile, writeFile } from 'node:fs/promises'
import { generateOpenapi } from '../src/api/generate-openapi.ts'

/** Writes openapi.yaml, or with `--check` says whether it is what the code serves. */
const file = new URL('../openapi.yaml', import.meta.url)
const text = await generateOpenapi()
if (!process.argv.includes('--check')) await writeFile(file, text)
else if ((await readFile(file, 'utf8')) !== text) {
  console.error('openapi.yaml is not what the code serves: run `npm run openapi` and look at the difference')
  process.exitCode = 1
}
