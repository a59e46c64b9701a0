import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { expect, inject, onTestFinished, test } from 'vitest'
import { read, submit } from '../helpers/client.ts'
import { keyPrefix } from '../helpers/key-prefix.ts'
import { waitFor } from '../helpers/wait-for.ts'

/** Runs what `npm start` runs, on the Redis of this test run. Ends with its test. */
function start(env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, ['--import', './src/jobs/module-hooks.ts', 'src/cli/main.ts', 'dev'], {
    cwd: new URL('../../', import.meta.url),
    env: { PATH: process.env['PATH'], REDIS_URL: inject('redisUrl'), KEY_PREFIX: keyPrefix(), PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  createInterface(child.stdout).on('line', (line) => lines.push(line))
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  /** The process ids that have logged under a role, the oldest first. */
  const pids = (role: string): number[] => {
    const entries = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line))
    return [...new Set(entries.filter((entry) => entry.role === role).map((entry) => entry.pid))]
  }
  return {
    child,
    lines,
    ended,
    pids,
    url: async (): Promise<string> => {
      const line = await waitFor('the line "ready on"', () => lines.find((text) => text.includes('ready on ')), Boolean)
      return /http:\S+/.exec(line ?? '')?.[0] ?? ''
    },
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    // ESRCH: it has ended.
    return false
  }
}

test('npm start runs an API and two workers, and stops all of them on SIGINT', async () => {
  const { child, ended, lines, pids, url } = start()
  const api = await url()
  const { body } = await submit(api, 'count-primes', { limit: 1000 }, { waitS: 10 })
  expect(body).toMatchObject({ state: 'succeeded', output: { count: 168, largest: 997 } })
  const { body: echoed } = await submit(api, 'echo', { on: 'the other worker' }, { waitS: 10 })
  expect(echoed.state).toBe('succeeded')

  const all = [...pids('api'), ...pids('worker')]
  expect(all).toHaveLength(3)
  child.kill('SIGINT')
  expect(await ended).toBe(0)
  expect(all.filter(isAlive)).toEqual([])
  expect(lines).toContain('drover: stopping SIGINT')
})

test('npm start restarts a killed worker', async () => {
  const { lines, pids, url } = start({ WORKER_QUEUES: 'io:5,cpu:1' })
  const api = await url()
  const [first = 0] = pids('worker')
  process.kill(first, 'SIGKILL')
  await waitFor(
    'a second worker',
    () => pids('worker'),
    ({ length }) => length === 2,
  )
  expect(lines).toContain('drover: the worker of io:5,cpu:1 ended unexpectedly (SIGKILL), restarting it in 250 ms')
  const { body } = await submit(api, 'echo', 'still there', { waitS: 10 })
  expect(body.state).toBe('succeeded')
})

test('npm start leaves no process running when it is killed', async () => {
  const { child, pids, url } = start()
  await url()
  const all = [...pids('api'), ...pids('worker')]
  child.kill('SIGKILL')
  const left = await waitFor(
    'the end of all processes',
    () => all.filter(isAlive),
    ({ length }) => length === 0,
  )
  expect(left).toEqual([])
})

test('npm start reports a port in use in one line, and starts nothing', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  onTestFinished(() => void other.close())
  const address = other.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const { ended, lines } = start({ PORT: String(port) })
  expect(await ended).toBe(1)
  expect(lines).toEqual([
    `drover: port ${port} of 127.0.0.1 is in use: stop the process that listens there, or run PORT=3001 npm start`,
  ])
})

test('npm start reports each mistake in the environment once, and starts nothing', async () => {
  const { ended, lines } = start({ LOG_LEVEL: 'loud', SHUTDOWN_GRACE_MS: 'soon' })
  expect(await ended).toBe(1)
  expect(lines.map((line) => line.split(':').slice(0, 2).join(':'))).toEqual([
    'drover: LOG_LEVEL',
    'drover: SHUTDOWN_GRACE_MS',
  ])
})

/** A folder of job files. `save` replaces a file as editors do, by renaming. */
async function jobsFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const save = async (name: string, text: string): Promise<void> => {
    await writeFile(join(folder, `.${name}.part`), text)
    await rename(join(folder, `.${name}.part`), join(folder, name))
  }
  return { folder, save }
}

