import { expect, test } from 'vitest'
import { send } from '../helpers/client.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

type Token = { token: string; expires_at: string; code?: string }

test('a token reads and streams one run of one job, ends with its time and its key, and is in no log', async () => {
  const [acme, beta, admin] = [makeKey('acme'), makeKey('beta'), makeKey('house', ['admin'])]
  const { path, write } = await keysFile([acme, beta, admin])
  const secret = 'a-secret-of-more-than-thirty-two-characters'
  const env = {
    API_KEYS_FILE: path,
    TOKEN_SECRETS: `${secret},an-older-secret-of-thirty-two-characters`,
    ACCESS_LOG: '1',
    CORS_ORIGINS: 'https://app.example.org',
  }
  const { api, workers } = await startStack({ env: { ...env, LOG_LEVEL: 'debug' } })
  const { url } = api
  const { headers } = acme
  const submit = async (input: object) =>
    (await send<{ id: string }>('POST', `${url}/v1/jobs`, { headers, body: { type: 'sleep', input, attempts: 1 } }))
      .body
  const [job, other] = [await submit({ duration_ms: 60_000 }), await submit({ duration_ms: 1, steps: 1 })]
  const make = (id: string, body: object = {}, of = headers) =>
    send<Token>('POST', `${url}/v1/jobs/${id}/tokens`, { headers: of, body })
  const { status, body, headers: answered } = await make(job.id)
  expect(status).toBe(201)
  expect(answered.get('cache-control')).toBe('no-store')
  const { token } = body
  const at = (rest: string, of = token) => `${url}/v1/jobs/${rest}${rest.includes('?') ? '&' : '?'}token=${of}`
  const read = await send<Record<string, unknown>>('GET', at(job.id))
  expect(read).toMatchObject({ status: 200, body: { id: job.id, input: null, webhook: null } })
  expect(
    (await send('GET', `${url}/v1/jobs/${job.id}`, { headers: { authorization: `Bearer ${token}` } })).status,
  ).toBe(200)
  expect((await send('GET', at(`${job.id}/logs`))).status).toBe(200)

  for (const [method, target, expected] of [
    ['GET', at(other.id), 403],
    ['GET', at(`${job.id}?include=input`), 403],
    ['GET', at(`${job.id}/input`), 401],
    ['GET', `${url}/v1/jobs?token=${token}`, 401],
    ['POST', at(`${job.id}/cancel`), 401],
    ['DELETE', at(job.id), 401],
    ['POST', at(`${job.id}/tokens`), 401],
    ['GET', at(job.id, `${token}x`), 401],
    ['GET', at(job.id, `_w.${Buffer.from('{}').toString('base64url')}.x`), 401],
    ['GET', at(job.id, ''), 401],
    ['GET', `${at(job.id)}&token=${token}`, 401],
  ] as const) {
    const refused = await send<{ instance: string }>(method, target)
    expect(refused.status, `${method} ${target}`).toBe(expected)
    expect(refused.body.instance).not.toContain('token=')
  }
  const hidden = `${url}/v1/jobs/${job.id}?%74oken=${token}`
  const fromPage = await send('GET', hidden, { headers: { origin: 'https://app.example.org' } })
  expect(fromPage.status).toBe(200)
  expect(fromPage.headers.get('access-control-allow-origin')).toBe('https://app.example.org')
  expect(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).not.toContain(acme.entry.hash.slice(0, 8))
  const withInput = await make(job.id, { input: true })
  expect((await send('GET', at(job.id, withInput.body.token))).body).toMatchObject({ input: { duration_ms: 60_000 } })
  expect((await make(job.id, {}, beta.headers)).status).toBe(404)
  expect((await make(job.id, { ttl_ms: 3_600_001 })).status).toBe(400)

  const streamFor = async (ttl_ms: number) => {
    const short = await make(job.id, { ttl_ms })
    const text = await fetch(at(`${job.id}/events`, short.body.token)).then((answer) => answer.text())
    return { token: short.body.token, text }
  }
  const soon = await streamFor(1500)
  // Where the machine is busy the token may have ended before its stream began.
  const short = soon.text.includes('event: snapshot') ? soon : await streamFor(20_000)
  expect(short.text).toContain('event: snapshot')
  expect(short.text).toMatch(/event: problem\ndata: .*"unauthenticated"/)
  expect((await send('GET', at(job.id, short.token))).status).toBe(401)

  await send('POST', `${url}/v1/jobs/${job.id}/cancel`, { headers })
  await send('GET', at(job.id), { headers: { prefer: 'wait=50' } })
  await send('POST', `${url}/v1/jobs/${job.id}/retry`, { headers })
  expect((await send('GET', at(job.id))).body).toMatchObject({ status: 403, code: 'forbidden' })

  // A submission of any way is not noted.
  const run = await send('POST', `${url}/v1/job-types/sleep/run?wait=0`, { headers, body: { duration_ms: 1 } })
  expect([200, 202]).toContain(run.status)
  const again = (await make(job.id)).body.token
  const stream = fetch(at(`${job.id}/events`, again)).then((answer) => answer.text())
  const audit = await send<{ items: Record<string, unknown>[] }>('GET', `${url}/v1/audit?key=${acme.id}`, {
    headers: admin.headers,
  })
  const actions = audit.body.items.map(({ action }) => action)
  expect(actions.slice(0, 3)).toEqual(['createJobToken', 'retryJob', 'cancelJob'])
  expect(new Set(actions.slice(3))).toEqual(new Set(['createJobToken']))
  expect(audit.body.items[2]).toMatchObject({
    tenant: 'acme',
    key: acme.id,
    target: job.id,
    request_id: expect.any(String),
  })
  const page = await send<{ items: unknown[]; next_cursor: string }>('GET', `${url}/v1/audit?limit=4`, {
    headers: admin.headers,
  })
  const rest = await send<{ items: unknown[]; next_cursor: string | null }>(
    'GET',
    `${url}/v1/audit?cursor=${page.body.next_cursor}`,
    { headers: admin.headers },
  )
  expect([...page.body.items, ...rest.body.items]).toEqual(audit.body.items)
  expect((await send('GET', `${url}/v1/audit`, { headers })).status).toBe(403)
  expect((await send('GET', `${url}/v1/audit?cursor=0-0`, { headers: admin.headers })).status).toBe(400)
  await send('POST', `${url}/v1/queues/io/pause`, { headers: admin.headers })
  const paused = await send<{ items: unknown[] }>('GET', `${url}/v1/audit?action=pauseQueue`, {
    headers: admin.headers,
  })
  expect(paused.body.items).toMatchObject([{ tenant: 'house', target: 'io' }])

  await write([beta, admin])
  expect(await stream).toMatch(/event: problem\ndata: .*"unauthenticated"/)
  await waitFor(
    'the end of the token with its key',
    () => send('GET', at(job.id, again)),
    ({ status: code }) => code === 401,
  )
  const logs = JSON.stringify([api, ...workers].map((one) => one.logs))
  for (const text of [token, again, secret]) expect(logs).not.toContain(text)
}, 120_000)

