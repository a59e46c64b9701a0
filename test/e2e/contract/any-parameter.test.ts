import { Agent } from 'node:http'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { send, submit } from '../../helpers/client.ts'
import { type RawAnswer, sendOdd } from '../../helpers/raw-request.ts'
import { startStack } from '../../helpers/stack.ts'
import { ApiDocument, type Endpoint, type Schema } from './api-document.ts'
import { headerText } from './odd-request.ts'

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('', ' ', '\u0000', '\ud800', 'null', 'undefined', '[object Object]', '__proto__', 'x'.repeat(8000)),
)

/** All times that RFC 3339 can write, with any offset and fraction, and some that it cannot. */
const time = fc.oneof(
  fc
    .record({
      at: fc.date({
        min: new Date('0000-01-01T00:00:00Z'),
        max: new Date('9999-12-31T23:59:59.999Z'),
        noInvalidDate: true,
      }),
      fraction: fc.constantFrom('', '.0', '.999', '.123456789012345678901234567890'),
      offset: fc.constantFrom('Z', '+00:00', '-00:00', '+23:59', '-23:59', '+14:00', '-12:00', '+24:00', ''),
    })
    .map(({ at, fraction, offset }) => at.toISOString().replace(/\.\d+Z$/, '') + fraction + offset),
  fc.constantFrom(
    '0000-01-01T00:00:00+23:59',
    '1969-12-31T23:59:59.999Z',
    '1970-01-01T00:00:00Z',
    '9999-12-31T23:59:59-23:59',
  ),
  fc.constantFrom(
    '2016-12-31T23:59:60Z',
    '2026-02-30T00:00:00Z',
    '2026-01-01',
    '+010000-01-01T00:00:00Z',
    '-000001-01-01T00:00:00Z',
  ),
)

const number = fc.oneof(
  fc.integer({ min: -300, max: 300 }).map(String),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
  fc.double().map(String),
  fc.constantFrom(
    '0x10',
    '1e1',
    '1_0',
    '٣',
    ' 5 ',
    '+5',
    '5.0',
    '1e400',
    '-0',
    '00000000000000000000001',
    '9'.repeat(1000),
  ),
)

/** Values of a parameter over its whole domain, and beyond it. */
function valuesOf(schema: Schema): fc.Arbitrary<string> {
  const { type, format } = schema
  const options = Array.isArray(schema['enum']) ? schema['enum'].map(String) : undefined
  const own = options ? fc.constantFrom(...options) : format === 'date-time' ? time : type === 'integer' ? number : text
  return fc.oneof(
    { weight: 6, arbitrary: own },
    { weight: 1, arbitrary: text },
    { weight: 1, arbitrary: number },
    { weight: 1, arbitrary: time },
  )
}

/** As a client may write a value in a query: encoded as it should be, or less. */
const encoded = (value: fc.Arbitrary<string>) =>
  fc.oneof(
    { weight: 6, arbitrary: value.map((raw) => encodeURIComponent(raw.toWellFormed())) },
    { weight: 1, arbitrary: value.map((raw) => encodeURI(raw.toWellFormed()).replaceAll('#', '%23')) },
    { weight: 1, arbitrary: fc.constantFrom('%', '%f', '%ff', '%ed%a0%80', '%00', '%c0%80', '+', '%2B') },
  )

/** The query of a request: a few parameters once, twice or in a form of other frameworks. With more, one is nearly always wrong. */
function queryOf(parameters: { name: string; schema: Schema }[]): fc.Arbitrary<string> {
  const pairOf = ({ name, schema }: { name: string; schema: Schema }) =>
    fc
      .tuple(
        fc.constantFrom(1, 1, 1, 1, 2),
        fc.oneof(
          { weight: 12, arbitrary: fc.constant(name) },
          { weight: 1, arbitrary: fc.constantFrom(`${name}[]`, `${name}[a]`, name.toUpperCase()) },
        ),
        fc.array(encoded(valuesOf(schema)), { minLength: 2, maxLength: 2 }),
      )
      .map(([times, as, values]) => values.slice(0, times).map((value) => `${as}=${value}`))
  return fc
    .subarray(parameters, { maxLength: Math.min(3, parameters.length) })
    .chain((some) => fc.tuple(...some.map(pairOf)))
    .map((all) => all.flat().join('&'))
}

