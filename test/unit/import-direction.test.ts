import { globSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { expect, test } from 'vitest'
import { packageHomes, rules } from './import-rules.ts'

interface Import {
  specifier: string
  /** An `import()`, which loads nothing before it is called. */
  dynamic: boolean
}

/** The imports of a file in our format, where each statement starts a line. Imports of types count. */
function importsOf(source: string): Import[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '')
  const statements = code.matchAll(/^(?:import|export)\b(?:[^'"`;=]*?\bfrom)?\s*['"]([^'"]+)['"]/gm)
  const calls = code.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g)
  return [
    ...Array.from(statements, ([, specifier = '']) => ({ specifier, dynamic: false })),
    ...Array.from(calls, ([, specifier = '']) => ({ specifier, dynamic: true })),
  ]
}

/** `src/jobs/registry.ts` → `jobs/registry`; undefined outside of src. */
function placeOf(path: string): string | undefined {
  return path.startsWith('src/') ? path.slice('src/'.length).replace(/\.ts$/, '') : undefined
}

function isIn(place: string, folder: string): boolean {
  return place === folder || place.startsWith(`${folder}/`)
}

/** The deepest folder (or file) with a rule that a place belongs to. */
function roomOf(place: string): string | undefined {
  const matching = Object.keys(rules).filter((folder) => isIn(place, folder))
  return matching.toSorted((a, b) => b.length - a.length)[0]
}

/** What a relative import leads to; undefined when that is not in src. */
function targetOf(path: string, specifier: string): string | undefined {
  return placeOf(posix.normalize(posix.join(posix.dirname(path), specifier)))
}

/** What a file of src imports against the rules, in words. */
function violations(path: string, source: string): string[] {
  const place = placeOf(path) ?? path
  const room = roomOf(place)
  if (room === undefined) return [`${path}: there is no rule for it`]
  return importsOf(source).flatMap((one) => violation(place, room, one, targetOf(path, one.specifier)) ?? [])
}

function violation(
  place: string,
  room: string,
  { specifier, dynamic }: Import,
  target: string | undefined,
): string | undefined {
  if (specifier.startsWith('node:')) return undefined
  const { imports = [], packages } = rules[room] ?? {}
  if (specifier.startsWith('.')) {
    const isAllowed = target !== undefined && (roomOf(target) === room || imports.some((one) => isIn(target, one)))
    if (!isAllowed) return `${place} imports ${specifier}`
    const closed = Object.entries(rules).find(
      ([folder, { doors }]) =>
        doors && isIn(target, folder) && !isIn(place, folder) && !doors.includes(target.slice(folder.length + 1)),
    )
    return closed && `${place} imports ${specifier}, which is no door of ${closed[0]}`
  }
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  const home = packageHomes[name]
  // A job may use any package, but loads it when it runs: the API reads the same file only to describe the job.
  const isLoadedLate = dynamic && room === 'jobs'
  const isAllowed = home === undefined ? !packages || packages.includes(name) || isLoadedLate : isIn(place, home)
  return isAllowed ? undefined : `${place} imports ${specifier}`
}

/** One cycle of a graph, first and last element the same; undefined when there is none. */
function cycleIn(graph: ReadonlyMap<string, ReadonlySet<string>>): string[] | undefined {
  const finished = new Set<string>()
  const visit = (node: string, path: string[]): string[] | undefined => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node]
    if (finished.has(node)) return undefined
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next, [...path, node])
      if (cycle) return cycle
    }
    finished.add(node)
    return undefined
  }
  for (const node of graph.keys()) {
    const cycle = visit(node, [])
    if (cycle) return cycle
  }
  return undefined
}

const root = join(import.meta.dirname, '../..')
const sources = new Map(
  globSync('src/**/*.ts', { cwd: root }).map((path) => [path, readFileSync(join(root, path), 'utf8')]),
)
const fileGraph = new Map(
  Array.from(sources, ([path, source]) => [
    placeOf(path) ?? path,
    new Set(
      importsOf(source).flatMap(({ specifier }) =>
        specifier.startsWith('.') ? (targetOf(path, specifier) ?? []) : [],
      ),
    ),
  ]),
)

test('every file of src imports only what its rule allows, through the doors', () => {
  expect(sources.size).toBeGreaterThan(10)
  expect([...sources].flatMap(([path, source]) => violations(path, source))).toEqual([])
})

test('no files of src import each other in a circle, types included', () => {
  expect(fileGraph.get('api/main')).toContain('api/app')
  expect(cycleIn(fileGraph)).toBeUndefined()
})

