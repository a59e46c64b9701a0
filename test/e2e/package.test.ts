import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import { read, send, submit } from '../helpers/client.ts'
import { keyPrefix } from '../helpers/key-prefix.ts'
import { installDrover, type NpmPackage, packDrover } from '../helpers/npm-package.ts'
import { waitFor } from '../helpers/wait-for.ts'

const root = join(import.meta.dirname, '../..')

let drover: NpmPackage
beforeAll(async () => {
  drover = await packDrover()
}, 300_000)
afterAll(() => rm(dirname(drover.tarball), { recursive: true }))

/** A project in a folder of its own, with Drover installed. npm init writes such a package.json. */
async function project(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-project-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await installDrover(drover, folder)
  const manifest = JSON.stringify({ name: 'project', version: '1.0.0', main: 'index.js', type: 'commonjs' })
  for (const [path, text] of Object.entries({ 'package.json': manifest, ...files })) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  return folder
}

/** Runs the command `drover` of a project. Ends with its test. */
function start(folder: string, args: string[]) {
  const child = spawn(join(folder, 'node_modules/.bin/drover'), args, {
    cwd: folder,
    env: { PATH: process.env['PATH'], REDIS_URL: inject('redisUrl'), KEY_PREFIX: keyPrefix(), PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  createInterface(child.stdout).on('line', (line) => lines.push(line))
  const ended = once(child, 'close')
  onTestFinished(async () => {
    child.kill('SIGTERM')
    await ended
  })
  return {
    child,
    ended,
    printed: (text: string) =>
      waitFor(text, () => lines.find((line) => line.includes(text)), Boolean, { withinMs: 90_000 }),
  }
}

const greet = (greeting: string) => `
import { defineJob } from 'drover'
import { setTimeout } from 'node:timers/promises'
import { decorate } from 'decoration'
import { z } from 'zod'
import { mark } from './lib/mark.ts'

export default defineJob({
  type: 'greet',
  title: 'Greet somebody',
  runsOn: 'process',
  input: z.object({ name: z.string(), after_ms: z.int().default(0) }),
  output: z.object({ text: z.string() }),
  async run({ name, after_ms }, job) {
    job.progress(0.5)
    await setTimeout(after_ms)
    return { text: decorate('${greeting} ' + name) + mark }
  },
})`

const client = `
import { createClient, type JobsOf } from 'drover/client'
import type greet from '../greet.ts'

const client = createClient<JobsOf<typeof greet>>({ url: 'http://127.0.0.1:3000' })
export const greeting = async (): Promise<string> => (await client.jobs.run('greet', { name: 'Ada' })).text`

/** A package that only the folder of job files has, and that brings a Zod of its own. */
const decoration = {
  'jobs/lib/mark.ts': "export const mark: string = '!'",
  'jobs/node_modules/decoration/package.json': '{ "name": "decoration", "version": "1.0.0", "exports": "./index.js" }',
  'jobs/node_modules/decoration/index.js': `
    const zod = require('zod')
    exports.decorate = (text) => '<' + text + '>' + zod.owner`,
  'jobs/node_modules/decoration/index.d.ts': 'export function decorate(text: string): string',
  'jobs/node_modules/decoration/node_modules/zod/index.js': "exports.owner = 'decoration'",
}

test('the package has the code as JavaScript, what the code reads, and nothing else', () => {
  const paths = drover.files.map(({ path }) => path)
  const texts = [
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'bin/drover',
    'bin/heap-limit.sh',
    'openapi.yaml',
    'package.json',
  ]
  expect(paths.filter((path) => !/^(dist|templates|sdk\/python)\//.test(path)).toSorted()).toEqual(texts)
  expect(paths.filter((path) => path.startsWith('templates/'))).toHaveLength(9)
  expect(paths.filter((path) => path.startsWith('sdk/'))).toEqual(['sdk/python/drover_job.py'])

  const sources = globSync('**/*.*', { cwd: join(root, 'src'), exclude: ['dashboard/tsconfig.json'] })
  const built = sources
    .filter((path) => !path.endsWith('.d.ts'))
    .map((path) => (path.startsWith('dashboard/') ? path : path.replace(/\.ts$/, '.js')))
  const declared = paths.filter((path) => path.endsWith('.d.ts'))
  expect(paths.filter((path) => path.startsWith('dist/') && !path.endsWith('.d.ts')).toSorted()).toEqual(
    built.map((path) => `dist/${path}`).toSorted(),
  )
  expect(declared).toContain('dist/jobs/define-job.d.ts')
  expect(declared.length).toBeLessThan(100)
  // docs/package.md states it.
  expect(drover.size).toBeLessThan(1_000_000)
})

test('an editor of a project knows the types of a job file, and its mistakes', { timeout: 180_000 }, async () => {
  const tsconfig = {
    module: 'nodenext',
    target: 'esnext',
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
  }
  const folder = await project({
    ...decoration,
    'tsconfig.json': JSON.stringify({ compilerOptions: { ...tsconfig, types: ['node'] }, include: ['jobs'] }),
    'jobs/greet.ts': greet('hello'),
    'jobs/lib/client.ts': client,
    'jobs/wrong.ts': greet('hello')
      .replace("runsOn: 'process'", "runsOn: 'fiber'")
      .replace('text: decorate', 'text: 1 + decorate.length, x: name.size'),
  })
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { stdout } = spawnSync(process.execPath, [tsc, '--pretty', 'false'], { cwd: folder, encoding: 'utf8' })
  const mistakes = stdout.split('\n').filter((line) => line.includes('error TS'))
  expect(mistakes.map((line) => line.split('(')[0])).toEqual(mistakes.map(() => 'jobs/wrong.ts'))
  expect(stdout).toContain(`'"fiber"' is not assignable to type`)
  expect(stdout).toContain(`Property 'size' does not exist on type 'string'`)
})

test('drover dev runs the job files of a project and loads them again', { timeout: 240_000 }, async () => {
  const folder = await project({ ...decoration, 'jobs/greet.ts': greet('hello'), '.env': 'WORKER_QUEUES=cpu:2\n' })
  const { child, ended, printed } = start(folder, ['dev'])
  const url = /http:\S+/.exec((await printed('ready on')) ?? '')?.[0] ?? ''
  const first = await submit(url, 'greet', { name: 'Ada' }, { waitS: 50 })
  expect(first.body).toMatchObject({ state: 'succeeded', output: { text: '<hello Ada>decoration!' } })

  const page = await (await fetch(`${url}/dashboard`)).text()
  const script = await fetch(url + /\/dashboard\/assets\/\S+\/app\.js/.exec(page)?.[0])
  expect([script.status, script.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8'])
  expect(await send('GET', `${url}/openapi.json`)).toMatchObject({ status: 200, body: { openapi: '3.1.0' } })

  const running = await submit(url, 'greet', { name: 'Bob', after_ms: 3000 })
  await waitFor(
    'the job to run',
    () => read(url, running.body.id),
    ({ body }) => body.state === 'running',
    { withinMs: 60_000 },
  )
  await writeFile(join(folder, 'greet.new'), greet('good day'))
  await rename(join(folder, 'greet.new'), join(folder, 'jobs/greet.ts'))
  await printed('loaded; jobs that run in the previous workers end there')
  const later = await submit(url, 'greet', { name: 'Ada' }, { waitS: 50 })
  expect(later.body.output).toEqual({ text: '<good day Ada>decoration!' })
  expect((await read(url, running.body.id, 50)).body).toMatchObject({
    attempt: 1,
    output: { text: '<hello Bob>decoration!' },
  })

  child.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
})

/** An end-to-end test of a project. */
const stackTest = `
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testStack } from 'drover/testing'
import { z } from 'zod'
import wordCount from './word-count.ts'

test('the job runs over HTTP', async () => {
  await using stack = await testStack()
  const { state, output, error } = await stack.run(wordCount, { url: stack.url + '/livez' })
  assert.deepEqual([state, error], ['succeeded', null])
  const words: number | undefined = output?.words
  assert.ok(Number(words) > 0)
})
`

test('drover init makes a project whose tests pass, and which runs', { timeout: 240_000 }, async () => {
  const folder = await project({})
  const env = {
    ...process.env,
    REDIS_URL: inject('redisUrl'),
    EGRESS_ALLOW_CIDRS: '127.0.0.0/8',
    NODE_TEST_CONTEXT: undefined,
  }
  const run = (command: string, ...args: string[]) => spawnSync(command, args, { cwd: folder, encoding: 'utf8', env })
  const bin = join(folder, 'node_modules/.bin/drover')
  const { stdout } = run(bin, 'init')
  expect(stdout).toMatch(/^wrote jobs\/word-count\.ts$/m)
  expect(stdout).toMatch(/npm install && npm test && npm run dev\n$/)
  const manifest: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  expect(manifest).toMatchObject({
    name: 'project',
    type: 'module',
    scripts: { dev: 'drover dev', test: 'node --test' },
  })

  await writeFile(join(folder, 'jobs/stack.test.ts'), stackTest)
  const tests = run(process.execPath, '--test')
  expect(tests.stdout, tests.stderr).toMatch(/pass 4\n/)
  expect(run(process.execPath, join(root, 'node_modules/typescript/bin/tsc'))).toMatchObject({ status: 0, stdout: '' })
  expect(run(bin, 'check').stdout).toMatch(/^word-count +io +event-loop +jobs\/word-count\.ts$/m)

  await writeFile(join(folder, 'jobs/word-count.ts'), 'mine')
  expect(run(bin, 'init').stdout).toMatch(/^kept  jobs\/word-count\.ts$/m)
  expect(await readFile(join(folder, 'jobs/word-count.ts'), 'utf8')).toBe('mine')
})
