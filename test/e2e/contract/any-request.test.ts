import { Agent } from 'node:http'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { pascalCase } from '../../../src/api/openapi/pascal-case.ts'
import { send, submit } from '../../helpers/client.ts'
import { keysFile, makeKey } from '../../helpers/keys-file.ts'
import { type RawAnswer, type RawRequest, sendOdd } from '../../helpers/raw-request.ts'
import { startStack } from '../../helpers/stack.ts'
import { webhookSecret } from '../../helpers/webhook-receiver.ts'
import { ApiDocument, type Endpoint } from './api-document.ts'
import { headerText, oddQuery, oddSegment, someHeaders } from './odd-request.ts'
import { anyJson, arbitraryOf, mutated } from './schema-arbitrary.ts'

/**
 * The statuses of a path that is not an endpoint: 405 where the document has only some of the paths of a route, 403 for a foreign web page that
 * asks for a method which another path of the route has.
 */
const nowhere = [400, 403, 404, 405]

/** What is wrong with an answer, in words: it is not documented, no problem in our form, or a server error. */
function check(document: ApiDocument, odd: RawRequest, answer: RawAnswer): string | undefined {
  if (answer.status >= 500) return `${answer.status}: ${answer.body}`
  if (answer.headers['x-content-type-options'] !== 'nosniff') return 'no nosniff'
  const [path = ''] = odd.path.split('?', 1)
  if (path.startsWith('/docs') || path === '/openapi.json') return undefined
  const isHead = odd.method === 'HEAD'
  const allowed = document.allowed(path)
  if (allowed.length > 0 && !allowed.includes(odd.method)) {
    const allow = answer.headers['allow']
    if (answer.status === 405 && allow !== allowed.join(', ')) return `405 with Allow: ${String(allow)}`
    if (![400, 403, 405].includes(answer.status)) return `${answer.status} for a method that the path does not have`
  }
  if (odd.method === 'OPTIONS') {
    const expected = allowed.length > 0 ? [204, 400] : [204, 404, 400]
    return expected.includes(answer.status) ? undefined : `${answer.status} for OPTIONS`
  }
  const endpoint = document.match(isHead ? 'GET' : odd.method, path)
  if (isHead) return answer.body === '' ? undefined : 'the answer to a HEAD has a body'
  if (endpoint && !(answer.status === 404 && answer.body.includes('route_not_found')))
    return document.undocumented(endpoint, answer)
  if (!nowhere.includes(answer.status)) return `${answer.status} at an address that the document does not know`
  if (answer.contentType !== 'application/problem+json') return `a problem as ${answer.contentType}`
  return document.mistake({ $ref: '#/components/schemas/Problem' }, JSON.parse(answer.body))
}

async function anyStack(env: Record<string, string> = {}) {
  // No worker consumes `cpu`: a generated job may spin for ever, or use all memory.
  const limits = { WORKER_QUEUES: 'io:50', BODY_LIMIT_BYTES: '20000', WEBHOOKS_AT_ONCE: '0' }
  const { api } = await startStack({ env: { ...limits, WEBHOOK_SECRETS: webhookSecret('a'), ...env } })
  const document = await ApiDocument.load(api.url)
  const agent = new Agent({ keepAlive: true, maxSockets: 4 })
  onTestFinished(() => agent.destroy())
  const assertAnswer = async (odd: RawRequest): Promise<RawAnswer> => {
    const answer = await sendOdd(agent, api.url, odd)
    const mistake = check(document, odd, answer)
    if (mistake !== undefined) throw new Error(`${odd.method} ${odd.path}: ${mistake}`)
    return answer
  }
  return { api, document, assertAnswer }
}

test('every body that matches the schema of a submission is accepted', async () => {
  const { document, assertAnswer } = await anyStack()
  // The inputs of other types have conditions that no schema can express. The test below sends them.
  const plain = ['echo', 'sleep', 'count-primes', 'burn-cpu']
  const submissions = plain.map((type) =>
    arbitraryOf({ $ref: `#/components/schemas/Submit${pascalCase(type)}` }, (schema) => document.resolve(schema)),
  )
  // Fields that make the answer depend on other jobs, or exclude each other. The test below sends them, too.
  const left = ['unique', 'debounce', 'concurrency', 'delay_ms']
  const taken = fc
    .oneof(...submissions)
    .map((body) => Object.fromEntries(Object.entries(Object(body)).filter(([name]) => !left.includes(name))))
    .filter((body) => !JSON.stringify(body).includes('__proto__'))
  await fc.assert(
    fc.asyncProperty(taken, async (body) => {
      const headers = { 'content-type': 'application/json' }
      const answer = await assertAnswer({ method: 'POST', path: '/v1/jobs', headers, body: JSON.stringify(body) })
      expect(answer.status, answer.body).toBe(202)
      const { input } = JSON.parse(answer.body) as { input: unknown }
      expect(input).toEqual(JSON.parse(JSON.stringify(body)).input)
    }),
    { numRuns: 300 },
  )
}, 120_000)