const parametersOf = ({ operation }: Endpoint, place: 'query' | 'path' | 'header') =>
  (operation.parameters ?? []).filter((parameter) => parameter.in === place)

/** Headers over what HTTP can carry; a wait is short. */
function headersOf(endpoint: Endpoint): fc.Arbitrary<Record<string, string>> {
  const drawn = parametersOf(endpoint, 'header').map(({ name }) => {
    const own = {
      prefer: fc.constantFrom('wait=0', 'wait=-1', 'wait="0"', 'wait=0, wait=50', 'respond-async', 'wait=1e-9'),
      range: fc.constantFrom(
        'bytes=0-',
        'bytes=-0',
        'bytes=0-99999999999999999999',
        'bytes=1-0',
        'bytes=0-1,2-3',
        'bytes=-',
      ),
      'last-event-id': fc.oneof(
        number.filter((value) => /^[\x20-\x7e]*$/.test(value)),
        fc.constant('999999999999999'),
      ),
    }[name.toLowerCase()]
    // Whatever begins with wait= may hold the answer.
    const odd = headerText.filter((value) => !/wait/i.test(value))
    return fc
      .option(own ? fc.oneof(own, odd) : odd, { nil: undefined })
      .map((value) => [name.toLowerCase(), value] as const)
  })
  return fc
    .tuple(...drawn)
    .map((all) => Object.fromEntries(all.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))))
}

test('any value of any parameter gets an answer that is documented, and is never a fault of the server', async () => {
  const { api } = await startStack({ env: { WORKER_QUEUES: 'io:10,cpu:2', WEBHOOKS_AT_ONCE: '0' } })
  const document = await ApiDocument.load(api.url)
  const agent = new Agent({ keepAlive: true, maxSockets: 4 })
  onTestFinished(() => agent.destroy())
  const done = await submit(api.url, 'echo', { a: 'x'.repeat(100) }, { waitS: 10, tags: ['a'] })
  const flow = await send<{ id: string }>('POST', `${api.url}/v1/flows`, {
    body: { flow: { gather: [{ type: 'echo', input: 1 }] } },
    headers: { prefer: 'wait=50' },
  })
  await send('PUT', `${api.url}/v1/schedules/a`, { body: { every_ms: 60_000, job: { type: 'echo', input: 1 } } })
  const page = await send<{ next_cursor: string }>('GET', `${api.url}/v1/jobs?limit=1`)
  const cursors = fc.constantFrom(
    page.body.next_cursor,
    Buffer.from('7zzzzzzzzzzzzzzzzzzzzzzzzz').toString('base64url'),
    'a',
  )

  const withParameters = document.endpoints.filter(
    (endpoint) => parametersOf(endpoint, 'query').length > 0 || parametersOf(endpoint, 'header').length > 0,
  )
  expect(withParameters.length).toBeGreaterThan(8)
  const pages = (endpoint: Endpoint) => parametersOf(endpoint, 'query').some(({ name }) => name === 'cursor')
  const request = fc.constantFrom<Endpoint[]>(...withParameters).chain((endpoint) =>
    fc.record({
      method: fc.constant(endpoint.method),
      template: fc.constant(endpoint.template),
      id: fc.oneof(
        { weight: 3, arbitrary: fc.constant((endpoint.template.startsWith('/v1/flows') ? flow : done).body.id) },
        { weight: 1, arbitrary: fc.constantFrom(done.body.id, flow.body.id, 'a', 'io', 'echo') },
      ),
      query: queryOf(parametersOf(endpoint, 'query')),
      // Where there are no pages, a cursor is always wrong.
      cursor: fc.oneof(
        { weight: pages(endpoint) ? 1 : 5, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: cursors },
      ),
      headers: headersOf(endpoint),
    }),
  )
  const templates = ['/v1/jobs', '/v1/jobs/{id}', '/v1/schedules', '/v1/jobs/{id}/logs']
  const plain = { method: 'GET', id: done.body.id, query: '', cursor: undefined, headers: {} }
  const examples = templates.map((template): [typeof plain & { template: string }] => [{ ...plain, template }])
  const seen = new Map<string, Set<number>>()
  await fc.assert(
    fc.asyncProperty(request, async ({ method, template, id, query, cursor, headers }) => {
      const endpoint = document.endpoint(method, template)
      const path = template.replaceAll(/\{\w+\}/g, id)
      const search = [query, ...(cursor === undefined || query.includes('cursor') ? [] : [`cursor=${cursor}`])]
        .filter((part) => part !== '')
        .join('&')
      const isRead = method === 'GET' || method === 'HEAD'
      const answer: RawAnswer = await sendOdd(agent, api.url, {
        method,
        path: search === '' ? path : `${path}?${search}`,
        headers: isRead ? headers : { ...headers, 'content-type': 'application/json' },
        // Where the header is no wait, a run waits until its job has ended, for up to 25 s: these jobs end at once.
        ...(!isRead && { body: template.includes('burn-cpu') ? '{"duration_ms":1}' : '{}' }),
      })
      expect(answer.status, `${method} ${path}?${search}: ${answer.body}`).toBeLessThan(500)
      expect(document.undocumented(endpoint, answer), `${method} ${path}?${search}`).toBeUndefined()
      seen.set(template, (seen.get(template) ?? new Set()).add(answer.status))
    }),
    { numRuns: 1500, examples },
  )
  // Not everything is refused.
  for (const template of templates)
    for (const status of [200, 400]) expect([...(seen.get(template) ?? [])], template).toContain(status)
}, 120_000)

