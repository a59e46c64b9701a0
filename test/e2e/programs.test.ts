import { spawnSync } from 'node:child_process'
import { cpSync, existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { read, send, submit, watchToEnd } from '../helpers/client.ts'
import { drover } from '../helpers/run-drover.ts'
import { type Stack, spawnRole, startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

const runs = (command: string, ...args: string[]) => spawnSync(command, args).status === 0
const hasPython = runs('python3', '-c', 'import sys; sys.exit(sys.version_info < (3, 10))')
const hasGo = runs('go', 'version')
const hasBash = runs('bash', '--version')

const root = join(import.meta.dirname, '../..')
const ends: (() => Promise<void>)[] = []
let stack: Stack
let dir: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drover-programs-'))
  cpSync(join(root, 'sdk/examples'), dir, { recursive: true })
  cpSync(join(import.meta.dirname, 'fixtures/programs'), dir, { recursive: true })
  // The same type in a queue that the shared worker does not consume.
  const moods = await readFile(join(dir, 'moods.job.yaml'), 'utf8')
  await writeFile(join(dir, 'apart.job.yaml'), moods.replace('type: moods', 'type: apart\nqueue: io'))
  await writeFile(
    join(dir, 'worn.job.yaml'),
    moods.replace('type: moods', 'type: worn').replace(/max_jobs: .*/, 'max_jobs: 2'),
  )
  await writeFile(
    join(dir, 'fresh.job.yaml'),
    moods.replace('type: moods', 'type: fresh').replace(/max_jobs: .*/, 'isolation: fresh'),
  )
  if (hasGo) spawnSync('go', ['build', '-o', 'sum-numbers', 'sum_numbers.go'], { cwd: dir, stdio: 'inherit' })
  if (!existsSync(join(dir, 'sum-numbers'))) await rm(join(dir, 'sum-numbers.job.yaml'))
  if (!hasPython)
    for (const name of ['moods', 'apart', 'worn', 'fresh', 'raw', 'other', 'word-count', 'wait-all'])
      await rm(join(dir, `${name}.job.yaml`))
  if (!hasBash) for (const name of ['once', 'line-count']) await rm(join(dir, `${name}.job.yaml`))
  const env = { JOBS_DIR: dir, WORKER_QUEUES: 'cpu:6', LOCK_MS: '5000' }
  stack = await startStack({ env, onEnd: (end) => ends.push(end) })
}, 180_000)

afterAll(async () => {
  for (const end of ends) await end()
  await rm(dir, { recursive: true, force: true })
})

const url = () => stack.api.url
const run = async (type: string, input: object, options: Record<string, unknown> = {}): Promise<JobResource> =>
  (await submit(url(), type, input, { waitS: 40, ...options })).body
const end = async (id: string): Promise<JobResource> =>
  waitFor(
    'the end of a job',
    async () => (await read(url(), id, 5)).body,
    ({ done }) => done,
    { withinMs: 60_000 },
  )
const eventsOf = async (id: string, kind: string) =>
  (await watchToEnd(url(), id, 0)).filter(({ event }) => event === kind).map(({ data }) => data)
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    // There is no such process.
    return false
  }
}
/** Waits until a job has reported its processes. */
const pidsOf = async (id: string): Promise<number[]> => {
  const job = await waitFor(
    'its pids',
    async () => (await read(url(), id)).body,
    ({ progress }) => !!progress?.data,
    { withinMs: 60_000 },
  )
  return (Object(job.progress) as { data: { pids: number[] } }).data.pids
}
const areGone = (pids: number[]) =>
  waitFor(
    'the end of its processes',
    () => pids.filter(isAlive),
    ({ length }) => length === 0,
  )

