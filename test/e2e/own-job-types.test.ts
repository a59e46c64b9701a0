import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { loadRegistry } from '../../src/jobs/registry.ts'
import { read, send, submit, watchToEnd } from '../helpers/client.ts'
import { spawnRole, startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

/** A folder outside of the repository, so that its files can only find what module-hooks.ts resolves. */
async function jobsDir(files: Record<string, string>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text)
  return dir
}

const greet = (type: string, runsOn: string) => `
  import { defineJob, PermanentError } from 'drover'
  import { z } from 'zod'

  interface Greeting { text: string }

  export default defineJob({
    type: '${type}',
    title: 'Greet somebody',
    runsOn: '${runsOn}',
    input: z.object({ name: z.string().trim().min(1), times: z.int().default(2) }),
    output: z.object({ greetings: z.array(z.string()) }),
    examples: [{ input: { name: 'Ada' } }],
    async *run({ name, times }, job) {
      if (name === 'nobody') throw new PermanentError('there is nobody to greet', { code: 'nobody' })
      const greetings: string[] = []
      for (let n = 1; n <= times; n++) {
        const greeting: Greeting = { text: 'hello ' + name }
        greetings.push(greeting.text)
        job.log('greeting ' + n)
        yield greeting
        job.progress(n / times)
      }
      return { greetings }
    },
  })`

test('one file in JOBS_DIR is a new job type, on each of the three executors', async () => {
  const kinds = ['event-loop', 'thread', 'process']
  const dir = await jobsDir(Object.fromEntries(kinds.map((kind) => [`greet-${kind}.ts`, greet(`greet-${kind}`, kind)])))
  const { api, workers } = await startStack({ env: { JOBS_DIR: dir, JOB_LOGS: 'stdout' } })
  for (const kind of kinds) {
    const type = `greet-${kind}`
    const described = await send('GET', `${api.url}/v1/job-types/${type}`)
    expect(described).toMatchObject({
      status: 200,
      body: { title: 'Greet somebody', runs_on: kind, queue: kind === 'event-loop' ? 'io' : 'cpu' },
    })
    const { body } = await submit(api.url, type, { name: ' Ada ' })
    const events = await watchToEnd(api.url, body.id, 0)
    const names = events.map(({ event }) => event).filter((event) => event !== 'state')
    expect(names, kind).toEqual(['snapshot', 'log', 'output', 'progress', 'log', 'output', 'progress', 'done'])
    expect(events.filter(({ event }) => event === 'output').map(({ data }) => data)).toEqual([
      { value: { text: 'hello Ada' }, index: 0, list: 1 },
      { value: { text: 'hello Ada' }, index: 1, list: 1 },
    ])
    const lines = async () => workers.flatMap(({ logs }) => logs.filter(({ job }) => job === body.id))
    const logged = await waitFor('the lines of the job', lines, (found) => found.length > 1)
    expect(logged).toMatchObject(
      [1, 2].map((n) => ({ from: 'job', msg: `greeting ${n}`, level: 30, type, attempt: 1 })),
    )
    expect(events.at(-1)?.data).toMatchObject({ state: 'succeeded', output: { greetings: ['hello Ada', 'hello Ada'] } })

    const refused = await submit(api.url, type, { name: '   ' })
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ pointer: '/input/name' }] } })
    const failed = await submit(api.url, type, { name: 'nobody' }, { attempts: 5, waitS: 10 })
    expect(failed.body).toMatchObject({
      state: 'failed',
      attempt: 1,
      error: { code: 'nobody', message: 'there is nobody to greet', retryable: false, attempt: 1 },
    })
  }
  const document = await send<Record<string, unknown>>('GET', `${api.url}/openapi.json`)
  expect(JSON.stringify(document.body)).toContain('#/components/schemas/SubmitGreetThread')
})

