import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { createGzip, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import httpRequest from '../../../src/jobs/catalog/http-request.ts'
import { readRetryAfter } from '../../../src/jobs/web/http-response.ts'
import { runJob, startJob } from '../../helpers/job-context.ts'
import { serve } from '../../helpers/local-site.ts'

async function serveAnswer(
  status: number,
  headers: Record<string, string | string[]> = {},
  body: string | Buffer = '',
) {
  return serve((_request, response) => response.writeHead(status, headers).end(body))
}

/** Answers with what it was sent. */
async function serveMirror() {
  return serve((request, response) => {
    void describeRequest(request).then((description) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(description),
    )
  })
}

async function describeRequest(request: IncomingMessage): Promise<string> {
  return JSON.stringify({ method: request.method, type: request.headers['content-type'], body: await text(request) })
}

describe('http-request', () => {
  test('returns status, headers, body and sizes', async () => {
    const headers = { 'content-type': 'text/plain; charset=utf-8', 'set-cookie': ['a=1, 2', 'b=3'] }
    const site = await serveAnswer(201, headers, 'grüß')
    expect(await runJob(httpRequest, { url: site.url })).toEqual({
      status: 201,
      headers: expect.objectContaining({ 'content-type': 'text/plain; charset=utf-8', 'set-cookie': 'a=1, 2\nb=3' }),
      body: 'grüß',
      bytes: 6,
      duration_ms: expect.any(Number),
    })
  })

  test.each([
    ['a string as it is', { body: 'a=1' }, 'text/plain;charset=UTF-8', 'a=1'],
    ['an object as JSON', { body: { a: [1] } }, 'application/json', '{"a":[1]}'],
    ['false as JSON', { body: false }, 'application/json', 'false'],
    [
      'JSON under a type of its own',
      { body: [1], headers: { 'Content-Type': 'application/x+json' } },
      'application/x+json',
      '[1]',
    ],
    ['nothing for null', { body: null }, undefined, ''],
  ])('sends %s', async (_what, input, type, body) => {
    const site = await serveMirror()
    const output = await runJob(httpRequest, { url: site.url, method: 'POST', ...input })
    expect(output).toMatchObject({ body: JSON.stringify({ method: 'POST', type, body }) })
  })

  test.each([
    ['the charset of the header', 'text/plain; charset="ISO-8859-1"', Buffer.from([0xfc]), 'ü'],
    ['a byte order mark before it', 'text/plain; charset=iso-8859-1', Buffer.from([0xef, 0xbb, 0xbf, 0xc3, 0xbc]), 'ü'],
    ['UTF-16', 'text/plain', Buffer.from([0xff, 0xfe, 0xfc, 0x00]), 'ü'],
    ['UTF-8 where the charset is unknown', 'text/plain; charset=klingon', Buffer.from('ü'), 'ü'],
    ['JSON as text', 'application/problem+json', Buffer.from('{}'), '{}'],
    ['no type as text', '', Buffer.from('hi'), 'hi'],
    ['an image as base64', 'image/png', Buffer.from([0x89, 0x50]), 'iVA='],
  ])('reads %s', async (_what, contentType, bytes, body) => {
    const site = await serveAnswer(200, contentType === '' ? {} : { 'content-type': contentType }, bytes)
    expect(await runJob(httpRequest, { url: site.url })).toMatchObject({ body, bytes: bytes.length })
  })

  test('reads a compressed body', async () => {
    const site = await serveAnswer(200, { 'content-encoding': 'gzip', 'content-type': 'text/plain' }, gzipSync('hello'))
    expect(await runJob(httpRequest, { url: site.url })).toMatchObject({ body: 'hello', bytes: 5 })
  })

  test('refuses a body that inflates beyond the cap, and reads no more of it than needed', async () => {
    let sent = 0
    const site = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' })
      const gzip = createGzip()
      gzip.on('data', (chunk: Buffer) => (sent += chunk.length))
      gzip.pipe(response)
      const zeros = Buffer.alloc(1 << 20)
      const fill = () => {
        while (!response.destroyed && gzip.write(zeros));
      }
      gzip.on('drain', fill)
      fill()
    })
    await expect(runJob(httpRequest, { url: site.url })).rejects.toMatchObject({
      code: 'response_too_large',
      retryable: false,
    })
    expect(sent).toBeLessThan(5 << 20)
  })

  test.each([400, 401, 404, 409])('ends the job on %i, which another attempt would not change', async (status) => {
    const site = await serveAnswer(status, {}, 'secret')
    await expect(runJob(httpRequest, { url: `${site.url}/?key=secret` })).rejects.toMatchObject({
      code: 'unexpected_status',
      retryable: false,
      message: `127.0.0.1:${site.port} answered ${status}`,
    })
  })

  test.each([429, 500, 502, 503])('lets %i be retried', async (status) => {
    const site = await serveAnswer(status)
    await expect(runJob(httpRequest, { url: site.url })).rejects.toMatchObject({
      retryable: true,
      retryAfterMs: undefined,
    })
  })

  test.each([429, 503])('waits for the Retry-After of a %i', async (status) => {
    const site = await serveAnswer(status, { 'retry-after': '7' })
    await expect(runJob(httpRequest, { url: site.url })).rejects.toMatchObject({ retryable: true, retryAfterMs: 7000 })
  })

  test('accepts the expected statuses, and only these', async () => {
    const missing = await serveAnswer(404)
    expect(await runJob(httpRequest, { url: missing.url, expect_status: 404 })).toMatchObject({ status: 404 })
    expect(await runJob(httpRequest, { url: missing.url, expect_status: [200, 404] })).toMatchObject({ status: 404 })
    const fine = await serveAnswer(200)
    await expect(runJob(httpRequest, { url: fine.url, expect_status: [201] })).rejects.toMatchObject({
      retryable: false,
    })
  })

  test('follows a redirect unless its status is expected', async () => {
    const site = await serve((request, response) => {
      if (request.url === '/') response.writeHead(302, { location: '/there' }).end()
      else response.end('arrived')
    })
    expect(await runJob(httpRequest, { url: site.url })).toMatchObject({ status: 200, body: 'arrived' })
    expect(await runJob(httpRequest, { url: site.url, expect_status: 302 })).toMatchObject({ status: 302 })
  })

  test('lets a broken connection be retried, whether before or within the body', async () => {
    const site = await serve((request, response) => {
      if (request.url === '/body') response.writeHead(200, { 'content-length': '100' }).write('half')
      setImmediate(() => request.socket.destroy())
    })
    const expected = { code: 'network_error', retryable: true, message: expect.stringContaining('127.0.0.1') }
    await expect(runJob(httpRequest, { url: site.url })).rejects.toMatchObject(expected)
    await expect(runJob(httpRequest, { url: `${site.url}/body` })).rejects.toMatchObject(expected)
  })

  test('does not reach a private address', async () => {
    const site = await serveAnswer(200)
    await expect(runJob(httpRequest, { url: site.url }, { allowCidrs: [] })).rejects.toMatchObject({
      code: 'egress_refused',
      retryable: false,
    })
  })

  test('ends when it is aborted, while it waits and while it reads', async () => {
    const site = await serve((request, response) => {
      if (request.url === '/body') response.write('half')
    })
    for (const path of ['/', '/body']) {
      const job = startJob(httpRequest, { url: `${site.url}${path}` })
      await once(site.server, 'request')
      job.abort(new Error('stop'))
      await expect(job.done).rejects.toThrow('stop')
    }
  })

  test.each([
    [{ url: 'ftp://example.com/' }],
    [{ url: '/path' }],
    [{ url: 'http://example.com/', headers: { 'x-a': 'b\r\nx-c: d' } }],
    [{ url: 'http://example.com/', headers: { 'x-a': 'b\nc' } }],
    [{ url: 'http://example.com/', headers: { 'x-a\r\n': 'b' } }],
    [{ url: 'http://example.com/', headers: { 'x a': 'b' } }],
    [{ url: 'http://example.com/', headers: { 'Transfer-Encoding': 'chunked' } }],
    [{ url: 'http://example.com/', headers: { Host: 'other.example.com' } }],
    [{ url: 'http://example.com/', headers: { 'Proxy-Authorization': 'Basic eA==' } }],
    [{ url: 'http://example.com/', headers: { 'proxy-connection': 'close' } }],
    [{ url: 'http://example.com/', headers: { Upgrade: 'h2c', 'HTTP2-Settings': 'eA' } }],
    [{ url: 'http://example.com/', headers: { 'Sec-WebSocket-Key': 'eA==' } }],
    [{ url: 'http://example.com/', headers: { 'drover-hops': '0' } }],
    [{ url: 'http://example.com/', method: 'TRACE' }],
    [{ url: 'http://example.com/', body: 'of a GET' }],
    [{ url: 'http://example.com/', expect_status: 99 }],
    [{ url: 'http://example.com/', expect_status: [] }],
    [{ url: 'http://example.com/', verb: 'GET' }],
  ])('refuses %j', (input) => {
    expect(httpRequest.input.safeParse(input).success).toBe(false)
  })
})

describe('Retry-After', () => {
  const now = Date.UTC(1994, 10, 6, 8, 49, 37)

  test.each([
    ['120', 120_000],
    ['0', 0],
    ['Sun, 06 Nov 1994 08:49:47 GMT', 10_000],
    ['Sunday, 06-Nov-94 08:49:47 GMT', 10_000],
    ['Sun Nov  6 08:49:47 1994', 10_000],
    ['Sun, 06 Nov 1994 08:00:00 GMT', 0],
    ['99999999999', 86_400_000],
    ['12.5', undefined],
    ['-1', undefined],
    ['soon', undefined],
    ['', undefined],
    [null, undefined],
  ])('%j means %j ms', (header, expected) => {
    expect(readRetryAfter(header, now)).toBe(expected)
  })
})
