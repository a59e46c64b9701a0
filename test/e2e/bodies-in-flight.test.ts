import { connect, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { send } from '../helpers/client.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

const bodyBytes = 90_000
/** Room for eight such bodies in all, and for four of one tenant. */
const limits = { BODY_LIMIT_BYTES: '100000', BODY_BUDGET_BYTES: '800000' }

/** A body that has begun: all of it but the last byte was sent, or some chunks of it. */
class OpenBody {
  readonly #socket: Socket
  answer = ''

  constructor(apiUrl: string, headers: Record<string, string>, { isChunked = false } = {}) {
    const { hostname, port } = new URL(apiUrl)
    this.#socket = connect(Number(port), hostname)
    this.#socket.on('error', () => undefined)
    this.#socket.on('data', (chunk) => (this.answer += String(chunk)))
    onTestFinished(() => void this.#socket.destroy())
    const framing = isChunked ? 'transfer-encoding: chunked' : `content-length: ${bodyBytes}`
    const others = Object.entries(headers).map(([name, value]) => `\r\n${name}: ${value}`)
    const head = `POST /v1/jobs HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n${framing}${others.join('')}\r\n\r\n`
    const text = `{"type":"echo","input":"${'x'.repeat(bodyBytes - 26)}"`
    this.#socket.write(head + (isChunked ? `${text.length.toString(16)}\r\n${text}\r\n` : text))
  }

  finish(): void {
    this.#socket.write('}')
  }

  abort(): void {
    this.#socket.destroy()
  }

  get status(): number {
    return Number(/^HTTP\/1.1 (\d+)/.exec(this.answer)?.[1] ?? 0)
  }
}

const answered = (bodies: OpenBody[]) => bodies.filter(({ status }) => status !== 0)
const post = (url: string, headers = {}) =>
  send<{ code: string }>('POST', `${url}/v1/jobs`, {
    body: { type: 'echo', input: 'y'.repeat(bodyBytes - 100) },
    headers,
  })

test.each([false, true])(
  'unfinished bodies have a budget, for a tenant and for the process (chunked: %s)',
  async (isChunked) => {
    const [acme, other, third] = [makeKey('acme'), makeKey('other'), makeKey('third')]
    const { path } = await keysFile([acme, other, third])
    const { api } = await startStack({ workers: 0, env: { ...limits, API_KEYS_FILE: path } })
    const open = (key: typeof acme, count: number) =>
      Array.from({ length: count }, () => new OpenBody(api.url, key.headers, { isChunked }))

    const first = open(acme, 20)
    await waitFor(
      'all but four to be refused',
      () => answered(first).length,
      (count) => count >= 16,
    )
    expect(answered(first).map(({ status }) => status)).toEqual(Array.from({ length: 16 }, () => 429))
    const refusal = answered(first)[0]?.answer ?? ''
    expect(refusal).toContain('"code":"quota_exceeded"')
    expect(refusal).toMatch(/^retry-after: 1\r$/m)
    expect(refusal).toMatch(/^ratelimit-policy: "bytes";q=400000\r$/m)
    expect((await post(api.url, acme.headers)).status).toBe(429)
    // Small ones have room, other tenants too.
    expect(
      (await send('POST', `${api.url}/v1/jobs`, { body: { type: 'echo', input: 1 }, headers: acme.headers })).status,
    ).toBe(202)
    expect((await post(api.url, other.headers)).status).toBe(202)

    const second = open(other, 5)
    await waitFor(
      'the fifth to be refused',
      () => answered(second).length,
      (count) => count === 1,
    )
    const full = await post(api.url, third.headers)
    expect(full).toMatchObject({ status: 503, body: { code: 'queue_unavailable' } })
    expect(full.headers.get('retry-after')).toBe('1')

    for (const body of first) body.abort()
    await waitFor(
      'room',
      () => post(api.url, third.headers),
      ({ status }) => status === 202,
    )
    expect((await post(api.url, acme.headers)).status).toBe(202)
  },
)

test('an answered body is in flight no more, and a finished one is stored', async () => {
  const { api } = await startStack({ workers: 0, env: limits })
  const bodies = Array.from({ length: 8 }, () => new OpenBody(api.url, {}))
  // Without keys, all of it is for everybody.
  await waitFor(
    'a refusal',
    () => post(api.url),
    ({ status }) => status === 503,
  )
  for (const body of bodies) body.finish()
  await waitFor(
    'all answers',
    () => answered(bodies).length,
    (count) => count === 8,
  )
  expect(bodies.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 202))
  for (let n = 0; n < 20; n++) expect((await post(api.url)).status).toBe(202)
})

test('a small text that is parsed to a large value counts as that', async () => {
  const { api } = await startStack({ workers: 0, env: limits })
  // 90 KB of empty arrays take 32 and 8 bytes each: more than the budget.
  const brackets = `[${'[],'.repeat(30_000)}1]`
  const answer = await send<{ code: string }>('POST', `${api.url}/v1/jobs`, {
    body: `{"type":"echo","input":${brackets}}`,
  })
  expect(answer).toMatchObject({ status: 413, body: { code: 'payload_too_large' } })
  const fewer = `[${'[],'.repeat(15_000)}1]`
  expect((await send('POST', `${api.url}/v1/jobs`, { body: `{"type":"echo","input":${fewer}}` })).status).toBe(202)
})

test('a tenant has room for the largest body with what parsing it takes, also where that is more than half of all', async () => {
  const acme = makeKey('acme')
  const { path } = await keysFile([acme])
  const { api } = await startStack({ workers: 0, env: { ...limits, BODY_BUDGET_BYTES: '250000', API_KEYS_FILE: path } })
  // 90 KB and 60 KB for 1,500 arrays: half of all is 125 KB.
  const input = [...Array.from({ length: 1500 }, () => []), 'z'.repeat(bodyBytes - 5000)]
  const answer = await send('POST', `${api.url}/v1/jobs`, { body: { type: 'echo', input }, headers: acme.headers })
  expect(answer.status).toBe(202)
})

test('a tenant may have another budget in the keys file', async () => {
  const acme = makeKey('acme')
  const { path } = await keysFile([acme], { acme: { max_bytes: 50_000 } })
  const { api } = await startStack({ workers: 0, env: { ...limits, API_KEYS_FILE: path } })
  expect(await post(api.url, acme.headers)).toMatchObject({ status: 413, body: { code: 'payload_too_large' } })
  const small = { body: { type: 'echo', input: 'y'.repeat(40_000) }, headers: acme.headers }
  expect((await send('POST', `${api.url}/v1/jobs`, small)).status).toBe(202)
})
