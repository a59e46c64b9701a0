import { once } from 'node:events'
import { connect } from 'node:net'
import { Agent, EventSource } from 'undici'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { JobResource } from '../../../../src/api/jobs/job-resource.ts'
import { send } from '../../../helpers/client.ts'
import { keysFile, makeKey } from '../../../helpers/keys-file.ts'
import { Series } from '../../../helpers/series.ts'
import { startStack } from '../../../helpers/stack.ts'
import { waitFor } from '../../../helpers/wait-for.ts'

/** What is promised, after the change of the file or the time of expiry. */
const endsWithinMs = 5000
/** Each test starts a process. */
const patience = { timeout: 120_000 }
const job = { type: 'echo', input: 1 }
const flow = { flow: { gather: [job, job] } }

type Key = ReturnType<typeof makeKey>
interface Refusal {
  code: string
  detail: string
}

/** An API without workers, so that nothing ends, with keys and a job and a flow of the first. */
async function start(keys: Key[], limits: Parameters<typeof keysFile>[1] = {}) {
  const file = await keysFile(keys, limits)
  const { api } = await startStack({ workers: 0, env: { API_KEYS_FILE: file.path } })
  const post = async (path: string, body: unknown) =>
    (await send<JobResource>('POST', api.url + path, { body, headers: keys[0]?.headers ?? {} })).body.id
  return { file, api, job: await post('/v1/jobs', job), flow: await post('/v1/flows', flow) }
}

async function metric(url: string, admin: Key, name: string, labels: Record<string, string> = {}) {
  const page = new Series(await (await fetch(`${url}/metrics`, { headers: admin.headers })).text())
  return page.value(name, labels) ?? 0
}

/** Sends every request that is held, and waits until all are. */
/** Lines that are broken off are not complete. */
async function readLines(url: string, key: Key): Promise<{ text: string; isComplete: boolean }> {
  const answer = await fetch(url, { headers: { ...key.headers, accept: 'application/x-ndjson' } })
  let text = ''
  try {
    for await (const part of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) text += part
    return { text, isComplete: true }
  } catch {
    return { text, isComplete: false }
  }
}

async function holdAll(url: string, ids: { job: string; flow: string }, key: Key, admin: Key) {
  const ask = (path: string, headers: Record<string, string> = {}) =>
    fetch(url + path, { headers: { ...key.headers, ...headers } }).then(async (answer) => ({
      status: answer.status,
      location: answer.headers.get('location'),
      text: await answer.text(),
    }))
  const wait = { prefer: 'wait=40' }
  const held = {
    jobEvents: ask(`/v1/jobs/${ids.job}/events`),
    flowEvents: ask(`/v1/flows/${ids.flow}/events`),
    lines: readLines(`${url}/v1/flows/${ids.flow}/results`, key),
    jobWait: ask(`/v1/jobs/${ids.job}`, wait),
    flowWait: ask(`/v1/flows/${ids.flow}`, wait),
    submitWait: fetch(`${url}/v1/jobs`, {
      method: 'POST',
      headers: { ...key.headers, ...wait, 'content-type': 'application/json' },
      body: JSON.stringify(job),
    }).then(async (answer) => ({
      status: answer.status,
      location: answer.headers.get('location'),
      text: await answer.text(),
    })),
  }
  for (const kind of ['stream', 'wait'])
    await waitFor(
      `3 answers of the kind ${kind} to be held`,
      () => metric(url, admin, 'drover_held_answers', { kind }),
      (open) => open === 3,
    )
  return held
}

async function expectAllToEnd(held: Awaited<ReturnType<typeof holdAll>>, code: string, status: number) {
  const { jobEvents, flowEvents, lines, ...waits } = held
  for (const events of [await jobEvents, await flowEvents]) {
    const blocks = events.text.split('\n\n').filter((block) => block.includes('event: '))
    const [before = '', last = ''] = blocks.slice(-2)
    expect(last).toMatch(/^id: \d+\nevent: problem\ndata: /)
    expect(JSON.parse(last.split('data: ')[1] ?? '')).toMatchObject({ code, status })
    expect(/^id: (\d+)$/m.exec(last)?.[1]).toBe(/^id: (\d+)$/m.exec(before)?.[1])
  }
  expect(JSON.parse((await lines).text.trim())).toMatchObject({ code, status })
  expect((await lines).isComplete).toBe(false)
  for (const wait of Object.values(waits)) {
    const answer = await wait
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([status, { code, status }])
  }
  expect((await held.submitWait).location).toMatch(/^\/v1\/jobs\/io_/)
}