test('a token of a flow reads and streams that flow, not its jobs, until it is retried', async () => {
  const secret = 'a-secret-of-more-than-thirty-two-characters'
  const { api, workers } = await startStack({ env: { TOKEN_SECRETS: secret, ACCESS_LOG: '1', LOG_LEVEL: 'debug' } })
  const { url } = api
  const gather = [
    { type: 'echo', input: 1 },
    { type: 'sleep', input: { duration_ms: 60_000 }, attempts: 1 },
  ]
  const submitted = await send<{ id: string; tree: { gather: { id: string }[] } }>('POST', `${url}/v1/flows`, {
    body: { flow: { gather } },
  })
  const { id, tree } = submitted.body
  const member = tree.gather[0]?.id ?? ''
  const { token } = (await send<Token>('POST', `${url}/v1/flows/${id}/tokens`, { body: {} })).body
  const ofMember = (await send<Token>('POST', `${url}/v1/jobs/${member}/tokens`, { body: {} })).body.token
  const at = (path: string, of = token) => `${url}/v1/${path}${path.includes('?') ? '&' : '?'}token=${of}`

  for (const [method, target, expected] of [
    ['GET', at(`flows/${id}`), 200],
    ['GET', at(`flows/${id}`, ofMember), 403],
    ['GET', at(`jobs/${member}`, ofMember), 200],
    ['GET', at(`jobs/${member}`), 403],
    ['GET', at('flows'), 400],
    ['GET', at(`flows/${id}`, `${token.slice(0, -2)}xx`), 401],
  ] as const)
    expect((await send(method, target)).status, target).toBe(expected)
  const page = await send<{ items: unknown[] }>('GET', at(`flows/${id}/results?limit=1`))
  expect(page).toMatchObject({ status: 200, body: { items: [{ id: member }] } })
  expect(page.headers.get('link')).toBe(`</v1/flows/${id}/results?limit=1&cursor=1>; rel="next"`)

  const stream = fetch(at(`flows/${id}/events`)).then((answer) => answer.text())
  const waited = send('GET', at(`flows/${id}`), { headers: { prefer: 'wait=50' } })
  await send('POST', `${url}/v1/flows/${id}/cancel`)
  expect((await waited).body).toMatchObject({ done: true, state: 'canceled' })
  expect(await stream).toMatch(/event: snapshot[^]*event: member[^]*event: done/)
  expect((await send('POST', `${url}/v1/flows/${id}/retry`)).status).toBe(202)
  for (const rest of ['', '/events', '/results']) {
    const refused = await send('GET', at(`flows/${id}${rest}`))
    expect(refused.body, rest).toMatchObject({ status: 403, code: 'forbidden' })
  }
  await send('POST', `${url}/v1/flows/${id}/cancel`)
  await send('GET', `${url}/v1/flows/${id}`, { headers: { prefer: 'wait=50' } })
  const last = (await send<Token>('POST', `${url}/v1/flows/${id}/tokens`, { body: { ttl_ms: 3_600_000 } })).body.token
  expect((await send('DELETE', `${url}/v1/flows/${id}`)).status).toBe(204)
  expect((await send('GET', at(`flows/${id}`, last))).body).toMatchObject({ status: 404, code: 'flow_not_found' })
  const logs = JSON.stringify([api, ...workers].map((one) => one.logs))
  for (const text of [token, ofMember, last]) expect(logs).not.toContain(text)
}, 120_000)
