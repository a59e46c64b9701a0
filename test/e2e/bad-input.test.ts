import { expect, test } from 'vitest'
import { send, submit } from '../helpers/client.ts'
import { sendBytes } from '../helpers/raw-request.ts'
import { startStack } from '../helpers/stack.ts'

test('every mistake in a submission is answered with a problem that names the place', async () => {
  const { api } = await startStack({ workers: 0 })
  const cases: [name: string, body: unknown, status: number, code: string, pointers?: string[]][] = [
    ['malformed JSON', '{"type":', 400, 'invalid_request', ['']],
    ['an empty body', ' ', 400, 'invalid_request', ['']],
    ['an array', [], 400, 'invalid_request', ['']],
    ['no type', { input: 1 }, 400, 'invalid_request', ['/type']],
    ['no input', { type: 'echo' }, 400, 'invalid_request', ['/input']],
    ['an unknown type', { type: 'nope', input: 1 }, 404, 'unknown_job_type'],
    ['a type that is a prototype key', { type: '__proto__', input: 1 }, 404, 'unknown_job_type'],
    ['a refused input', { type: 'count-primes', input: { limit: 'ten' } }, 400, 'invalid_request', ['/input/limit']],
    [
      'two mistakes in an input',
      { type: 'sleep', input: { steps: 0, 'a/b': 1 } },
      400,
      'invalid_request',
      ['/input/duration_ms', '/input/steps', '/input/a~1b'],
    ],
    ['an unknown option', { type: 'echo', input: 1, prio: 3 }, 400, 'invalid_request', ['/prio']],
    ['an option out of range', { type: 'echo', input: 1, priority: 10 }, 400, 'invalid_request', ['/priority']],
    ['an invalid time', { type: 'echo', input: 1, run_at: 'tomorrow' }, 400, 'invalid_request', ['/run_at']],
    [
      'run_at with delay_ms',
      { type: 'echo', input: 1, run_at: '2030-01-01T00:00:00Z', delay_ms: 1 },
      400,
      'invalid_request',
      ['/delay_ms'],
    ],
    ['a prototype key', '{"type":"echo","input":{"__proto__":1}}', 400, 'invalid_request', ['/input/__proto__']],
    ['65 levels', `{"type":"echo","input":${'['.repeat(64)}${']'.repeat(64)}}`, 400, 'invalid_request', ['']],
  ]
  for (const [name, body, status, code, pointers] of cases) {
    const answer = await send<Record<string, unknown>>('POST', `${api.url}/v1/jobs`, { body })
    expect(answer, name).toMatchObject({ status, body: { status, code, instance: '/v1/jobs' } })
    expect(answer.headers.get('content-type'), name).toBe('application/problem+json')
    expect(answer.headers.get('request-id'), name).not.toBeNull()
    const errors = (answer.body['errors'] ?? []) as { pointer: string }[]
    if (pointers) expect(errors.map(({ pointer }) => pointer).toSorted(), name).toEqual(pointers.toSorted())
    expect(JSON.stringify(answer.body), name).not.toMatch(/FST_|ZodError|node_modules|\bat [A-Z]\w+\./)
  }
  const deepest = await send('POST', `${api.url}/v1/jobs`, {
    body: `{"type":"echo","input":${'['.repeat(63)}${']'.repeat(63)}}`,
  })
  expect(deepest.status).toBe(202)
})

test('a problem explains the mistake', async () => {
  const { api } = await startStack({ workers: 0 })
  const url = 'http://example.com'
  const cases: [body: unknown, errors: { pointer: string; detail: unknown }[]][] = [
    [
      { type: 'http-request', input: { url, headers: { 'a b': '1', connection: 'close' } } },
      [
        { pointer: '/input/headers/a b', detail: 'is not a header name' },
        { pointer: '/input/headers/connection', detail: 'is set by the service itself' },
      ],
    ],
    [
      '{"type":"echo","input":{"__proto__":1}}',
      [{ pointer: '/input/__proto__', detail: expect.stringContaining('"__proto__"') }],
    ],
    [
      '{"type":"echo","input":{"constructor":{"prototype":1}}}',
      [{ pointer: '/input/constructor/prototype', detail: expect.stringContaining('"constructor"') }],
    ],
    ['{"type":"echo","input":{"__proto__":1}', [{ pointer: '', detail: 'The body is not valid JSON.' }]],
  ]
  for (const [body, errors] of cases) {
    const answer = await send('POST', `${api.url}/v1/jobs`, { body })
    expect(answer).toMatchObject({ status: 400, body: { errors } })
  }
})