test('event streams, lines and waits end soon after their key is removed, and say why', patience, async () => {
  const [key, other, admin] = [makeKey('acme'), makeKey('acme'), makeKey('house', ['admin'])]
  const { file, api, ...ids } = await start([key, other, admin])
  const held = await holdAll(api.url, ids, key, admin)
  const others = await fetch(`${api.url}/v1/jobs/${ids.job}/events`, { headers: other.headers })
  // Another limit and another key end nothing.
  await file.write([key, other, admin, makeKey('acme')], { acme: { max_queued: 100 } })
  await waitFor(
    'the keys to be reloaded',
    async () => api.logs.filter(({ msg }) => msg === 'reloaded the API keys').length,
    (count) => count === 1,
  )
  await file.write([other, admin])
  const from = performance.now()
  await expectAllToEnd(held, 'unauthenticated', 401)
  expect(performance.now() - from).toBeLessThan(endsWithinMs)
  expect(await metric(api.url, admin, 'drover_held_answers', { kind: 'stream' })).toBe(1)
  expect(await metric(api.url, admin, 'drover_answers_revoked_total', { kind: 'stream' })).toBe(3)
  expect(await metric(api.url, admin, 'drover_answers_revoked_total', { kind: 'wait' })).toBe(3)
  await others.body?.cancel()
})

test('they end when their key expires, and when it loses its scope', patience, async () => {
  const [late, admin] = [makeKey('acme'), makeKey('house', ['admin'])]
  const { file, api, ...ids } = await start([late, admin])
  const held = await holdAll(api.url, ids, late, admin)
  const expires = Date.now() + 2000
  await file.write([{ ...late, entry: { ...late.entry, expires_at: new Date(expires).toISOString() } }, admin])
  await expectAllToEnd(held, 'unauthenticated', 401)
  expect(Date.now()).toBeGreaterThanOrEqual(expires)
  expect(Date.now()).toBeLessThan(expires + endsWithinMs)

  const key = makeKey('acme')
  await file.write([key, admin])
  const read = `${api.url}/v1/jobs/${ids.job}`
  await waitFor(
    'the new key',
    () => send('GET', read, { headers: key.headers }),
    ({ status }) => status === 200,
  )
  const wait = send<Refusal>('GET', read, { headers: { ...key.headers, prefer: 'wait=40' } })
  await waitFor(
    'the wait',
    () => metric(api.url, admin, 'drover_held_answers', { kind: 'wait' }),
    (open) => open === 1,
  )
  await file.write([{ ...key, entry: { ...key.entry, scopes: ['submit'] } }, admin])
  expect((await wait).body).toMatchObject({ code: 'forbidden', detail: expect.stringContaining('"read"') })
})

test(
  "an operator's stream of another tenant's job ends when its key loses admin, although it may still read",
  patience,
  async () => {
    const [owner, operator] = [makeKey('acme'), makeKey('house', ['read', 'admin'])]
    const { file, api, job } = await start([owner, operator])
    const stream = await fetch(`${api.url}/v1/jobs/${job}/events`, { headers: operator.headers })
    expect(stream.status).toBe(200)
    await file.write([owner, { ...operator, entry: { ...operator.entry, scopes: ['read'] } }])
    const from = performance.now()
    expect(await stream.text()).toContain('"code":"forbidden"')
    expect(performance.now() - from).toBeLessThan(endsWithinMs)
  },
)

test('an EventSource reconnects once after its key was removed, is refused, and stays closed', patience, async () => {
  const [key, admin] = [makeKey('acme'), makeKey('house', ['admin'])]
  const { file, api, job: id } = await start([key, admin])
  const dispatcher = new Agent().compose((dispatch) => (options, handler) => {
    const headers = { ...(options.headers as Record<string, string>), ...key.headers }
    return dispatch({ ...options, headers }, handler)
  })
  onTestFinished(() => dispatcher.close())
  const source = new EventSource(`${api.url}/v1/jobs/${id}/events`, { node: { dispatcher } })
  onTestFinished(() => source.close())
  const events: string[] = []
  source.addEventListener('problem', (event) => 'data' in event && events.push(String(event.data)))
  await once(source, 'snapshot')
  await file.write([admin])
  await vi.waitFor(() => expect(source.readyState).toBe(EventSource.CLOSED), { timeout: 30_000, interval: 50 })
  expect(events.map((data) => JSON.parse(data).code)).toEqual(['unauthenticated'])
})

