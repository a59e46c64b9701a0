import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { expect, inject, onTestFinished, test } from 'vitest'
import { submit } from '../helpers/client.ts'
import { keyPrefix } from '../helpers/key-prefix.ts'
import { waitFor } from '../helpers/wait-for.ts'

/** Runs what `npm start` runs, on the Redis of this test run. Ends with its test. */
function start(env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, ['src/dev.ts'], {
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
