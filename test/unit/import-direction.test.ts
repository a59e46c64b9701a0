import { globSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { expect, test } from 'vitest'

// Which part of src may know which. A new part has to be entered here before anything may be imported from it or by it.

interface Rule {
  /** Parts of src whose files it may import, besides its own. */
  parts: string[]
  /** Packages that it may import; all but those of the queue where absent. */
  packages?: string[]
}

const rules: Record<string, Rule> = {
  jobs: { parts: [], packages: ['zod'] },
  queue: { parts: ['jobs'] },
  'allowed-address': { parts: [], packages: ['ipaddr.js'] },
  environment: { parts: ['jobs', 'queue', 'allowed-address'] },
  logger: { parts: [] },
  lifecycle: { parts: [] },
  boot: { parts: ['jobs', 'queue', 'environment'] },
  metrics: { parts: ['queue'], packages: ['@prometheus-io/client'] },
  api: { parts: ['jobs', 'queue', 'environment', 'logger', 'lifecycle', 'boot', 'metrics'] },
  worker: { parts: ['jobs', 'queue', 'allowed-address', 'environment', 'logger', 'lifecycle', 'boot', 'metrics'] },
  dev: { parts: ['environment', 'lifecycle'] },
}

/** Only src/queue knows that there is a Redis. */
const queuePackages = ['bullmq', 'ioredis']

interface Import {
  specifier: string
  /** An `import()`, which loads nothing before it is called. */
  dynamic: boolean
}

/** The imports of a file in our format, where each statement starts a line. */
function importsOf(source: string): Import[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '')
  const statements = code.matchAll(/^(?:import|export)\b(?:[^'"`;=]*?\bfrom)?\s*['"]([^'"]+)['"]/gm)
  const calls = code.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g)
  return [
    ...Array.from(statements, ([, specifier = '']) => ({ specifier, dynamic: false })),
    ...Array.from(calls, ([, specifier = '']) => ({ specifier, dynamic: true })),
  ]
}

/** The part of src that a path like `src/jobs/registry.ts` or `src/lifecycle.ts` belongs to. */
function partOf(path: string): string {
  return path.split('/')[1]?.replace(/\.ts$/, '') ?? ''
}

/** What a file of src imports against the rules, in words. */
function violations(path: string, source: string): string[] {
  const part = partOf(path)
  const rule = rules[part]
  if (rule === undefined) return [`${path}: the rules do not know the part "${part}"`]
  return importsOf(source)
    .filter((one) => !isAllowed(path, part, rule, one))
    .map(({ specifier }) => `${path} imports ${specifier}`)
}

function isAllowed(path: string, part: string, rule: Rule, { specifier, dynamic }: Import): boolean {
  if (specifier.startsWith('node:')) return true
  if (specifier.startsWith('.')) {
    const target = posix.normalize(posix.join(posix.dirname(path), specifier))
    return target.startsWith('src/') && [part, ...rule.parts].includes(partOf(target))
  }
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  if (queuePackages.includes(name)) return part === 'queue'
  // A job may use any package, but loads it when it runs: the API reads the same file only to know the job.
  const loadsLate = dynamic && part === 'jobs'
  return rule.packages === undefined || rule.packages.includes(name) || loadsLate
}

test('every file of src imports only what its part may know', () => {
  const root = join(import.meta.dirname, '../..')
  const files = globSync('src/**/*.ts', { cwd: root })
  expect(files.length).toBeGreaterThan(10)
  const found = files.flatMap((file) => violations(file, readFileSync(join(root, file), 'utf8')))
  expect(found).toEqual([])
})

test.each([
  ['src/jobs/registry.ts', `import { Queue } from 'bullmq'`],
  ['src/jobs/registry.ts', `import type { JobQueue } from '../queue/job-queue.ts'`],
  ['src/jobs/registry.ts', `import { load } from 'cheerio'`],
  ['src/jobs/catalog/resize-image.ts', `import sharp from 'sharp'`],
  ['src/jobs/catalog/resize-image.ts', `  const { Redis } = await import('ioredis')`],
  ['src/queue/store/job-queue.ts', `import { problem } from '../../api/http/problem.ts'`],
  ['src/api/app.ts', `import {\n  executeJob,\n  type Executed,\n} from '../worker/execute-job.ts'`],
  ['src/api/jobs/submit-job.ts', `export type { Job } from 'bullmq'`],
  ['src/worker/main.ts', `import '../api/main.ts'`],
  ['src/worker/main.ts', `export * from '../dev/running.ts'`],
  ['src/worker/main.ts', `import { waitFor } from '../../test/helpers/wait-for.ts'`],
  ['src/dev/plan.ts', `import { connect } from '../queue/connection.ts'`],
  ['src/helpers/text.ts', ''],
])('%s may not say: %s', (path, source) => {
  expect(violations(path, source)).toHaveLength(1)
})

test.each([
  [
    'src/jobs/registry.ts',
    `import { z } from 'zod'\nimport { join } from 'node:path'\nimport { isJob } from './define-job.ts'`,
  ],
  ['src/jobs/catalog/resize-image.ts', `  const { default: sharp } = await import('sharp')`],
  ['src/queue/store/job-queue.ts', `import { Queue } from 'bullmq'\nimport type { Job } from '../jobs/define-job.ts'`],
  ['src/api/jobs/submit-job.ts', `import { problem } from '../http/problem.ts'`],
  [
    'src/jobs/module-hooks.ts',
    `/**\n * Lets a job file say\n * import { x } from 'cheerio'\n */\n// import { y } from 'sharp'`,
  ],
])('%s may say: %s', (path, source) => {
  expect(violations(path, source)).toEqual([])
})