test(
  'a tenant has no more open streams and waits than its limits, and has room again when one ends',
  patience,
  async () => {
    const [key, other, admin] = [makeKey('acme'), makeKey('other'), makeKey('house', ['admin'])]
    const { api, ...ids } = await start([key, other, admin], { acme: { max_streams: 2, max_waits: 3 } })
    const events = () => fetch(`${api.url}/v1/jobs/${ids.job}/events`, { headers: key.headers })
    const lines = () =>
      fetch(`${api.url}/v1/flows/${ids.flow}/results`, { headers: { ...key.headers, accept: 'application/x-ndjson' } })
    const open = await Promise.all([events(), lines()])
    expect(open.map(({ status }) => status)).toEqual([200, 200])
    for (const refused of [await events(), await lines()]) {
      expect(refused.status).toBe(429)
      expect(refused.headers.get('ratelimit-policy')).toBe('"streams";q=2')
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(await refused.json()).toMatchObject({ code: 'quota_exceeded', detail: expect.stringContaining('2 open') })
    }
    await open[0]?.body?.cancel()
    await waitFor(
      'room for another stream',
      async () => {
        const answer = await events()
        await answer.body?.cancel()
        return answer.status
      },
      (status) => status === 200,
    )

    const wait = (prefer: string, n: number) =>
      send<Refusal>('POST', `${api.url}/v1/jobs`, {
        body: job,
        headers: { ...key.headers, prefer, 'idempotency-key': `k${n}` },
      })
    const waits = [0, 1, 2].map((n) => wait('wait=3', n))
    await waitFor(
      'three waits',
      () => metric(api.url, admin, 'drover_held_answers', { kind: 'wait' }),
      (count) => count === 3,
    )
    const refused = await wait('wait=3', 3)
    expect([refused.status, refused.body.code]).toEqual([429, 'quota_exceeded'])
    expect(refused.headers.get('ratelimit')).toBe('"waits";r=0')
    // Nothing was stored, and the key is free.
    const again = await wait('respond-async', 3)
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([202, null])
    const theirs = await send('POST', `${api.url}/v1/jobs`, {
      body: job,
      headers: { ...other.headers, prefer: 'wait=0' },
    })
    expect(theirs.status).toBe(202)
    for (const held of await Promise.all(waits)) expect(held.status).toBe(202)
    expect((await wait('wait=0', 4)).status).toBe(202)
  },
)

test('failed authentications of an address are throttled; a valid key from there is not', patience, async () => {
  const [key, admin] = [makeKey('acme'), makeKey('house', ['admin'])]
  const { api } = await start([key, admin])
  const wrong = { authorization: `Bearer ${key.id}.wrong` }
  const ask = (headers: Record<string, string>) => send<Refusal>('GET', `${api.url}/v1/jobs`, { headers })
  const answers = await Promise.all(Array.from({ length: 300 }, () => ask(wrong)))
  const statuses = Map.groupBy(answers, ({ status }) => status)
  expect(new Set(statuses.keys())).toEqual(new Set([401, 429]))
  expect(statuses.get(401)?.length).toBeGreaterThanOrEqual(100)
  expect(statuses.get(401)?.length).toBeLessThan(150)
  const [throttled] = statuses.get(429) ?? []
  expect(throttled?.body.code).toBe('authentication_throttled')
  expect(throttled?.headers.get('retry-after')).toBe('1')
  expect(throttled?.headers.get('connection')).toBe('close')
  expect((await ask(key.headers)).status).toBe(200)
  // Without a key there is nothing to guess.
  expect((await ask({})).status).toBe(401)
  const counted = (outcome: string) => metric(api.url, admin, 'drover_authentication_failures_total', { outcome })
  expect((await counted('refused')) + (await counted('throttled'))).toBe(300)
})

test(
  'behind a trusted proxy the addresses of its clients count, otherwise what they claim does not',
  patience,
  async () => {
    const key = makeKey('acme')
    const { path } = await keysFile([key])
    const { api, addApi } = await startStack({ workers: 0, env: { API_KEYS_FILE: path } })
    const behindProxy = await addApi({ TRUSTED_PROXIES: '127.0.0.0/8,::1/128' })
    const fail = (url: string, from: string) =>
      send('GET', `${url}/v1/jobs`, { headers: { authorization: 'Bearer a.b', 'x-forwarded-for': from } })
    const last = async (url: string, addressOf: (n: number) => string) => {
      for (let n = 0; n < 130; n++) {
        const { status } = await fail(url, addressOf(n))
        if (status === 429) return status
      }
      return 401
    }
    expect(await last(api.url, (n) => `192.0.2.${n}`)).toBe(429)
    expect(await last(behindProxy.url, (n) => `192.0.2.${n}`)).toBe(401)
    expect(await last(behindProxy.url, (n) => `2001:db8::${n}`)).toBe(429)
    expect(await last(behindProxy.url, () => '198.51.100.1')).toBe(429)
    // What stands left of the address that the proxy added is a claim of the client.
    expect(await last(behindProxy.url, (n) => `203.0.113.${n}, 198.51.100.1`)).toBe(429)
  },
)

test('idle connections that are closed are counted', patience, async () => {
  const [key, admin] = [makeKey('acme'), makeKey('house', ['admin'])]
  const { api } = await start([key, admin])
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1')
  socket.write('GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\nGET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n')
  socket.resume()
  await once(socket, 'close')
  expect(await metric(api.url, admin, 'drover_idle_connections_closed_total')).toBe(1)
})