test('invalid definitions fail the boot, each with its file and the reason', async () => {
  const good = greet('good', 'thread')
  const dir = await jobsDir({
    'broken.ts': 'const fine = 1\nexport default {{{',
    'broken-script.mjs': 'const fine = 1\n\nexport default {{{',
    'imports.ts': `import './shared/broken.ts'`,
    'several.ts': good
      .replace("title: 'Greet somebody'", "title: '', retries: 3")
      .replace('z.int().default(2)', 'z.date()'),
    'duplicate.ts': greet('echo', 'thread'),
    'no-job.ts': 'export default 42',
    'throws.ts': 'throw new Error("not today")',
    'wrong-example.ts': good
      .replace("input: { name: 'Ada' }", 'input: { name: 7 }')
      .replace("'good'", "'wrong-example'"),
    'wrong-kind.ts': good.replace("runsOn: 'thread'", "runsOn: 'cloud'"),
    'notes.md': 'not a job',
  })
  await mkdir(join(dir, 'shared'))
  await writeFile(join(dir, 'shared', 'broken.ts'), 'export default {{{')
  for (const role of ['api', 'worker'] as const) {
    const env = { REDIS_URL: 'redis://127.0.0.1:1', JOBS_DIR: dir, DIAGNOSTIC_JOBS: '1' }
    const { role: started } = spawnRole(role, env)
    expect(await started.ended).toBe(1)
    const lines = started.stderr.filter((line) => line.startsWith(`drover ${role}: `)).join('\n')
    expect(lines).toMatch(/\/broken\.ts: \/.*\/broken\.ts:2:17: \S/)
    expect(lines).toMatch(/broken-script\.mjs: \/.*\/broken-script\.mjs:3:17: \S/)
    expect(lines).toMatch(/imports\.ts: \/.*\/shared\/broken\.ts:1:17: \S/)
    expect(lines).toMatch(/several\.ts: there is no option "retries": did you mean "attempts"\?/)
    expect(lines).toMatch(/several\.ts: title must be a text that is not empty/)
    expect(lines).toMatch(/several\.ts: input\.times: JSON has no value for z\.date\(\)/)
    expect(lines).toMatch(/duplicate\.ts: the type "echo" is already declared by .*echo\.ts/)
    expect(lines).toMatch(/no-job\.ts: its default export is not the result of defineJob\(\)/)
    expect(lines).toMatch(/throws\.ts: not today/)
    expect(lines).toMatch(/wrong-example\.ts: examples\[0\]\.input\.name: /)
    expect(lines).toMatch(/wrong-kind\.ts: runsOn must be/)
    expect(lines).not.toContain('notes.md')
  }
})

test('an unreadable folder fails the boot with the name of its variable', async () => {
  const { role } = spawnRole('api', { REDIS_URL: 'redis://127.0.0.1:1', JOBS_DIR: '/nowhere/at/all' })
  expect(await role.ended).toBe(1)
  expect(role.stderr).toEqual(['drover api: JOBS_DIR: "/nowhere/at/all" cannot be read (ENOENT)'])
})

test('a file that never finishes loading fails the boot and is named', async () => {
  const jobsDirectory = await jobsDir({ 'endless.ts': 'await new Promise(() => {})' })
  const loading = loadRegistry({ diagnosticJobs: false, jobsDir: jobsDirectory, loadTimeoutMs: 50 })
  await expect(loading).rejects.toThrow(/endless\.ts: did not load within 50 ms$/)
})

test.each([
  ['at once', 'process.exit(0)'],
  ['later, while a promise of the file is pending', 'setTimeout(process.exit, 20, 0); await new Promise(() => {})'],
])('a file that calls process.exit() %s fails the boot and is named', async (_, source) => {
  const dir = await jobsDir({ 'exits.ts': source })
  for (const name of ['api', 'worker'] as const) {
    const { role } = spawnRole(name, { REDIS_URL: 'redis://127.0.0.1:1', JOBS_DIR: dir })
    expect(await role.ended).toBe(1)
    expect(role.stderr).toEqual([`drover: ${join(dir, 'exits.ts')}: ended the process while it was being loaded`])
  }
})

test('a process that is stopped while a file loads does not blame the file', async () => {
  const dir = await jobsDir({ 'slow.ts': 'process.emit("SIGTERM"); await new Promise(() => {})' })
  const { role } = spawnRole('api', { REDIS_URL: 'redis://127.0.0.1:1', JOBS_DIR: dir })
  expect(await role.ended).toBe(0)
  expect(role.stderr).toEqual([])
})

test('a job whose input a changed schema refuses names the version that refused it', async () => {
  const strict = greet('greet', 'event-loop').replace('.trim().min(1)', '.max(3)')
  const [before, after] = await Promise.all([
    jobsDir({ 'greet.ts': greet('greet', 'event-loop') }),
    jobsDir({ 'greet.ts': strict.replace("{ name: 'Ada' }", "{ name: 'Ad' }") }),
  ])
  const { api, addWorker, addApi } = await startStack({ workers: 0, env: { JOBS_DIR: before } })
  const { id } = (await submit(api.url, 'greet', { name: 'Augusta' })).body
  await addWorker({ JOBS_DIR: after })
  const newApi = await addApi({ JOBS_DIR: after })
  const versions = await Promise.all(
    [api, newApi].map(
      async ({ url }) => (await send<{ version: string }>('GET', `${url}/v1/job-types/greet`)).body.version,
    ),
  )
  expect(versions[0]).toMatch(/^[0-9a-f]{8}$/)
  expect(versions[1]).not.toBe(versions[0])
  const { body } = await read(api.url, id, 20)
  expect(body).toMatchObject({ state: 'failed', error: { code: 'invalid_input', retryable: false } })
  expect(body.error?.message).toMatch(
    new RegExp(`^/input/name: .* \\(refused by version ${versions[1]} of the job type\\)$`),
  )
})
