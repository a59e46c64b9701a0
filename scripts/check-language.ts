import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findPhrases } from './language/phrases.ts'

/** Reports words that the project does not use, with what to write instead. docs/glossary.md has the words that it uses. */

/** What is checked: everything that people read. */
const paths = [
  '*.md',
  '.github/**/*.{md,yml}',
  'docs/**/*.md',
  'examples/**/*.{md,ts}',
  'openapi.yaml',
  '{.env.example,Dockerfile,docker-compose.yml,docker-compose.dev.yml}',
  'deploy/**/*.yaml',
  '.ci/*',
  '*.ts',
  'src/**/*.{ts,lua}',
  'bench/**/*.ts',
  'scripts/**/*.{ts,mjs,sh}',
  'test/**/*.ts',
]

const exclude = [
  'docs/site/{node_modules,pages}/**',
  // They are about these words.
  'scripts/language/phrases.ts',
  'test/unit/docs/language.test.ts',
  // They have the name of a field that is stored in Redis.
  'src/queue/schedules/schedule-record.ts',
  'test/unit/queue/schedules/schedule-record.test.ts',
]

const root = join(import.meta.dirname, '..')
for (const path of globSync(paths, { cwd: root, exclude }).toSorted()) {
  for (const { line, text, say } of findPhrases(readFileSync(join(root, path), 'utf8'))) {
    console.error(`${path}:${line}: "${text}", write ${say}`)
    process.exitCode = 1
  }
}