test('bodies that are too large, of another type or not UTF-8 are refused', async () => {
  const { api } = await startStack({ workers: 0, env: { BODY_LIMIT_BYTES: '2000' } })
  expect(await submit(api.url, 'echo', 'x'.repeat(3000))).toMatchObject({
    status: 413,
    body: { code: 'payload_too_large' },
  })
  const form = await send('POST', `${api.url}/v1/jobs`, {
    body: 'type=echo',
    headers: { 'content-type': 'text/plain' },
  })
  expect(form).toMatchObject({ status: 415, body: { code: 'unsupported_media_type' } })
  const body = Buffer.from([...Buffer.from('{"type":"echo","input":"'), 0xff, ...Buffer.from('"}')])
  const response = await fetch(`${api.url}/v1/jobs`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  })
  expect([response.status, await response.json()]).toMatchObject([400, { detail: 'The body is not valid UTF-8.' }])
})

test('a missing body is refused as such, and a trailing slash names no empty id', async () => {
  const { api } = await startStack({ workers: 0 })
  for (const path of ['/v1/jobs', '/v1/flows']) {
    expect(await send('POST', `${api.url}${path}`)).toMatchObject({
      status: 400,
      body: { detail: expect.stringMatching(/^(body|\/flow): (is required|must be)/) },
    })
  }
  const put = await send('PUT', `${api.url}/v1/schedules/s`)
  expect(put).toMatchObject({ status: 400, body: { errors: [{ pointer: '', detail: 'is required' }] } })
  const missing = await send('POST', `${api.url}/v1/jobs`, { body: { type: 'sleep', input: {} } })
  expect(missing).toMatchObject({
    status: 400,
    body: { errors: [{ pointer: '/input/duration_ms', detail: 'is required' }] },
  })
  expect(await send('GET', `${api.url}/v1/jobs/?limit=1`)).toMatchObject({ status: 200, body: { items: [] } })
})

test('invalid paths, ids and parameters are refused in the same form', async () => {
  const { api } = await startStack({ workers: 0 })
  const cases: [path: string, status: number, code: string][] = [
    ['/v1/jobs/io_01m82n0yt6a17zs46knkfzwasz', 404, 'job_not_found'],
    ['/v1/jobs/io_01m82n0yt6a17zs46knkfzwasz/events', 404, 'job_not_found'],
    ['/v1/jobs/x', 404, 'job_not_found'],
    ['/v1/jobs/x%00y', 404, 'job_not_found'],
    [`/v1/jobs/${'x'.repeat(400)}`, 404, 'job_not_found'],
    [`/v1/jobs/${'x'.repeat(4000)}`, 404, 'job_not_found'],
    [`/v1/jobs/${'x'.repeat(4000)}/events`, 404, 'job_not_found'],
    [`/v1/jobs/x/deliveries/${'x'.repeat(4000)}/nothing`, 404, 'route_not_found'],
    [`/v1/flows/${'x'.repeat(4000)}`, 404, 'flow_not_found'],
    [`/v1/queues/${'x'.repeat(4000)}`, 404, 'queue_not_found'],
    [`/v1/job-types/${'x'.repeat(4000)}`, 404, 'unknown_job_type'],
    ['/v1/jobs/x/events?after=abc', 400, 'invalid_request'],
    ['/v1/jobs/x/events?after=1', 404, 'job_not_found'],
    ['/v1/jobs/x?verbose=1', 400, 'invalid_request'],
    ['/v1/job-types/nope', 404, 'unknown_job_type'],
    ['/v1/%ff', 400, 'invalid_request'],
    ['/nothing/here?key=secret', 404, 'route_not_found'],
  ]
  for (const [path, status, code] of cases) {
    const answer = await send('GET', api.url + path)
    expect(answer, path).toMatchObject({ status, body: { status, code } })
    expect(JSON.stringify(answer.body)).not.toContain('secret')
  }
  expect(await sendBytes(api.url, 'GET / HTTP/1.1\r\nhost: localhost\r\nno colon\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /)
  const id = await send('GET', `${api.url}/livez`, { headers: { 'request-id': 'my-id.1' } })
  expect(id.headers.get('request-id')).toBe('my-id.1')
  const harmful = await send('GET', `${api.url}/livez`, { headers: { 'request-id': 'a b<script>' } })
  expect(harmful.headers.get('request-id')).toMatch(/^[\w-]{8}$/)
})
