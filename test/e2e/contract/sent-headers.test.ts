import { expect, test } from 'vitest'
import { keysFile, makeKey } from '../../helpers/keys-file.ts'
import { startStack } from '../../helpers/stack.ts'
import { ApiDocument } from './api-document.ts'

const securityHeaders = ['content-security-policy', 'x-content-type-options', 'x-frame-options', 'referrer-policy']

interface Call {
  body?: unknown
  headers?: Record<string, string>
}

/** A stack whose only tenant has a limit of requests per minute, and a client that compares each answer with the document. */
async function documentedStack(options: { workers?: number } = {}) {
  const key = makeKey('acme', ['admin'])
  const file = await keysFile([key], { acme: { requests_per_minute: 1000 } })
  const { api } = await startStack({ ...options, env: { API_KEYS_FILE: file.path, PUBLIC_ENDPOINTS: 'docs' } })
  const document = await ApiDocument.load(api.url)
  /** The headers of the successful answers of each operation, by name and status. */
  const sent = new Map<string, Set<string>>()
  const call = async (method: string, path: string, { body, headers = {} }: Call = {}) => {
    const json = body === undefined ? {} : { 'content-type': 'application/json' }
    const response = await fetch(api.url + path, {
      method,
      headers: { ...key.headers, ...json, ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const endpoint = document.match(method, path.split('?', 1)[0] ?? '')
    if (!endpoint) throw new Error(`the document has no ${method} ${path}`)
    const answer = {
      status: response.status,
      contentType: response.headers.get('content-type') ?? undefined,
      headers: Object.fromEntries(response.headers),
      body: await response.text(),
    }
    expect(document.undocumented(endpoint, answer), `${method} ${path}`).toBeUndefined()
    expect(Object.keys(answer.headers), `${method} ${path}`).toEqual(
      expect.arrayContaining([...securityHeaders, 'request-id', 'ratelimit', 'ratelimit-policy']),
    )
    const place = `${endpoint.operation.operationId} ${answer.status}`
    sent.set(place, new Set([...(sent.get(place) ?? []), ...Object.keys(answer.headers)]))
    return answer
  }
  return { document, call, sent }
}

test('every answer has the headers that the document names for it, and no others', { timeout: 120_000 }, async () => {
  const { document, call, sent } = await documentedStack()
  const idOf = ({ body }: { body: string }) => (JSON.parse(body) as { id: string }).id
  const submit = (path: string, body: object, headers: Record<string, string> = {}) =>
    call('POST', path, { body, headers })
  const job = { type: 'echo', input: 'x'.repeat(100) }
  const later = { type: 'echo', input: 1, delay_ms: 600_000 }
  const flow = { flow: { chain: [job, { gather: [job, job] }] } }

  for (const [path, done, open] of [
    ['/v1/jobs', job, later],
    ['/v1/flows', flow, { flow: later }],
  ] as const) {
    const id = idOf(await submit(path, done, { prefer: 'wait=50', 'idempotency-key': path }))
    await submit(path, done, { prefer: 'wait=50', 'idempotency-key': path })
    const waiting = idOf(await submit(path, open, { prefer: 'wait=0', 'idempotency-key': `${path}-later` }))
    await submit(path, open, { prefer: 'wait=0', 'idempotency-key': `${path}-later` })
    const read = await call('GET', `${path}/${id}`, { headers: { prefer: 'wait=1' } })
    const etag = String(read.headers['etag'])
    const known = await call('GET', `${path}/${id}`, { headers: { prefer: 'wait=1', 'if-none-match': etag } })
    expect(known.status).toBe(304)
    const unfinished = await call('GET', `${path}/${waiting}`, { headers: { prefer: 'wait=0' } })
    expect(unfinished.status).toBe(202)
    await call('GET', `${path}/${id}/events`)
    await call('GET', `${path}/${id}/deliveries`)
    await call('POST', `${path}/${waiting}/cancel`)
    await call('POST', `${path}/${waiting}/retry`)
    await call('POST', `${path}/${waiting}/cancel`)
  }

  const unique = (on_conflict: string) => ({ ...later, unique: { key: 'k', on_conflict } })
  for (const how of ['existing', 'existing', 'reject', 'replace']) await submit('/v1/jobs', unique(how))

  const logging = idOf(await submit('/v1/jobs', { type: 'sleep', input: { duration_ms: 1 } }, { prefer: 'wait=50' }))
  await call('GET', `/v1/jobs/${logging}/logs?limit=1`)
  const output = await call('GET', `/v1/jobs/${logging}/output`)
  const etag = String(output.headers['etag'])
  await call('GET', `/v1/jobs/${logging}/output`, { headers: { 'if-none-match': etag } })
  await call('GET', `/v1/jobs/${logging}/output`, { headers: { range: 'bytes=0-1' } })
  await call('GET', `/v1/jobs/${logging}/output`, { headers: { range: 'bytes=999-' } })
  await call('GET', '/v1/jobs?limit=1')
  const flowId = idOf(await submit('/v1/flows', flow, { prefer: 'wait=50' }))
  await call('GET', `/v1/flows/${flowId}/results?limit=1`)
  await call('GET', `/v1/flows/${flowId}/results`, { headers: { accept: 'application/x-ndjson' } })

  for (const id of ['a', 'b', 'a'])
    await call('PUT', `/v1/schedules/${id}`, { body: { every_ms: 3_600_000, job: { type: 'echo', input: 1 } } })
  await call('GET', '/v1/schedules?limit=1')
  await call('DELETE', '/v1/schedules/a')
  await call('DELETE', `/v1/jobs/${logging}`)
  await call('GET', '/v1/job-types')
  await call('POST', '/v1/queues/cpu/pause')
  await call('GET', '/v1/queues')
  await call('POST', '/v1/jobs', { body: job, headers: { 'content-encoding': 'gzip' } })
  await call('GET', '/metrics')

  // What is documented and was never sent, of the operations that were called.
  const unsent = document.endpoints.flatMap(({ operation }) =>
    document.responses(operation).flatMap(([status, { headers = {} }]) => {
      const { operationId } = operation
      const names = sent.get(`${operationId} ${status}`)
      return names
        ? Object.keys(headers).flatMap((name) => (names.has(name) ? [] : [`${operationId} ${status} ${name}`]))
        : []
    }),
  )
  // Sent where no worker consumes the queue, and where a handler has logged more than a page.
  expect(unsent).toEqual(['submitJob 202 warning', 'readJobLogs 200 link', 'submitFlow 202 warning'])
})

test('a job and a flow that no worker consumes are accepted with a documented warning', async () => {
  const { call } = await documentedStack({ workers: 0 })
  const job = { type: 'echo', input: 1 }
  const alone = await call('POST', '/v1/jobs', { body: job })
  const flow = await call('POST', '/v1/flows', {
    body: { flow: { chain: [job, { type: 'count-primes', input: { limit: 10 } }] } },
  })
  const warningOf = (queue: string) => `199 drover "no worker consumes the queue ${queue} at the moment"`
  expect([alone.status, alone.headers['warning']]).toEqual([202, warningOf('io')])
  expect([flow.status, flow.headers['warning']]).toEqual([202, `${warningOf('io')}, ${warningOf('cpu')}`])
})
