import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import {
  AuthenticationError,
  type ClientOptions,
  ConflictError,
  ConnectionError,
  createClient,
  InvalidRequestError,
  NotFoundError,
  PermissionError,
  RateLimitError,
  UnavailableError,
} from '../../../src/client/index.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>
interface Seen {
  line: string
  key: string | undefined
  body: string
}

/** A server that gives the answers one after the other, the last one again and again, and a client of it. */
async function serve(answers: Answer[], options: ClientOptions = {}) {
  const seen: Seen[] = []
  const server = createServer(async (request, response) => {
    const body = (await Array.fromAsync(request)).join('')
    const answer = answers[Math.min(seen.length, answers.length - 1)]
    seen.push({ line: `${request.method} ${request.url}`, key: String(request.headers['idempotency-key']), body })
    await answer?.(request, response)
  }).listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { client: createClient({ url: `http://127.0.0.1:${port}/`, ...options }), seen }
}

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (_, response) =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
const problem = (status: number, code: string, headers?: Record<string, string>): Answer =>
  json(status, { code, detail: 'why', status }, headers)
const lose: Answer = (request) => void request.socket.destroy()
const stored = json(202, { id: 'io_1', done: false })

test('a submission whose answer is lost, or that is refused for the moment, is repeated under one key', async () => {
  const { client, seen } = await serve([lose, (_, response) => void response.writeHead(502).end('<html>'), stored])
  expect(await client.jobs.submit('echo', [1], { tags: ['a'] })).toMatchObject({ id: 'io_1' })
  expect(seen).toHaveLength(3)
  expect(new Set(seen.map((request) => JSON.stringify(request))).size).toBe(1)
  expect(seen[0]).toMatchObject({ line: 'POST /v1/jobs', key: expect.stringMatching(/^[0-9a-f]{32}$/) })
  expect(JSON.parse(seen[0]?.body ?? '')).toEqual({ type: 'echo', input: [1], tags: ['a'] })
  await client.jobs.submit('echo', 2, { idempotencyKey: 'order-1' })
  await client.jobs.submit('echo', 3)
  expect(new Set(seen.map(({ key }) => key)).size).toBe(3)
  expect(seen[3]?.key).toBe('order-1')
})

test('Retry-After is honoured, in seconds and as a time', async () => {
  const { client, seen } = await serve([
    problem(429, 'quota_exceeded', { 'retry-after': '1' }),
    problem(503, 'queue_unavailable', { 'retry-after': new Date(0).toUTCString() }),
    stored,
  ])
  const startedAt = performance.now()
  await client.jobs.submit('echo', 1)
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(1000)
  expect(seen).toHaveLength(3)
})

test('a Retry-After beyond the patience of the client is an error at once, with the time', async () => {
  const { client, seen } = await serve([problem(429, 'quota_exceeded', { 'retry-after': '3600' })])
  const error = await client.jobs.submit('echo', 1).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(RateLimitError)
  expect(error).toMatchObject({ code: 'quota_exceeded', status: 429, detail: 'why', retryAfterMs: 3_600_000 })
  expect(seen).toHaveLength(1)
})

test('a server that stays away is an error when the patience ends', async () => {
  const away = await serve([problem(503, 'draining')], { patienceMs: 300 })
  await expect(away.client.jobs.get('io_1')).rejects.toBeInstanceOf(UnavailableError)
  const silent = await serve([lose], { patienceMs: 300 })
  await expect(silent.client.jobs.get('io_1')).rejects.toMatchObject({
    name: 'ConnectionError',
    code: 'no_answer',
    cause: expect.any(TypeError),
  })
})

test('problems have classes, and are not repeated', async () => {
  const classes = {
    400: InvalidRequestError,
    401: AuthenticationError,
    403: PermissionError,
    404: NotFoundError,
    409: ConflictError,
    410: NotFoundError,
    422: InvalidRequestError,
  }
  for (const [status, Class] of Object.entries(classes)) {
    const headers = { 'request-id': 'r1', location: '/v1/jobs/io_7' }
    const errors = [{ pointer: '/input', detail: 'is required' }]
    const { client, seen } = await serve([json(Number(status), { code: 'c', detail: 'd', errors }, headers)])
    const error = await client.jobs.run('echo', 1).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(Class)
    expect(error).toMatchObject({
      name: Class.name,
      message: 'd',
      code: 'c',
      status: Number(status),
      errors,
      requestId: 'r1',
      jobId: 'io_7',
    })
    expect(seen).toHaveLength(1)
  }
})