test('no folders with a rule import each other in a circle', () => {
  const rooms = new Map<string, Set<string>>()
  for (const [place, targets] of fileGraph) {
    const room = roomOf(place) ?? place
    const others = [...targets].map((target) => roomOf(target) ?? target).filter((other) => other !== room)
    rooms.set(room, new Set([...(rooms.get(room) ?? []), ...others]))
  }
  expect(rooms.get('api/jobs')).toContain('api/submission')
  expect(cycleIn(rooms)).toBeUndefined()
})

test('each rule and each door stands for something that is there', () => {
  const isThere = (place: string) => [...fileGraph.keys()].some((file) => isIn(file, place))
  const named = Object.entries(rules).flatMap(([folder, { imports, doors = [] }]) => [
    folder,
    ...imports,
    ...doors.map((door) => `${folder}/${door}`),
  ])
  expect([...named, ...Object.values(packageHomes)].filter((place) => !isThere(place))).toEqual([])
})

test.each([
  [{ a: ['b'], b: ['c'], c: [] }, undefined],
  [{ a: ['b'], b: ['c'], c: ['b'] }, ['b', 'c', 'b']],
  [{ a: ['b', 'c'], b: ['d'], c: ['d'], d: [] }, undefined],
  [{ a: [], b: ['b'] }, ['b', 'b']],
])('a cycle in %j is found', (graph, cycle) => {
  expect(cycleIn(new Map(Object.entries(graph).map(([from, to]) => [from, new Set(to)])))).toEqual(cycle)
})

test.each([
  ['src/jobs/registry.ts', `import { Queue } from 'bullmq'`],
  ['src/jobs/registry.ts', `import type { JobQueue } from '../queue/store/job-queue.ts'`],
  ['src/jobs/registry.ts', `import { load } from 'cheerio'`],
  ['src/jobs/catalog/resize-image.ts', `import sharp from 'sharp'`],
  ['src/jobs/catalog/resize-image.ts', `  const { Redis } = await import('ioredis')`],
  ['src/queue/store/job-queue.ts', `import { problem } from '../../api/http/problem.ts'`],
  ['src/queue/store/job-queue.ts', `import { Redis } from 'ioredis'`],
  ['src/queue/consume/settle-job.ts', `import { Queue } from 'bullmq'`],
  ['src/worker/main.ts', `import { RunningJob } from '../queue/consume/running-job.ts'`],
  ['src/queue/store/job-queue.ts', `import { openRedis } from '../redis/open-redis.ts'`],
  ['src/queue/model/job-id.ts', `import type { Keys } from '../redis/keys.ts'`],
  ['src/queue/flows/model/plan.ts', `import type { FlowStore } from '../flow-store.ts'`],
  ['src/queue/store/remove-job.ts', `import { WebhookOutbox } from '../webhooks/outbox.ts'`],
  ['src/api/flows/submit-flow.ts', `import { FlowStore } from '../../queue/flows/flow-store.ts'`],
  ['src/api/app.ts', `import {\n  executeJob,\n  type Executed,\n} from '../worker/execute-job.ts'`],
  ['src/api/jobs/submit-job.ts', `export type { Job } from 'bullmq'`],
  ['src/api/jobs/submit-job.ts', `import type { RouteDeps } from '../app.ts'`],
  ['src/api/jobs/submit-job.ts', `import { flowNotFound } from '../flows/find-flow.ts'`],
  ['src/api/http/problem.ts', `import { jsonResponse } from '../openapi/responses.ts'`],
  ['src/api/http/problem.ts', `import { JobQueue } from '../../queue/store/job-queue.ts'`],
  ['src/api/webhooks/list-deliveries.ts', `import { listJobs } from '../jobs/list-jobs.ts'`],
  ['src/api/app.ts', `import { submitJob } from './jobs/submit-job.ts'`],
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
  [
    'src/queue/consume/job-consumer.ts',
    `import { QueueWorker } from '../bullmq/queue-worker.ts'\nimport type { Job } from '../../jobs/define-job.ts'`,
  ],
  ['src/api/jobs/submit-job.ts', `import { problem } from '../http/problem.ts'`],
  ['src/api/jobs/submit-job.ts', `import { jobResource } from './job-resource.ts'`],
  ['src/api/webhooks/list-deliveries.ts', `import { jobPath } from '../jobs/find-job.ts'`],
  [
    'src/jobs/module-hooks.ts',
    `/**\n * Lets a job file say\n * import { x } from 'cheerio'\n */\n// import { y } from 'sharp'`,
  ],
])('%s may say: %s', (path, source) => {
  expect(violations(path, source)).toEqual([])
})