test('any body gets a documented answer and never a server error', async () => {
  const { document, assertAnswer } = await anyStack()
  const variants = Object.keys(document.schemas).filter((name) => name.startsWith('Submit'))
  const valid = fc.oneof(
    ...variants.map((name) =>
      arbitraryOf({ $ref: `#/components/schemas/${name}` }, (schema) => document.resolve(schema)),
    ),
  )
  const text = fc.oneof(
    { weight: 3, arbitrary: valid.map((value) => JSON.stringify(value)) },
    { weight: 6, arbitrary: valid.chain(mutated).map((value) => JSON.stringify(value) ?? '') },
    { weight: 1, arbitrary: anyJson.map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 200 }) },
  )
  const body = fc.oneof(
    { weight: 9, arbitrary: text },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)) },
    { weight: 1, arbitrary: fc.constant('x'.repeat(30_000)) },
  )
  await fc.assert(
    fc.asyncProperty(body, someHeaders, async (sent, odd) => {
      const all = { 'content-type': 'application/json', ...odd }
      const answer = await assertAnswer({ method: 'POST', path: '/v1/jobs', headers: all, body: sent })
      expect(answer.headers['request-id']).toBeDefined()
    }),
    { numRuns: 700 },
  )
}, 120_000)

test('any method on any path gets a documented answer and never a server error', async () => {
  const { api, document, assertAnswer } = await anyStack()
  const seeds = await Promise.all([
    submit(api.url, 'echo', 1, { waitS: 10 }),
    submit(api.url, 'sleep', { duration_ms: 1, fail_at: 0 }, { waitS: 10, attempts: 1 }),
    submit(api.url, 'sleep', { duration_ms: 600_000, steps: 100 }),
    submit(api.url, 'echo', 1, { delay_ms: 600_000 }),
    submit(api.url, 'count-primes', { limit: 10 }),
  ])
  const segment = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...seeds.map(({ body }) => body.id)) },
    { weight: 2, arbitrary: fc.constantFrom('io', 'cpu', 'echo', 'sleep', 'io_01m82n0yt6a17zs46knkfzwasz') },
    { weight: 2, arbitrary: oddSegment },
  )
  const known = fc
    .constantFrom<Endpoint[]>(...document.endpoints)
    .chain(({ method, template }) =>
      segment.map((value) => ({ method, path: template.replaceAll(/\{\w+\}/g, () => value) })),
    )
  const otherMethod = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND')
  const odd = fc.oneof(
    { weight: 6, arbitrary: known },
    { weight: 2, arbitrary: fc.tuple(otherMethod, known).map(([method, { path }]) => ({ method, path })) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(otherMethod, fc.array(fc.oneof(fc.constantFrom('v1', 'jobs', 'queues', ''), segment), { maxLength: 5 }))
        .map(([method, parts]) => ({ method, path: `/${parts.join('/')}` })),
    },
  )
  const query = fc.oneof(
    fc.constant(''),
    oddQuery.map((text) => `?${text}`),
  )
  const body = fc.option(
    fc.oneof(
      anyJson.map((value) => JSON.stringify(value)),
      fc.string(),
    ),
    { nil: undefined },
  )
  const seen = new Map<number, number>()
  await fc.assert(
    fc.asyncProperty(odd, query, someHeaders, body, async ({ method, path }, search, headers, sent) => {
      const withBody = sent !== undefined && !['GET', 'HEAD', 'TRACE'].includes(method)
      const answer = await assertAnswer({ method, path: path + search, headers, ...(withBody && { body: sent }) })
      seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1)
    }),
    { numRuns: 1500 },
  )
  for (const status of [200, 400, 404, 415]) expect([...seen.keys()]).toContain(status)
}, 120_000)

test('any API key gets a documented answer, and never a job of another tenant', async () => {
  const keys = {
    owner: makeKey('acme', ['submit', 'read', 'cancel', 'admin']),
    reader: makeKey('acme', ['read']),
    stranger: makeKey('other', ['submit', 'read', 'cancel']),
    hasty: makeKey('hasty', ['submit', 'read', 'cancel']),
    expired: makeKey('acme', ['submit', 'read', 'cancel'], '2020-01-01T00:00:00Z'),
  }
  const limits = { hasty: { requests_per_minute: 5, max_queued: 1 } }
  const file = await keysFile(Object.values(keys), limits)
  const { api, document, assertAnswer } = await anyStack({ API_KEYS_FILE: file.path, PUBLIC_ENDPOINTS: 'docs' })
  const { body: job } = await send<{ id: string }>('POST', `${api.url}/v1/jobs`, {
    body: { type: 'echo', input: 'of acme alone', delay_ms: 600_000 },
    headers: keys.owner.headers,
  })
  const authorization = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...Object.values(keys).map(({ headers }) => headers.authorization)) },
    { weight: 1, arbitrary: headerText },
    { weight: 1, arbitrary: headerText.map((text) => `Bearer ${text}`) },
  )
  const endpoint = fc.constantFrom<Endpoint[]>(...document.endpoints)
  const seen = new Set<number>()
  await fc.assert(
    fc.asyncProperty(endpoint, authorization, async ({ method, template }, shown) => {
      const path = template.replace('{id}', job.id).replace('{name}', 'io').replace('{type}', 'echo')
      const isSubmit = path === '/v1/jobs' && method === 'POST'
      const headers = { authorization: shown, ...(isSubmit && { 'content-type': 'application/json' }) }
      const body = JSON.stringify({ type: 'echo', input: 1 })
      const answer = await assertAnswer({ method, path, headers, ...(isSubmit && { body }) })
      seen.add(answer.status)
      if (shown === keys.stranger.headers.authorization) expect(answer.body).not.toContain('of acme alone')
    }),
    { numRuns: 400 },
  )
  for (const status of [200, 401, 403, 404, 429]) expect([...seen]).toContain(status)
}, 120_000)