describe.runIf(hasPython)('a program in Python (needs python3)', () => {
  test('has an endpoint, validation and documentation as any job type', async () => {
    const described = await send('GET', `${url()}/v1/job-types/word-count`)
    expect(described).toMatchObject({
      status: 200,
      body: { runs_on: 'process', queue: 'cpu', title: 'Count the words of pages' },
    })
    const document = JSON.stringify((await send('GET', `${url()}/openapi.json`)).body)
    expect(document).toContain('#/components/schemas/SubmitWordCount')
    const refused = await submit(url(), 'moods', { n: -1, colour: 'red' })
    expect(refused).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    expect(refused.body).toMatchObject({
      errors: expect.arrayContaining([
        { pointer: '/input/do', detail: 'is required' },
        { pointer: '/input/colour', detail: 'is not allowed here' },
        { pointer: '/input/n', detail: 'must be >= 0' },
      ]),
    })
  })

  test('yields values, reports progress and returns its output', async () => {
    const { id, output, state } = await run('word-count', { pages: ['one two', 'three'] })
    expect({ state, output }).toEqual({ state: 'succeeded', output: { words: 3 } })
    expect(await eventsOf(id, 'output')).toMatchObject([
      { value: { page: 1, words: 2 } },
      { value: { page: 2, words: 1 } },
    ])
    const many = await run('moods', { do: 'yield', n: 500 })
    expect(many).toMatchObject({ state: 'succeeded', output: { n: 500 } })
    const values = await send<{ items: unknown[] }>('GET', `${url()}/v1/jobs/${many.id}/values?limit=500`)
    expect(values.body.items).toHaveLength(500)
  })

  test('logs what it prints, and gets the defaults of its input', async () => {
    const { id, output, progress } = await run('moods', { do: 'nothing' })
    expect({ output, progress }).toEqual({
      output: { n: 3 },
      progress: { fraction: 0.5, message: 'half', data: { of: 'it' } },
    })
    expect(await eventsOf(id, 'log')).toMatchObject([{ message: expect.any(String) }, { message: expect.any(String) }])
    const lines = (await eventsOf(id, 'log')) as { level: string; message: string }[]
    expect(lines.map(({ level, message }) => `${level} ${message}`).toSorted()).toEqual(['info printed', 'warn logged'])
  })

  test.each([
    ['permanent', { code: 'nope', message: 'no way', retryable: false }],
    ['raise', { code: 'job_failed', message: "KeyError: 'missing'", retryable: true }],
    ['long error', { code: 'job_failed', message: expect.stringContaining('ValueError: xxx'), retryable: true }],
    ['no delay', { code: 'job_failed', message: expect.stringContaining('the error cannot be sent'), retryable: true }],
    ['exit', { code: 'crashed', message: expect.stringContaining('exit code 3'), retryable: true }],
    ['kill', { code: 'crashed', message: expect.stringContaining('SIGKILL'), retryable: true }],
    ['memory', { code: 'out_of_memory', message: expect.stringContaining('120 MB'), retryable: true }],
    ['invalid', { code: 'invalid_output', message: expect.stringContaining('/output/n'), retryable: false }],
    ['nan', { code: 'invalid_output', retryable: false }],
    ['huge', { code: 'invalid_output', retryable: false }],
  ])('that does "%s" fails with its own reason', async (what, error) => {
    expect(await run('moods', { do: what })).toMatchObject({ state: 'failed', error })
  })

  test('goes on from its checkpoint, and learns of one that is not kept', async () => {
    const restored = await run('moods', { do: 'checkpoint' }, { attempts: 2, backoff: { type: 'fixed', delay_ms: 1 } })
    expect(restored).toMatchObject({ state: 'succeeded', attempt: 2, output: { n: 7 } })
    const error = { code: 'invalid_checkpoint', message: expect.stringContaining('262144') }
    expect(await run('moods', { do: 'large checkpoint' })).toMatchObject({ state: 'failed', error })
  })

  test('shows no secret of its input', async () => {
    const { id, input, error } = await run('moods', { do: 'secret', token: 'swordfish' })
    expect({ input, error }).toMatchObject({ input: { token: '***' }, error: { message: 'refused ***' } })
    expect(await eventsOf(id, 'log')).toMatchObject([{ message: 'the token is ***' }])
  })

  test('runs in surroundings of its own, which are emptied', async () => {
    const { id } = await run('moods', { do: 'surroundings' })
    // Its output is more than the schema names, which allows it.
    const { output } = (await read(url(), id)).body as {
      output: { env: Record<string, string>; umask: number; leads: boolean; pid: number }
    }
    expect(output).toMatchObject({ umask: 0o077, leads: true, env: { DROVER_FDS: '3,4', DROVER_JOB_DIR: dir } })
    expect(Object.keys(output.env)).not.toContain('REDIS_URL')
    const after = await waitFor(
      'the same process',
      async () => (await run('moods', { do: 'folder' })).output as { pid: number; files: string[] },
      ({ pid }) => pid === output.pid,
    )
    expect(after.files).toEqual([])
  })

  test('is replaced after as many jobs as its type allows, with isolation fresh after each', async () => {
    const pids = async (type: string, count: number) => {
      const found: number[] = []
      for (let n = 0; n < count; n++) found.push(Object((await run(type, { do: 'folder' })).output).pid)
      return found
    }
    const [[first, second, third], fresh] = await Promise.all([pids('worn', 3), pids('fresh', 2)])
    expect(second).toBe(first)
    expect(third).not.toBe(first)
    expect(new Set(fresh).size).toBe(2)
    await areGone([Number(first), Number(fresh[0])])
  })

  test('that speaks of a job after its end goes on', async () => {
    const { output } = await run('moods', { do: 'late' })
    const pids = [1, 2, 3].map(async () => ((await run('moods', { do: 'folder' })).output as { pid: number }).pid)
    expect(await Promise.all(pids)).toContain((output as { pid: number }).pid)
  })

  test('that follows a cancel ends by itself, and one that runs out of time is stopped', async () => {
    const { body } = await submit(url(), 'moods', { do: 'follow' })
    await waitFor(
      'its first line',
      async () => (await read(url(), body.id)).body,
      ({ state }) => state === 'running',
    )
    await send('POST', `${url()}/v1/jobs/${body.id}/cancel`)
    expect(await end(body.id)).toMatchObject({ state: 'canceled', error: { stopped: 'cooperatively' } })
    expect(await run('moods', { do: 'follow' }, { timeout_ms: 400 })).toMatchObject({
      state: 'failed',
      error: { code: 'timeout' },
    })
  })

  test('that ignores a cancel is ended with its group, also when it ignores SIGTERM', async () => {
    const jobs = await Promise.all(['ignore', 'stubborn'].map((what) => submit(url(), 'moods', { do: what })))
    const ids = jobs.map(({ body }) => body.id)
    const pids = (await Promise.all(ids.map(pidsOf))).flat()
    await Promise.all(ids.map((id) => send('POST', `${url()}/v1/jobs/${id}/cancel`)))
    for (const ended of await Promise.all(ids.map(end))) {
      expect(ended).toMatchObject({ state: 'canceled', error: { stopped: 'killed' } })
    }
    await areGone(pids)
  }, 120_000)

  test('ends with its group when its worker is killed', async () => {
    const worker = await stack.addWorker({ WORKER_QUEUES: 'io:1' })
    const { body } = await submit(url(), 'apart', { do: 'ignore' })
    const pids = await pidsOf(body.id)
    worker.signal('SIGKILL')
    expect(await areGone(pids)).toEqual([])
  }, 120_000)

  test('serves many jobs in one process where its type allows it', async () => {
    const jobs = await Promise.all(Array.from({ length: 5 }, () => run('wait-all', { seconds: 0.2 })))
    expect(new Set(jobs.map(({ output }) => (output as { pid: number }).pid)).size).toBe(1)
  })
})

