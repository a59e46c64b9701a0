import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findPhrases } from './language/phrases.ts'

/** Reports words that the project does not use, with what to write instead. docs/glossary.md has the words that it uses. */

/** What is checked. The list grows; nothing leaves it. */
const paths = [
  'README.md',
  '{AGENTS,CHANGELOG,CONTRIBUTING,SECURITY}.md',
  '.github/**/*.{md,yml}',
  'docs/**/*.md',
  '{.env.example,Dockerfile,docker-compose.yml,docker-compose.dev.yml}',
  'deploy/**/*.yaml',
  'src/environment.ts',
  'src/environment/*.ts',
  'src/{api,jobs,worker}/**/*.ts',
  'openapi.yaml',
  'src/queue/{admission,events,flows,maintenance,model,redis,webhooks}/**/*.{ts,lua}',
  'src/queue/store/{cancel-and-retry,idempotency-keys,job-index,job-output,job-queue,read-many,remove-job}.ts',
  // Not schedule-record.ts, which has a word in a stored name.
  'src/queue/schedules/{schedule-store,scheduler,ticks,cron-expression,local-clock}.ts',
  'src/queue/{schedules,store}/lua/*.lua',
]

const root = join(import.meta.dirname, '..')
for (const path of globSync(paths, { cwd: root }).toSorted()) {
  for (const { line, text, say } of findPhrases(readFileSync(join(root, path), 'utf8'))) {
    console.error(`${path}:${line}: "${text}", write ${say}`)
    process.exitCode = 1
  }
}
