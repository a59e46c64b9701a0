import { request } from 'node:http'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { send, submit, watchToEnd } from '../helpers/client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { ApiDocument } from './contract/api-document.ts'

const call = (url: string, method: string, headers: Record<string, string> = {}) => fetch(url, { method, headers })

/** The status and the headers of an answer whose body is left alone: `fetch` decompresses, and refuses TRACE. */
function sendRaw(url: string, method: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }>((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      )
    })
    sent.on('error', reject)
    sent.end()
  })
}

test('a known path answers a method that it does not have with 405 and Allow, and OPTIONS with 204', async () => {
  const { api } = await startStack({ workers: 0 })
  const document = await ApiDocument.load(api.url)
  const templates = new Map<string, string[]>()
  for (const { method, template } of document.endpoints)
    templates.set(template, [...(templates.get(template) ?? []), method])
  for (const [template, methods] of templates) {
    const path = template.replaceAll(/\{\w+\}/g, 'a')
    const allowed = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].sort()
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND']) {
      if (allowed.includes(method)) continue
      const answer = await sendRaw(`${api.url}${path}?a=1`, method)
      expect([answer.status, answer.headers['allow']], `${method} ${path}`).toEqual([405, allowed.join(', ')])
      expect(answer.headers['content-type']).toBe('application/problem+json')
      if (method !== 'HEAD') expect(JSON.parse(String(answer.body))).toMatchObject({ code: 'method_not_allowed' })
    }
    const options = await sendRaw(api.url + path, 'OPTIONS')
    expect([options.status, options.headers['allow'], String(options.body)]).toEqual([204, allowed.join(', '), ''])
  }
  for (const [method, path] of [
    ['OPTIONS', '/nothing'],
    ['PUT', '/v1'],
    ['TRACE', '/v1/jobs/a/b/c/d'],
  ] as const)
    expect((await sendRaw(api.url + path, method)).status, path).toBe(404)

  const odd = await send('PUT', `${api.url}/v1/jobs`, { body: '{', headers: { 'content-type': 'text/odd' } })
  expect(odd).toMatchObject({ status: 405, body: { code: 'method_not_allowed', instance: '/v1/jobs' } })
})

test('preflights of a front end are answered for known and unknown paths, and its 405 can be read', async () => {
  const app = 'https://app.example'
  const { api } = await startStack({ workers: 0, env: { CORS_ORIGINS: app } })
  const preflight = { origin: app, 'access-control-request-method': 'PUT' }
  const known = await sendRaw(`${api.url}/v1/jobs`, 'OPTIONS', preflight)
  expect(known).toMatchObject({
    status: 204,
    headers: { 'access-control-allow-origin': app, allow: 'GET, HEAD, OPTIONS, POST' },
  })
  expect((await sendRaw(`${api.url}/nothing`, 'OPTIONS', preflight)).status).toBe(204)
  expect((await sendRaw(`${api.url}/nothing`, 'OPTIONS')).status).toBe(404)
  const refused = await sendRaw(`${api.url}/v1/jobs`, 'PUT', { origin: app })
  expect(refused).toMatchObject({ status: 405, headers: { 'access-control-allow-origin': app } })
})

test('HEAD answers every GET at once with its headers and no body', async () => {
  const { api } = await startStack({ env: { WORKER_QUEUES: 'io:10' } })
  const done = await submit(api.url, 'echo', 'x'.repeat(5000), { waitS: 20 })
  const running = await submit(api.url, 'sleep', { duration_ms: 600_000 })
  const flow = await send<{ id: string }>('POST', `${api.url}/v1/flows`, {
    body: { flow: { chain: [{ type: 'sleep', input: { duration_ms: 600_000 } }] } },
  })
  const ndjson = { accept: 'application/x-ndjson' }
  for (const [path, type, headers] of [
    [`/v1/jobs/${done.body.id}`, 'application/json; charset=utf-8', {}],
    [`/v1/jobs/${done.body.id}/output`, 'application/json; charset=utf-8', {}],
    [`/v1/jobs/${running.body.id}/events`, 'text/event-stream', {}],
    [`/v1/jobs/${running.body.id}/values`, 'application/x-ndjson', ndjson],
    [`/v1/jobs/${running.body.id}/values`, 'application/json; charset=utf-8', {}],
    [`/v1/flows/${flow.body.id}/events`, 'text/event-stream', {}],
    [`/v1/flows/${flow.body.id}/results`, 'application/x-ndjson', ndjson],
    ['/v1/jobs?limit=1', 'application/json; charset=utf-8', {}],
    ['/openapi.json', 'application/json; charset=utf-8', {}],
  ] as const) {
    const answer = await sendRaw(api.url + path, 'HEAD', headers)
    expect([answer.status, answer.headers['content-type'], answer.body.length], path).toEqual([200, type, 0])
    if (!type.startsWith('application/json')) continue
    const whole = await sendRaw(api.url + path, 'GET', headers)
    expect(answer.headers['content-length'], path).toBe(String(whole.body.length))
  }
  for (const path of [
    '/v1/jobs/none/events',
    '/v1/flows/none/events',
    '/v1/jobs/none/values',
    '/v1/flows/none/results',
  ])
    expect((await sendRaw(api.url + path, 'HEAD', ndjson)).status, path).toBe(404)
})