test('times before 1970 and after the last that an id can hold are times like others', async () => {
  const { api } = await startStack({ workers: 0 })
  const { body } = await submit(api.url, 'echo', 1)
  const list = async (query: string) => {
    const answer = await send<{ items: { id: string }[] }>('GET', `${api.url}/v1/jobs?${query}`)
    expect(answer.status, query).toBe(200)
    return answer.body.items.map(({ id }) => id)
  }
  for (const past of ['1960-01-01T00:00:00Z', '0000-01-01T00:00:00%2B23:59', '1970-01-01T00:00:00Z']) {
    expect(await list(`created_after=${past}`)).toEqual([body.id])
    expect(await list(`created_before=${past}`)).toEqual([])
  }
  const future = '9999-12-31T23:59:59-23:59'
  expect(await list(`created_after=${future}`)).toEqual([])
  expect(await list(`created_before=${future}`)).toEqual([body.id])
})

test('what the documentation page does not serve is a problem like any other', async () => {
  const { api } = await startStack({ workers: 0 })
  const agent = new Agent()
  onTestFinished(() => agent.destroy())
  const parts = fc.array(
    fc.constantFrom('%2e%2e', '..', '%00', '%5c', '.env', 'a', '%2f', 'static', '%', '%ff', '~', '%0a', ';'),
    { maxLength: 4 },
  )
  await fc.assert(
    fc.asyncProperty(parts, fc.constantFrom('/', ''), async (path, between) => {
      const answer = await sendOdd(agent, api.url, {
        method: 'GET',
        path: `/docs/static/${path.join(between)}`,
        headers: {},
      })
      expect([200, 302, 400, 404]).toContain(answer.status)
      if (answer.status >= 400) expect(answer.contentType, path.join(between)).toBe('application/problem+json')
    }),
    { numRuns: 200 },
  )
})
