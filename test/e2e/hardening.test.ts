import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { problemSchema } from '../../src/api/http/problem.ts'
import { Keys } from '../../src/queue/redis/keys.ts'
import { send, submit } from '../helpers/client.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { sendBytes } from '../helpers/raw-request.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

/** The problem in the bytes of an answer. */
function problemIn(text: string) {
  const [head = '', body = ''] = text.split('\r\n\r\n', 2)
  expect(head.toLowerCase()).toContain('content-type: application/problem+json')
  const problem = problemSchema.parse(JSON.parse(body))
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${problem.status} `))
  return problem
}

test('bytes that are no HTTP request are answered with a problem, and the connection is closed', async () => {
  const { api } = await startStack({ workers: 0 })
  const cases: [name: string, bytes: string, code: string][] = [
    ['no HTTP', 'hello\r\n\r\n', 'invalid_request'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'invalid_request'],
    ['TLS', '\u0016\u0003\u0001\u0002\u0000\u0001', 'invalid_request'],
    ['no host', 'GET /livez HTTP/1.1\r\nconnection: close\r\n\r\n', 'invalid_request'],
    [
      'a line feed in a header',
      'GET /livez HTTP/1.1\r\nhost: localhost\r\nrequest-id: a\nx: y\rz\r\n\r\n',
      'invalid_request',
    ],
    ['a header without a name', 'GET /livez HTTP/1.1\r\nhost: localhost\r\n: y\r\n\r\n', 'invalid_request'],
    [
      'a space before the colon',
      'GET /livez HTTP/1.1\r\nhost: localhost\r\ncontent-length : 3\r\n\r\nabc',
      'invalid_request',
    ],
    [
      'two lengths',
      'POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd',
      'invalid_request',
    ],
    [
      'a length and chunks',
      'POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      'invalid_request',
    ],
    [
      'headers of 20 KB',
      `GET /livez HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
      'headers_too_large',
    ],
    ['an address of 20 KB', `GET /${'y'.repeat(20_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`, 'headers_too_large'],
  ]
  for (const [name, bytes, code] of cases) expect(problemIn(await sendBytes(api.url, bytes)).code, name).toBe(code)
  const expecting = 'GET /livez HTTP/1.1\r\nhost: localhost\r\nexpect: the-unexpected\r\nconnection: close\r\n\r\n'
  expect(await sendBytes(api.url, expecting)).toMatch(/^HTTP\/1.1 200 /)
})

test('line breaks of a request never reach the headers of an answer, nor of a request that a job sends', async () => {
  const { api } = await startStack()
  const tag = 'a\r\nset-cookie: x=1'
  await Promise.all(Array.from({ length: 2 }, () => submit(api.url, 'echo', 1, { tags: [tag], waitS: 10 })))
  const page = await send('GET', `${api.url}/v1/jobs?limit=1&tag=${encodeURIComponent(tag)}`)
  expect(page.headers.get('link')).toContain('tag=a%0D%0Aset-cookie')
  expect(page.headers.get('set-cookie')).toBeNull()
  const path = `/v1/jobs/x%0d%0aset-cookie:%20x=1`
  const answer = await sendBytes(api.url, `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`)
  expect(answer.split('\r\n\r\n', 1)[0]).not.toMatch(/^set-cookie/im)
  for (const headers of [{ 'x-a': 'b\r\nx-c: d' }, { 'x-a\r\nx-c': 'd' }]) {
    expect(await submit(api.url, 'http-request', { url: 'http://127.0.0.1/', headers })).toMatchObject({
      status: 400,
      body: { code: 'invalid_request' },
    })
  }
})