test('a stream that resumes after done of the current run gets 204, and what has more to come gets it', async () => {
  const { api } = await startStack()
  const failing = await submit(api.url, 'sleep', { duration_ms: 1, fail_at: 0 }, { waitS: 20, attempts: 1 })
  const flow = await send<{ id: string }>('POST', `${api.url}/v1/flows`, {
    body: { flow: { chain: [{ type: 'echo', input: 1 }] } },
    headers: { prefer: 'wait=50' },
  })
  const resumed = (path: string, id: number | string) => call(`${api.url}${path}`, 'GET', { 'last-event-id': `${id}` })
  for (const [kind, { id }] of [
    ['jobs', failing.body],
    ['flows', flow.body],
  ] as const) {
    const path = `/v1/${kind}/${id}/events`
    const events = (await (await call(api.url + path, 'GET')).text()).matchAll(/^id: (\d+)\nevent: (\w+)/gm)
    const ids = new Map(Array.from(events, ([, eventId, event]) => [event, Number(eventId)]))
    const last = ids.get('done') ?? 0
    const complete = await resumed(path, last)
    expect([complete.status, await complete.text()], path).toEqual([204, ''])
    expect((await call(`${api.url}${path}?after=${last}`, 'GET')).status).toBe(204)
    const head = await sendRaw(api.url + path, 'HEAD', { 'last-event-id': `${last}` })
    expect([head.status, head.headers['content-length']]).toEqual([204, undefined])
    for (const earlier of [ids.get('snapshot') ?? 0, 0, last - 1, last + 1_000_000, 'odd']) {
      const answer = await resumed(path, earlier)
      expect(answer.status, `${path} ${earlier}`).toBe(200)
      expect(await answer.text()).toContain('event: done')
    }
  }
  // Another run of the same job has the same stored events, and its client has not seen its end.
  const before = await watchToEnd(api.url, failing.body.id)
  await send('POST', `${api.url}/v1/jobs/${failing.body.id}/retry`)
  await waitFor(
    'the second run',
    () => send<{ done: boolean; run: number }>('GET', `${api.url}/v1/jobs/${failing.body.id}`),
    ({ body }) => body.done && body.run === 2,
  )
  const after = await watchToEnd(api.url, failing.body.id, before.at(-1)?.id)
  expect(after.at(-1)).toMatchObject({ event: 'done', data: { run: 2 } })
  expect(after.every(({ id }) => id > Number(before.at(-1)?.id))).toBe(true)
  expect((await resumed(`/v1/jobs/${failing.body.id}/events`, Number(after.at(-1)?.id))).status).toBe(204)

  const { body } = await submit(api.url, 'sleep', { duration_ms: 400, steps: 4 })
  const live = await watchToEnd(api.url, body.id)
  const late = await watchToEnd(api.url, body.id)
  const later = await watchToEnd(api.url, body.id, live[1]?.id)
  expect(live.length).toBeGreaterThan(late.length)
  expect(new Set([live, late, later].map((events) => events.at(-1)?.id)).size).toBe(1)
  for (const events of [live, late, later])
    expect(events.map(({ id }) => id)).toEqual(events.map(({ id }) => id).toSorted((a, b) => a - b))
})

