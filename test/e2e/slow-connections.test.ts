import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { problemSchema } from '../../src/api/http/problem.ts'
import { send, submit } from '../helpers/client.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { sendBytes } from '../helpers/raw-request.ts'
import { startStack } from '../helpers/stack.ts'

// The longest of these waits takes 30 s, so that they wait together.
test('slow clients are disconnected, idle connections closed, and a refused request is answered once', async () => {
  const checks = await Promise.allSettled([
    disconnectsSlowClients(),
    closesIdleConnections(),
    answersRefusedRequestsOnce(),
  ])
  expect(checks.filter(({ status }) => status === 'rejected')).toEqual([])
})

/** A client that sends headers or body too slowly is disconnected, and others are served meanwhile. */
async function disconnectsSlowClients(): Promise<void> {
  const { api } = await startStack({ workers: 0 })
  const startedAt = performance.now()
  const timed = async (bytes: string) => {
    const { code } = await problemAt(api.url, bytes)
    return { code, afterS: Math.round((performance.now() - startedAt) / 1000) }
  }
  const slowHeaders = timed('POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\nx-slow: ')
  const slowBody = timed(
    'POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"type":',
  )
  const silent = timed('')
  expect((await submit(api.url, 'echo', 1)).status).toBe(202)
  for (const [slow, atLeastS, atMostS] of [
    [slowHeaders, 9, 25],
    [silent, 9, 25],
    [slowBody, 29, 60],
  ] as const) {
    const { code, afterS } = await slow
    expect(code).toBe('request_timeout')
    expect(afterS).toBeGreaterThanOrEqual(atLeastS)
    expect(afterS).toBeLessThanOrEqual(atMostS)
  }
}

async function problemAt(apiUrl: string, bytes: string) {
  const [, body = ''] = (await sendBytes(apiUrl, bytes)).split('\r\n\r\n', 2)
  return problemSchema.parse(JSON.parse(body))
}

/** An idle connection is closed after ten seconds unless a valid key has come over it. */
async function closesIdleConnections(): Promise<void> {
  const acme = makeKey('acme')
  const { path } = await keysFile([acme])
  const { api } = await startStack({ workers: 0, env: { API_KEYS_FILE: path } })
  const { hostname, port } = new URL(api.url)
  const closedAfterS = (request: string) => {
    const startedAt = performance.now()
    const socket = connect(Number(port), hostname)
    onTestFinished(() => void socket.destroy())
    socket.resume()
    socket.write(request)
    return new Promise<number>((resolve) => {
      socket.on('close', () => resolve((performance.now() - startedAt) / 1000))
      socket.setTimeout(25_000, () => resolve(Number.POSITIVE_INFINITY))
    })
  }
  const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${more}\r\n`
  const [health, refused, silent, client] = await Promise.all([
    closedAfterS(get('/livez')),
    closedAfterS(get('/v1/jobs', 'authorization: Bearer a.b\r\n')),
    closedAfterS(''),
    closedAfterS(get('/v1/jobs', `authorization: ${acme.headers.authorization}\r\n`) + get('/livez')),
  ])
  for (const seconds of [health, refused, silent]) {
    expect(seconds).toBeGreaterThan(9)
    expect(seconds).toBeLessThan(25)
  }
  expect(client).toBe(Number.POSITIVE_INFINITY)
}

/** A request that is refused before its body has arrived gets no second answer when that never arrives or is malformed. */
async function answersRefusedRequestsOnce(): Promise<void> {
  const [reader, submitter] = [makeKey('acme', ['read']), makeKey('acme', ['submit'])]
  const { path } = await keysFile([reader, submitter])
  const { api } = await startStack({ workers: 0, env: { BODY_LIMIT_BYTES: '100000', API_KEYS_FILE: path } })
  const { authorization } = reader.headers
  const head = (framing: string, ...headers: string[]) =>
    ['POST /v1/jobs HTTP/1.1', 'host: localhost', 'content-type: application/json', framing, ...headers, '', ''].join(
      '\r\n',
    )
  const key = `authorization: ${authorization}`
  const [length, chunks] = ['content-length: 1000', 'transfer-encoding: chunked']
  const submission = { body: { type: 'echo', input: 1 }, headers: submitter.headers }
  const { body } = await send<{ id: string }>('POST', `${api.url}/v1/jobs`, submission)
  const get = (path: string, header: string) =>
    `GET /v1/jobs/${body.id}${path} HTTP/1.1\r\nhost: localhost\r\n${key}\r\n${header}\r\n\r\n`
  const unfinished: [number | undefined, string][] = [
    [401, `${head(length)}{"type"`],
    [403, `${head(length, key)}{"type"`],
    [403, `${head(chunks, key)}7\r\n{"type"\r\n`],
    [403, `${head('content-length: 100000000', key)}{"type"`],
    [401, `${head(chunks)}no chunk\r\n`],
    [403, `${head(chunks, key)}no chunk\r\n`],
    [200, get('/events', length)],
    // The wait ends with its connection.
    [undefined, `${get('', 'prefer: wait=5')}no request\r\n\r\n`],
  ]
  const answers = await Promise.all(unfinished.map(([, bytes]) => sendBytes(api.url, bytes)))
  const statuses = answers.map((text) => Array.from(text.matchAll(/HTTP\/1\.1 (\d+)/g), ([, status]) => Number(status)))
  expect(statuses).toEqual(unfinished.map(([status]) => (status === undefined ? [] : [status])))
}