test('a compressed body is refused without being read', async () => {
  const { api } = await startStack({ workers: 0 })
  const post = (coding: string, body: Buffer | string) =>
    fetch(`${api.url}/v1/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': coding },
      body: Buffer.from(body),
    })
  const job = JSON.stringify({ type: 'echo', input: 'x'.repeat(1000) })
  for (const coding of ['gzip', 'br', 'identity, gzip']) {
    const response = await post(coding, gzipSync(job))
    expect([response.status, response.headers.get('accept-encoding')]).toEqual([415, 'identity'])
    expect(await response.json()).toMatchObject({ code: 'unsupported_media_type' })
  }
  expect((await post('Identity', job)).status).toBe(202)
})

test('security headers forbid scripts, embedding and sniffing; the documentation page runs only its own scripts', async () => {
  const { api } = await startStack({ workers: 0 })
  const { body } = await submit(api.url, 'echo', 1)
  const events = await fetch(`${api.url}/v1/jobs/${body.id}/events`)
  await events.body?.cancel()
  const answers = [
    events,
    ...(await Promise.all(
      ['/livez', '/v1/jobs', '/nothing', '/v1/%ff', '/openapi.json'].map((p) => fetch(api.url + p)),
    )),
  ]
  for (const { url, headers } of answers) {
    expect(headers.get('x-content-type-options'), url).toBe('nosniff')
    expect(headers.get('content-security-policy'), url).toBe("default-src 'none'; frame-ancestors 'none'")
    expect(headers.get('request-id'), url).not.toBeNull()
    expect(headers.get('server') ?? headers.get('x-powered-by'), url).toBeNull()
  }
  const docs = await fetch(`${api.url}/docs`)
  const policy = docs.headers.get('content-security-policy') ?? ''
  expect(docs.headers.get('x-content-type-options')).toBe('nosniff')
  expect(docs.headers.get('x-frame-options')).toBe('DENY')
  for (const part of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "connect-src 'self'"])
    expect(policy.split('; ')).toContain(part)
  const page = await docs.text()
  // Everything that the page loads comes from this server, and nothing is inlined.
  const scripts = Array.from(page.matchAll(/<script([^>]*)>([^<]*)/g), ([, tag = '', text = '']) => ({ tag, text }))
  expect(scripts.length).toBeGreaterThan(0)
  for (const { tag, text } of scripts) expect([/ src="([^"]+)"/.test(tag), text.trim()]).toEqual([true, ''])
  for (const [, address = ''] of page.matchAll(/(?:src|href)="([^"]+)"/g)) {
    const part = await fetch(new URL(address, `${api.url}/docs`))
    expect([part.status, new URL(part.url).origin], address).toEqual([200, new URL(api.url).origin])
    expect(part.headers.get('x-content-type-options'), address).toBe('nosniff')
  }
})

test('no log line contains a key, a query or an input, whatever happens to the request', async () => {
  const secret = 'hush-7d1f'
  const key = makeKey('acme')
  const file = await keysFile([key])
  const { api, workers, env } = await startStack({ env: { LOG_LEVEL: 'trace', API_KEYS_FILE: file.path } })
  const redis = await redisClient()
  const headers = { ...key.headers, cookie: secret, 'x-api-key': secret, 'idempotency-key': `${secret}-1` }
  const post = (body: unknown, more = {}) =>
    send('POST', `${api.url}/v1/jobs`, { body, headers: { ...headers, ...more } })
  const input = { hello: secret }
  const answers = [
    await post({ type: 'echo', input, tags: [secret], metadata: { a: secret } }, { prefer: 'wait=50' }),
    await post({ type: 'echo', input: { hello: `${secret} other` } }),
    await post({ type: 'count-primes', input }),
    await post(`{"type":"echo","input":"${secret}`),
    await post({ type: secret, input }),
    await post({ type: 'echo', input }, { 'content-type': `text/${secret}` }),
    await post(
      { type: 'http-request', input: { url: `http://127.0.0.1:1/?q=${secret}` }, attempts: 1 },
      { 'idempotency-key': `${secret}-2`, prefer: 'wait=50' },
    ),
    await send('GET', `${api.url}/v1/jobs?tag=${secret}`, { headers }),
    await send('GET', `${api.url}/v1/jobs?${secret}=1`, { headers }),
    await send('GET', `${api.url}/nothing?key=${secret}`, { headers }),
    await send('GET', `${api.url}/v1/jobs`, { headers: { authorization: `Bearer ${secret}.${secret}` } }),
  ]
  expect(answers.map(({ status }) => status)).toEqual([200, 422, 400, 400, 404, 415, 200, 200, 400, 404, 401])
  problemIn(
    await sendBytes(api.url, `GET /${secret}?${secret} HTTP/1.1\r\nhost: localhost\r\nno colon ${secret}\r\n\r\n`),
  )
  // An error of Redis carries the arguments of its command, the input among them.
  const onlyAddsUse = new Keys(env['KEY_PREFIX'] ?? '').bull('io', 'pc')
  await redis.set(onlyAddsUse, 'of the wrong kind')
  const broken = await post({ type: 'echo', input }, { 'idempotency-key': 'third' })
  expect(broken).toMatchObject({ status: 500, body: { code: 'internal_error' } })
  await redis.del(onlyAddsUse)

  const readLogs = () =>
    [api, ...workers].flatMap(({ logs, stderr }) => [...logs.map((line) => JSON.stringify(line)), ...stderr])
  const lines = await waitFor('the fault to be logged', readLogs, (all) =>
    all.some((line) => line.includes('request failed') && line.includes('not an integer')),
  )
  expect(lines.some((line) => line.includes('answered'))).toBe(true)
  for (const forbidden of [secret, key.secret]) expect(lines.filter((line) => line.includes(forbidden))).toEqual([])
})