test('If-Match and If-None-Match decide whether a schedule is replaced or deleted', async () => {
  const { api, addApi, env } = await startStack()
  const url = `${api.url}/v1/schedules/nightly`
  const put = (headers: Record<string, string>, every = 60_000) =>
    send<{ code?: string }>('PUT', url, { body: { every_ms: every, job: { type: 'echo', input: 1 } }, headers })
  expect(await put({ 'if-match': '*' })).toMatchObject({ status: 412, body: { code: 'precondition_failed' } })
  const created = await put({ 'if-none-match': '*' })
  expect(created.status).toBe(201)
  expect((await put({ 'if-none-match': '*' })).status).toBe(412)
  const first = created.headers.get('etag') ?? ''
  const read = await send('GET', url)
  expect(read.headers.get('etag')).toBe(first)
  expect((await send('GET', url, { headers: { 'if-none-match': `"other", ${first}` } })).status).toBe(304)
  expect((await put({ 'if-match': 'W/"weak", "other"' })).status).toBe(412)
  expect((await put({ 'if-match': `W/${first}` })).status).toBe(412)
  const replaced = await put({ 'if-match': `"other", ${first}` }, 70_000)
  expect(replaced.status).toBe(200)
  expect(replaced.headers.get('etag')).not.toBe(first)
  expect((await put({ 'if-match': first })).status).toBe(412)
  expect((await put({ 'if-none-match': replaced.headers.get('etag') ?? '' })).status).toBe(412)
  expect((await put({ 'if-none-match': first })).status).toBe(200)
  expect(await send('GET', url)).toMatchObject({ body: { every_ms: 60_000 } })
  const patch = (tag: string, body: unknown = { paused: true }) =>
    send('PATCH', url, { body, headers: { 'if-match': tag } })
  const newest = (await send('GET', url)).headers.get('etag') ?? ''
  expect((await patch(first)).status).toBe(412)
  const paused = await patch(newest)
  expect(paused).toMatchObject({ status: 200, body: { paused: true, every_ms: 60_000, next_run_at: null } })
  expect((await patch(newest, { paused: false })).status).toBe(412)
  expect((await patch(paused.headers.get('etag') ?? '', { every_ms: 70_000 })).status).toBe(400)
  expect((await send('PATCH', `${api.url}/v1/schedules/none`, { body: { paused: true } })).status).toBe(404)
  // What is wrong with a request counts first.
  expect((await send('PUT', url, { body: {}, headers: { 'if-match': first } })).status).toBe(400)
  expect((await send('DELETE', url, { headers: { 'if-match': first } })).status).toBe(412)
  expect((await send('DELETE', url, { headers: { 'if-match': '*' } })).status).toBe(204)
  expect((await send('DELETE', url, { headers: { 'if-match': '*' } })).status).toBe(404)

  // Of many who replace what they have read at once, one succeeds.
  const shared = `${api.url}/v1/schedules/shared`
  const race = (headers: Record<string, string>) =>
    Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        send('PUT', shared, { body: { every_ms: 60_000 + n, job: { type: 'echo', input: 1 } }, headers }),
      ),
    )
  const refused = Array.from({ length: 7 }, () => 412)
  const statuses = (answers: { status: number }[]) => answers.map(({ status }) => status).toSorted((a, b) => a - b)
  const creations = await race({ 'if-none-match': '*' })
  expect(statuses(creations)).toEqual([201, ...refused])
  const tag = creations.find(({ status }) => status === 201)?.headers.get('etag') ?? ''
  const replacements = await race({ 'if-match': tag })
  expect(statuses(replacements)).toEqual([200, ...refused])

  // Of many who replace it unconditionally, through two processes, nobody gets the tag of another's.
  const urls = [shared, `${(await addApi(env)).url}/v1/schedules/shared`] as const
  for (let round = 0; round < 10; round++) {
    await Promise.all(
      Array.from({ length: 16 }, async (_, n) => {
        const every_ms = 60_000 + round * 100 + n
        const put = { every_ms, job: { type: 'echo', input: 1 } }
        const { status, headers, body } = await send<{ every_ms?: number }>('PUT', urls[n % 2 === 0 ? 0 : 1], {
          body: put,
        })
        expect([200, 409]).toContain(status)
        if (headers.has('etag')) expect(body.every_ms).toBe(every_ms)
      }),
    )
  }

  // A run does not make the tag of an earlier read stale.
  const often = `${api.url}/v1/schedules/often`
  const body = { every_ms: 1000, job: { type: 'echo', input: 1 } }
  const before = await send('PUT', often, { body })
  const ran = await waitFor(
    'a run',
    () => send<{ last_job_id: string | null }>('GET', often),
    ({ body: { last_job_id: id } }) => id !== null,
  )
  expect(ran.headers.get('etag')).not.toBe(before.headers.get('etag'))
  const headers = { 'if-match': before.headers.get('etag') ?? '' }
  expect((await send('PUT', often, { body, headers })).status).toBe(200)
})

