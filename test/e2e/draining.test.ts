import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { read, send, submit } from '../helpers/client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

/** Sends a request over the one connection of `agent`. */
function over(agent: Agent, url: string, path: string): Promise<{ status: number; connection: string; body: string }> {
  return new Promise((resolve, reject) => {
    request(url + path, { agent }, (response) => {
      const { statusCode: status = 0, headers } = response
      text(response).then((body) => resolve({ status, connection: String(headers.connection), body }), reject)
    })
      .on('error', reject)
      .end()
  })
}

test('a draining API serves all clients, tells them to go elsewhere, and is not ready', async () => {
  const { api } = await startStack({ workers: 0, env: { DRAIN_DELAY_MS: '3000' } })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  expect(await over(agent, api.url, '/v1/jobs')).toMatchObject({ status: 200, connection: 'keep-alive' })
  const started = performance.now()
  api.signal('SIGTERM')
  const refused = await waitFor(
    'the drain',
    () => send('GET', `${api.url}/readyz`),
    ({ status }) => status === 503,
  )
  expect(refused.headers.get('content-type')).toBe('application/problem+json')
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(refused.body).toMatchObject({ code: 'draining' })
  // On the connection from before, and on a new one.
  expect(await over(agent, api.url, '/v1/jobs')).toMatchObject({ status: 200, connection: 'close' })
  expect(await over(agent, api.url, '/livez')).toMatchObject({ status: 200, connection: 'close' })
  expect(await submit(api.url, 'echo', 1)).toMatchObject({ status: 202 })
  expect(await api.ended).toBe(0)
  expect(performance.now() - started).toBeGreaterThan(3000)
})

test('a stream ends with the drain delay, and says when to come back', async () => {
  const { api } = await startStack({ env: { DRAIN_DELAY_MS: '500' } })
  const { body } = await submit(api.url, 'sleep', { duration_ms: 60_000 })
  const stream = await fetch(`${api.url}/v1/jobs/${body.id}/events`)
  const events = stream.text()
  api.signal('SIGTERM')
  expect(await events).toMatch(/\n\nretry: \d{4}\n\n$/)
  expect(await api.ended).toBe(0)
})

test('without a delay, an answer that is on its way ends its connection, and idle clients do not hold up the stop', async () => {
  const { api } = await startStack()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  await over(agent, api.url, '/livez')
  const { body } = await submit(api.url, 'sleep', { duration_ms: 60_000 })
  const waiting = fetch(`${api.url}/v1/jobs/${body.id}`, { headers: { prefer: 'wait=40' } })
  await waitFor(
    'the wait',
    () => send<string>('GET', `${api.url}/v1/jobs/${body.id}`),
    ({ status }) => status === 200,
  )
  const started = performance.now()
  api.signal('SIGTERM')
  const answer = await waiting
  expect([answer.status, answer.headers.get('connection')]).toEqual([202, 'close'])
  expect(await api.ended).toBe(0)
  expect(performance.now() - started).toBeLessThan(20_000)
})

test('a draining worker is alive but not ready until its last job has ended', async () => {
  const { api, addWorker } = await startStack({ workers: 0 })
  const worker = await addWorker({ SHUTDOWN_GRACE_MS: '20000' })
  const url = `http://127.0.0.1:${worker.port}`
  const { body } = await submit(api.url, 'sleep', { duration_ms: 3000 })
  await waitFor(
    'the start',
    () => read(api.url, body.id),
    (answer) => answer.body.state === 'running',
  )
  worker.signal('SIGTERM')
  const unready = await waitFor(
    'the drain',
    () => send('GET', `${url}/readyz`),
    ({ status }) => status === 503,
  )
  expect(unready.body).toEqual({ status: 'not ready', reason: 'draining' })
  expect(await send('GET', `${url}/livez`)).toMatchObject({ status: 200 })
  expect(await send('GET', `${url}/readyz`)).toMatchObject({ status: 503 })
  expect(await worker.ended).toBe(0)
  expect((await read(api.url, body.id)).body).toMatchObject({ state: 'succeeded', attempt: 1 })
})