describe.runIf(hasPython)('a program that breaks the protocol (needs python3)', () => {
  test.each([
    ['garbage', 'no JSON'],
    ['bytes', 'no UTF-8'],
    ['long', 'longer than'],
    ['stranger', 'of a job that does not run'],
    ['malformed', 'progress.fraction'],
  ])('by "%s" fails all that runs in it, each as an attempt of its own', async (what, message) => {
    const neighbour = await submit(url(), 'raw', { do: 'wait' })
    await waitFor(
      'its start',
      async () => (await read(url(), neighbour.body.id)).body,
      ({ progress }) => progress !== null,
    )
    const error = { code: 'invalid_message', message: expect.stringContaining(message), retryable: true }
    expect(await run('raw', { do: what })).toMatchObject({ state: 'failed', error })
    expect(await end(neighbour.body.id)).toMatchObject({ state: 'failed', error })
  })

  test('by a second last word keeps the first', async () => {
    expect(await run('raw', { do: 'twice' })).toMatchObject({ state: 'succeeded', output: 1 })
  })

  test('by closing its channel fails as crashed', async () => {
    expect(await run('raw', { do: 'close' })).toMatchObject({ state: 'failed', error: { code: 'crashed' } })
  })

  test('by messages and members that are unknown goes on', async () => {
    expect(await run('raw', { do: 'unknown' })).toMatchObject({ state: 'succeeded', output: 1 })
  })

  test('or does not speak of it gets what a job is, and says how it ended', async () => {
    const { id, output } = await run('raw', { do: 'start' }, { timeout_ms: 5000, deadline_ms: 60_000 })
    expect(output).toMatchObject({
      id,
      type: 'raw',
      attempt: 1,
      max_attempts: 1,
      input: { do: 'start' },
      tenant: '-',
      timeout_ms: 5000,
      deadline_at: expect.stringMatching(/Z$/),
    })
    const error = { code: 'mine', message: 'spoken', retryable: false }
    expect(await run('raw', { do: 'error' })).toMatchObject({ state: 'failed', error })
  })

  test('by not knowing the type fails as crashed and says what it knows', async () => {
    const error = { code: 'crashed', message: 'the program has no handler of the job type "other"; it has raw' }
    expect(await run('other', {})).toMatchObject({ state: 'failed', error })
  })
})