test('JSON above 1 KB is compressed for a client that accepts it, and streams and ranges are not', async () => {
  const { api } = await startStack()
  const { body } = await submit(api.url, 'echo', 'x'.repeat(5000), { waitS: 20 })
  const get = (path: string, coding: string, more = {}) =>
    sendRaw(api.url + path, 'GET', { 'accept-encoding': coding, ...more })
  const path = `/v1/jobs/${body.id}`
  const plain = await get(path, 'identity')
  expect(plain.headers).toMatchObject({ vary: 'accept-encoding', 'content-length': String(plain.body.length) })
  expect(plain.headers['content-encoding']).toBeUndefined()
  for (const [accepted, coding, open] of [
    ['gzip', 'gzip', gunzipSync],
    ['gzip;q=0.9, br;q=0.5', 'gzip', gunzipSync],
    ['gzip, deflate, br', 'br', brotliDecompressSync],
    ['*', 'br', brotliDecompressSync],
  ] as const) {
    const answer = await get(path, accepted)
    expect(answer.headers['content-encoding'], accepted).toBe(coding)
    expect(answer.body.length).toBeLessThan(plain.body.length / 3)
    expect(open(answer.body).equals(plain.body)).toBe(true)
    // Two representations never share a strong tag, and each is known when it comes back.
    expect(answer.headers['etag']).not.toBe(plain.headers['etag'])
    const known = await get(path, accepted, { 'if-none-match': String(answer.headers['etag']) })
    expect([known.status, known.headers['etag']]).toEqual([304, answer.headers['etag']])
    expect(known.headers['vary'], '304').toBe(answer.headers['vary'])
    const head = await sendRaw(api.url + path, 'HEAD', { 'if-none-match': String(answer.headers['etag']) })
    expect([head.status, head.headers['content-length']]).toEqual([304, undefined])
  }
  for (const refused of ['gzip;q=0', 'deflate, identity', '*;q=0', 'gzip;q=odd'])
    expect((await get(path, refused)).headers['content-encoding'], refused).toBeUndefined()

  const uncompressed = [
    [`${path}/events`, {}],
    [`${path}/values`, { accept: 'application/x-ndjson' }],
    [`${path}/output`, { range: 'bytes=0-2000' }],
    [`${path}/output`, {}],
    ['/livez', {}],
  ] as const
  for (const [other, headers] of uncompressed)
    expect((await get(other, 'gzip, br', headers)).headers['content-encoding'], other).toBeUndefined()
  expect((await get('/openapi.json', 'gzip')).headers['content-encoding']).toBe('gzip')
  const values = await get(`${path}/values`, 'gzip', { accept: 'application/x-ndjson' })
  expect(values.headers['vary']).toBe('accept')
})

test('a wait that ends with the job says how long it was queued and ran', async () => {
  const { api } = await startStack()
  const timing = (headers: Headers) => {
    const metrics = headers.get('server-timing')?.matchAll(/(\w+);dur=(\d+)/g) ?? []
    return Object.fromEntries(Array.from(metrics, ([, name, ms]) => [name, Number(ms)]))
  }
  const { body, headers } = await submit(api.url, 'sleep', { duration_ms: 300 }, { waitS: 20 })
  const { queue, run, total } = timing(headers)
  expect(run).toBeGreaterThanOrEqual(290)
  expect(Number(queue) + Number(run)).toBe(total)
  const read = await send('GET', `${api.url}/v1/jobs/${body.id}`, { headers: { prefer: 'wait=1' } })
  expect(timing(read.headers)).toEqual({ queue, run, total })
  const ran = await send('POST', `${api.url}/v1/job-types/sleep/run`, { body: { duration_ms: 1, fail_at: 0 } })
  expect([ran.status, Object.keys(timing(ran.headers))]).toEqual([422, ['queue', 'run', 'total']])
  const flow = await send('POST', `${api.url}/v1/flows`, {
    body: { flow: { chain: [{ type: 'echo', input: 1 }] } },
    headers: { prefer: 'wait=50' },
  })
  expect(Object.keys(timing(flow.headers))).toEqual(['total'])
  const open = await submit(api.url, 'sleep', { duration_ms: 600_000 }, { waitS: 0 })
  expect([open.status, open.headers.get('server-timing')]).toEqual([202, null])
})
