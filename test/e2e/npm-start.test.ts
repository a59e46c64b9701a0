import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { expect, inject, onTestFinished, test } from 'vitest'
import { submit } from '../helpers/client.ts'
import { keyPrefix } from '../helpers/key-prefix.ts'
import { waitFor } from '../helpers/wait-for.ts'

/** Runs what `npm start` runs, on the Redis of this run. Ends with its test. */
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
  /** The id of each process that has logged, by its role; a role's later processes come later. */
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
      const line = await waitFor(
        'the line that says ready',
        () => lines.find((text) => text.includes('ready on ')),
        Boolean,
      )
      return /http:\S+/.exec(line ?? '')?.[0] ?? ''
    },
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    // ESRCH: gone.
    return false
  }
}

test('brings up an API and two workers that run jobs, and ends them all on SIGINT', async () => {
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

test('starts a worker again that was killed', async () => {
  const { lines, pids, url } = start({ WORKER_QUEUES: 'io:5,cpu:1' })
  const api = await url()
  const [first = 0] = pids('worker')
  process.kill(first, 'SIGKILL')
  await waitFor(
    'a second worker',
    () => pids('worker'),
    ({ length }) => length === 2,
  )
  expect(lines).toContain('drover: the worker of io:5,cpu:1 ended unexpectedly (SIGKILL), starting it again in 250 ms')
  const { body } = await submit(api, 'echo', 'still there', { waitS: 10 })
  expect(body.state).toBe('succeeded')
})

test('leaves nothing running when it is killed itself', async () => {
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

test('says in one line that its port is in use, and starts nothing', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  onTestFinished(() => void other.close())
  const address = other.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const { ended, lines } = start({ PORT: String(port) })
  expect(await ended).toBe(1)
  expect(lines).toEqual([
    `drover: port ${port} of 127.0.0.1 is in use: stop what listens there, or choose another with PORT=3001 npm start`,
  ])
})

test('says each mistake in the environment once, and starts nothing', async () => {
  const { ended, lines } = start({ LOG_LEVEL: 'loud', SHUTDOWN_GRACE_MS: 'soon' })
  expect(await ended).toBe(1)
  expect(lines.map((line) => line.split(':').slice(0, 2).join(':'))).toEqual([
    'drover: LOG_LEVEL',
    'drover: SHUTDOWN_GRACE_MS',
  ])
})