test.runIf(hasPython && hasBash)(
  'drover check-handler speaks each case to the program (needs python3 and bash)',
  async () => {
    const check = async (...args: string[]) => {
      const { code, stdout } = await drover(['check-handler', '--json', ...args])
      return { code, cases: JSON.parse(stdout) as { case: string; result: string; detail: string }[] }
    }
    const [script, broken] = await Promise.all([
      check(join(dir, 'line-count.job.yaml'), '--input', '{"text":"one"}'),
      check(join(dir, 'raw.job.yaml'), '--input', '{"do":"twice"}'),
    ])
    expect(script).toMatchObject({ code: 0, cases: [{ case: 'a job', result: 'ok' }, { case: 'SIGTERM' }] })
    expect(broken.code).toBe(1)
    expect(broken.cases).toContainEqual({
      case: 'one last word',
      result: 'fail',
      detail: 'it sent result after the last word',
    })
  },
  120_000,
)

describe.runIf(hasBash)('a script that runs once (needs bash)', () => {
  test('gets its input on stdin, and prints its output', async () => {
    const counted = await run('line-count', { text: 'one\ntwo' })
    expect(counted).toMatchObject({ state: 'succeeded', output: { lines: 2 } })
    expect(await eventsOf(counted.id, 'log')).toMatchObject([
      { level: 'warn', message: `counting for job ${counted.id}` },
    ])
  })

  test.each([
    [{ code: 65 }, 1, { code: 'job_failed', message: 'failing with 65', retryable: false }],
    [{ code: 75 }, 2, { code: 'job_failed', message: 'failing with 75', retryable: true }],
    [{ code: 9 }, 2, { code: 'job_failed', message: 'failing with 9', retryable: true }],
    [{ do: 'kill' }, 2, { code: 'crashed', message: expect.stringContaining('SIGSEGV'), retryable: true }],
    [{ do: 'text' }, 1, { code: 'invalid_output', retryable: false }],
    [{ do: 'bytes' }, 1, { code: 'invalid_output', message: expect.stringContaining('no UTF-8'), retryable: false }],
    [{ do: 'flood' }, 1, { code: 'invalid_output', message: expect.stringContaining('longer than'), retryable: false }],
  ])('with %j ends after %i attempts', async (input, attempt, error) => {
    expect(await run('once', input)).toMatchObject({ state: 'failed', attempt, error })
  })

  test('is ended by its time limit', async () => {
    const error = { code: 'timeout' }
    expect(await run('once', { do: 'sleep' }, { timeout_ms: 300, attempts: 1 })).toMatchObject({
      state: 'failed',
      error,
    })
  })
})

test.runIf(hasGo)('a program in Go speaks the protocol without a library (needs go)', async () => {
  expect(await run('sum-numbers', { numbers: [1, 2, 3.5] })).toMatchObject({ state: 'succeeded', output: { sum: 6.5 } })
})

test('a file that is wrong, or a command that is not there, ends the boot of a worker with file and place', async () => {
  const wrong = await mkdtemp(join(tmpdir(), 'drover-programs-'))
  ends.push(() => rm(wrong, { recursive: true, force: true }))
  await writeFile(
    join(wrong, 'a.job.yaml'),
    'type: a\ntitle: A\ncommand: [no-such-program]\ninput: true\noutput: true\n',
  )
  await writeFile(
    join(wrong, 'b.job.yaml'),
    'type: b\ntitle: B\ncommand: [sh, b.sh]\ninput: { typ: object }\noutput: true\ntimeout: 5\n',
  )
  const { role } = spawnRole('worker', { ...stack.env, JOBS_DIR: wrong })
  expect(await role.ended).toBe(1)
  const printed = role.stderr.join('\n')
  expect(printed).toContain(`${join(wrong, 'a.job.yaml')}: command: the program no-such-program is not in PATH`)
  expect(printed).toContain('b.job.yaml: line 4, column 8: input is no JSON Schema')
  expect(printed).toContain('b.job.yaml: line 6, column 10: there is no option "timeout": did you mean "timeout_ms"?')
}, 120_000)
