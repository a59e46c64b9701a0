import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { send, submit } from '../helpers/client.ts'
import { serve } from '../helpers/local-site.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

/** The process may open so many files more. */
function allowMore({ pid }: { pid: number }, more: number): void {
  const open = readdirSync(`/proc/${pid}/fd`).length
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${open + more}:`])
}

const exhausted = (logs: Record<string, unknown>[]) => logs.filter(({ code }) => code === 'descriptors_exhausted')

test.runIf(process.platform === 'linux')(
  'an API without file descriptors says so once, and closes idle connections to serve again',
  { timeout: 120_000 },
  async () => {
    const { api } = await startStack({ workers: 0 })
    allowMore(api, 4)
    const port = Number(new URL(api.url).port)
    // Clients that keep their connections, as pools and proxies do.
    for (let n = 0; n < 8; n++) {
      const socket = connect(port, '127.0.0.1')
      onTestFinished(() => void socket.destroy())
      socket.on('error', () => undefined)
      socket.write('GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n')
      await new Promise((resolve) => socket.once('data', resolve).once('close', resolve))
    }
    const ready = await waitFor(
      'an answer over a new connection',
      () => send<{ warnings: unknown[] }>('GET', `${api.url}/readyz`, { headers: { connection: 'close' } }),
      ({ status }) => status === 200,
      { withinMs: 60_000 },
    )
    const warning = expect.objectContaining({
      code: 'descriptors_exhausted',
      detail: expect.stringContaining('EMFILE'),
    })
    expect(ready.body.warnings).toContainEqual(warning)
    expect(exhausted(api.logs)).toMatchObject([{ level: 50, reason: 'EMFILE' }])
    expect((await submit(api.url, 'echo', 1)).status).toBe(202)
    await waitFor(
      'no warning',
      () => send<{ warnings: unknown[] }>('GET', `${api.url}/readyz`),
      ({ body }) => !JSON.stringify(body).includes('descriptors_exhausted'),
      { withinMs: 60_000 },
    )
    expect(exhausted(api.logs)).toHaveLength(1)
  },
)

test.runIf(process.platform === 'linux')(
  'connections that a worker keeps alive do not fail its next jobs for want of file descriptors',
  { timeout: 120_000 },
  async () => {
    const { api, workers } = await startStack()
    const site = await serve((_request, response) => void setTimeout(() => response.end('hello'), 300))
    site.server.keepAliveTimeout = 600_000
    const ask = () => submit(api.url, 'http-request', { url: site.url }, { waitS: 20 })
    // Loads what jobs of this type need.
    expect((await ask()).body.state).toBe('succeeded')
    const [worker] = workers
    if (!worker) throw new Error('there is a worker')
    allowMore(worker, 20)
    const answers = await Promise.all(Array.from({ length: 60 }, ask))
    for (const { body } of answers) expect(['succeeded', 'failed']).toContain(body.state)
    // A thread needs some twelve descriptors to start.
    const next = await waitFor(
      'a job in a thread that succeeds',
      () => submit(api.url, 'count-primes', { limit: 10 }, { waitS: 20 }),
      ({ body }) => body.state === 'succeeded',
      { withinMs: 60_000 },
    )
    expect(next.body.error).toBeNull()
    expect(exhausted(worker.logs).length).toBeLessThanOrEqual(1)
  },
)