test('what is not of Drover is an error at once', async () => {
  const page: Answer = (_, response) => void response.writeHead(200).end('<html>')
  const { client, seen } = await serve([page, (_, response) => void response.writeHead(404).end('<html>')])
  await expect(client.jobs.get('io_1')).rejects.toBeInstanceOf(ConnectionError)
  await expect(client.jobs.get('io_1')).rejects.toMatchObject({ code: 'unexpected_answer', status: 404, errors: [] })
  expect(seen).toHaveLength(2)
})

test('a write that would count twice is sent once', async () => {
  const { client, seen } = await serve([lose])
  await expect(client.request('POST', '/v1/jobs/io_1/retry')).rejects.toBeInstanceOf(ConnectionError)
  expect(seen).toHaveLength(1)
})

test('an aborted signal ends a call with its reason, also between two tries', async () => {
  const { client, seen } = await serve([problem(503, 'queue_full', { 'retry-after': '30' })])
  const aborting = new AbortController()
  const running = client.jobs.run('echo', 1, { signal: aborting.signal })
  const caught = running.catch((error) => error)
  while (seen.length === 0) await new Promise(setImmediate)
  aborting.abort(new Error('enough'))
  expect(await caught).toMatchObject({ message: 'enough' })
  expect(await client.jobs.get('io_1', { signal: aborting.signal }).catch((error) => error)).toBe(
    aborting.signal.reason,
  )
  expect(seen).toHaveLength(1)
})

test('an address, a key or a body that cannot be sent is a TypeError at once', async () => {
  expect(() => createClient({ url: 'nonsense' })).toThrow(TypeError)
  expect(() => createClient()).toThrow(TypeError)
  expect(() => createClient({ url: 'http://127.0.0.1:1', key: 'a\nb' })).toThrow(TypeError)
  const client = createClient({ url: 'http://127.0.0.1:1' })
  await expect(client.jobs.submit('echo', 1n)).rejects.toBeInstanceOf(TypeError)
})

test('a stream is read in pieces of any size, and resumes after the last event that was whole', async () => {
  const text =
    'retry: 1\n\n:beat\n\nid: 1\nevent: snapshot\ndata: {"id":"io_1"}\n\nid: 2\r\nevent: log\r\ndata: {"message":\r\ndata: "h\u00e4"}\r\n\r\n'
  const lastIds: unknown[] = []
  const inPieces: Answer = async (request, response) => {
    lastIds.push(request.headers['last-event-id'])
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const byte of Buffer.from(`${text}id: 3\nevent: log\ndata: {"cut`)) {
      response.write(Buffer.of(byte))
      await new Promise(setImmediate)
    }
    response.destroy()
  }
  const rest: Answer = (request, response) => {
    lastIds.push(request.headers['last-event-id'])
    response.writeHead(200).end('id: 9\nevent: done\ndata: {"done":true,"state":"failed","output_bytes":null}\n\n')
  }
  const { client } = await serve([inPieces, problem(503, 'draining', { 'retry-after': '0' }), rest])
  const events = await Array.fromAsync(client.jobs.watch('io_1'))
  expect(events.map(({ id, event, data }) => [id, event, data])).toEqual([
    ['1', 'snapshot', { id: 'io_1' }],
    ['2', 'log', { message: 'h\u00e4' }],
    ['9', 'done', { done: true, state: 'failed', output_bytes: null }],
  ])
  expect(lastIds).toEqual([undefined, '2'])
})

test('a stream ends with the problem that ends it, and without an event where all are known', async () => {
  const ended: Answer = (_, response) =>
    void response.writeHead(200).end('id: 1\nevent: problem\ndata: {"code":"unauthenticated","status":401}\n\n')
  const { client, seen } = await serve([ended, (_, response) => void response.writeHead(204).end()])
  await expect(Array.fromAsync(client.jobs.watch('io_1'))).rejects.toBeInstanceOf(AuthenticationError)
  expect(await Array.fromAsync(client.jobs.watch('io_1', { after: '9' }))).toEqual([])
  expect(seen).toHaveLength(2)
})

test('leaving a stream closes its connection', async () => {
  const closing = Promise.withResolvers<string>()
  const endless: Answer = (_, response) => {
    response.on('close', () => closing.resolve('closed'))
    response.writeHead(200).write('id: 1\nevent: snapshot\ndata: {}\n\n')
  }
  const { client } = await serve([endless])
  for await (const { event } of client.jobs.watch('io_1')) if (event === 'snapshot') break
  expect(await closing.promise).toBe('closed')
})