const versioned = (version: number, queue: string) => `
  import { defineJob } from 'drover'
  import { z } from 'zod'
  export default defineJob({
    type: 'versioned', title: 'Tell its version', runsOn: 'event-loop', queue: '${queue}',
    input: z.object({}), output: z.object({ version: z.int() }), run: async () => ({ version: ${version} }),
  })`

test('npm start serves each queue that a job file names, and prints what it loaded', async () => {
  const { folder, save } = await jobsFolder()
  await save('versioned.ts', versioned(1, 'reports'))
  const { lines, url } = start({ JOBS_DIR: folder })
  const { body } = await submit(await url(), 'versioned', {}, { waitS: 10 })
  expect(body).toMatchObject({ queue: 'reports', state: 'succeeded', output: { version: 1 } })
  expect(lines.find((line) => line.includes('ready on'))).toContain('the worker of reports:100')
  expect(lines.find((line) => line.includes('built-in job types: '))).toContain('count-primes, ')
  expect(lines.find((line) => line.includes('job types of '))).toMatch(/: versioned \(queue reports\)$/)
})

test('npm start says which queues no worker consumes when WORKER_QUEUES leaves them out', async () => {
  const { folder, save } = await jobsFolder()
  await save('versioned.ts', versioned(1, 'reports'))
  const { lines, url } = start({ JOBS_DIR: folder, WORKER_QUEUES: 'io:5,cpu:1' })
  await url()
  await waitFor(
    'the warning',
    () => lines,
    (all) => all.includes('drover: no worker consumes reports: WORKER_QUEUES does not name it'),
  )
})

test('npm start loads a changed job file again, and running jobs end in the worker that has them', async () => {
  const { folder, save } = await jobsFolder()
  await save('versioned.ts', versioned(1, 'io'))
  const { lines, url, ended, child } = start({ JOBS_DIR: folder, SHUTDOWN_GRACE_MS: '100' })
  const api = await url()
  expect((await submit(api, 'versioned', {}, { waitS: 10 })).body.output).toEqual({ version: 1 })
  const { body: slow } = await submit(api, 'sleep', { duration_ms: 12_000, steps: 1 })
  const running = await waitFor(
    'its start',
    () => read(api, slow.id),
    (answer) => answer.body.state === 'running',
  )

  await save('versioned.ts', versioned(2, 'reports'))
  const isLoaded = (line: string): boolean => line.startsWith('drover: loaded; ')
  await waitFor(
    'the reload',
    () => lines.filter(isLoaded),
    ({ length }) => length === 1,
    { withinMs: 60_000 },
  )
  expect(lines).toContain(
    'drover: job files changed, loading them again (new: versioned in queue reports, gone: versioned in queue io)',
  )
  const { body } = await submit(api, 'versioned', {}, { waitS: 10 })
  expect(body).toMatchObject({ queue: 'reports', output: { version: 2 } })
  const { body: after } = await read(api, slow.id, 20)
  expect(after).toMatchObject({ state: 'succeeded', started_at: running.body.started_at, output: { slept_ms: 12_000 } })

  await save('broken.ts', 'export default {{{')
  const isKept = (line: string): boolean => line.startsWith('drover: the job files are not loaded: ')
  await waitFor(
    'the refusal',
    () => lines.filter(isKept),
    ({ length }) => length === 1,
    { withinMs: 60_000 },
  )
  expect(lines.some((line) => line.includes(join(folder, 'broken.ts')))).toBe(true)
  expect((await submit(api, 'versioned', {}, { waitS: 10 })).body.output).toEqual({ version: 2 })
  child.kill('SIGINT')
  expect(await ended).toBe(0)
}, 120_000)

test('npm start reports a broken job file in one line, and starts nothing', async () => {
  const { folder, save } = await jobsFolder()
  await save('no-job.ts', 'export default 42')
  const { ended, lines } = start({ JOBS_DIR: folder })
  expect(await ended).toBe(1)
  expect(lines).toEqual([`drover: ${join(folder, 'no-job.ts')}: its default export is not the result of defineJob()`])
})

test('npm start -- --help explains it, and starts nothing', async () => {
  const { stdout } = await promisify(execFile)('npm', ['--silent', 'start', '--', '--help'])
  expect(stdout).toContain('USAGE\n  drover dev\n')
  expect(stdout).toContain('JOBS_DIR')
})
