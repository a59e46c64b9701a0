import { expect, test } from 'vitest'
import { send } from '../helpers/client.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { startStack } from '../helpers/stack.ts'

interface Item {
  status: number
  job?: { id: string; state: string; links: { self: string }; output?: unknown; input?: unknown }
  problem?: { code: string; status: number; errors?: { pointer: string }[] }
}

test('a batch answers each submission in order, keeps its ids under a key, and is refused whole where there is no room', async () => {
  const [acme, beta, gamma] = [makeKey('acme'), makeKey('beta'), makeKey('gamma')]
  const { path } = await keysFile([acme, beta, gamma], { beta: { max_queued: 5 }, gamma: { max_queued: 3 } })
  const { api } = await startStack({ env: { API_KEYS_FILE: path } })
  const batch = (jobs: unknown, headers: Record<string, string> = acme.headers) =>
    send<{ items: Item[]; code?: string }>('POST', `${api.url}/v1/jobs/batch`, { body: { jobs }, headers })
  const mixed = [
    { type: 'echo', input: 'first' },
    { type: 'nonsense', input: 1 },
    { type: 'sleep', input: { duration_ms: -1 } },
    { type: 'echo', input: 'last', priority: 10 },
    { type: 'count-primes', input: { limit: 100 } },
  ]
  const { status, body } = await batch(mixed)
  expect(status).toBe(200)
  expect(body.items.map((item) => item.status)).toEqual([202, 404, 400, 400, 202])
  expect(body.items.map(({ problem }) => problem?.code)).toEqual([
    undefined,
    'unknown_job_type',
    'invalid_request',
    'invalid_request',
    undefined,
  ])
  expect(body.items[2]?.problem?.errors?.[0]?.pointer).toBe('/jobs/2/input/duration_ms')
  const [first, , , , last] = body.items.map(({ job }) => job)
  // This API has no secrets to sign with.
  const token = await send('POST', `${api.url}/v1/jobs/${first?.id}/tokens`, { headers: acme.headers, body: {} })
  expect(token).toMatchObject({ status: 409, body: { code: 'tokens_not_configured' } })
  expect(first).toEqual({
    id: expect.stringMatching(/^io_/),
    state: 'queued',
    links: { self: `/v1/jobs/${first?.id}`, events: `/v1/jobs/${first?.id}/events` },
  })
  const minimal = await batch([{ type: 'echo', input: 1 }], { ...acme.headers, prefer: 'wait=1, return=minimal' })
  expect(minimal.headers.get('preference-applied')).toBe('return=minimal')
  expect(Object.keys(minimal.body.items[0]?.job ?? {})).toEqual(['id', 'state', 'links'])
  const waiting = { ...acme.headers, prefer: 'wait=50' }
  const ended = await send<{ output: unknown }>('GET', `${api.url}/v1/jobs/${last?.id}`, { headers: waiting })
  expect(ended.body.output).toMatchObject({ count: 25 })

  const many = Array.from({ length: 1200 }, (_, n) => ({ type: 'echo', input: n, delay_ms: n === 7 ? -1 : 0 }))
  const keyed = { ...acme.headers, 'idempotency-key': 'b-1', prefer: 'return=representation' }
  const [one, two] = await Promise.all([batch(many, keyed), batch(many, keyed)])
  const idsOf = (items: Item[]) => items.map(({ job }) => job?.id)
  expect(idsOf(two.body.items)).toEqual(idsOf(one.body.items))
  expect(new Set(idsOf(one.body.items)).size).toBe(1200)
  expect(one.headers.get('preference-applied')).toBe('return=representation')
  expect(one.body.items[3]?.job).toMatchObject({ input: 3, type: 'echo' })
  const later = await batch(many, keyed)
  expect(later.headers.get('idempotent-replayed')).toBe('true')
  expect(idsOf(later.body.items)).toEqual(idsOf(one.body.items))
  expect(await batch([{ type: 'echo', input: 1 }], keyed)).toMatchObject({
    status: 422,
    body: { code: 'idempotency_key_reused' },
  })
  // Each place of the list has a job of its own, and only one.
  const gone = one.body.items[0]?.job?.id
  await send('GET', `${api.url}/v1/jobs/${gone}`, { headers: waiting })
  await send('DELETE', `${api.url}/v1/jobs/${gone}`, { headers: acme.headers })
  expect((await batch(many, keyed)).body.items[0]).toMatchObject({ status: 404, problem: { code: 'job_not_found' } })

  // Jobs that stand for others, and refusals, are the same in a repetition.
  const shared = (on_conflict: string) => ({
    type: 'echo',
    input: 1,
    delay_ms: 60_000,
    unique: { key: 'u', on_conflict },
  })
  const sharing = [shared('existing'), shared('existing'), { type: 'nonsense' }, shared('reject')]
  const again = { ...acme.headers, 'idempotency-key': 'b-2' }
  const [before, after] = [(await batch(sharing, again)).body, (await batch(sharing, again)).body]
  expect(before.items.map((item) => item.status)).toEqual([202, 200, 404, 409])
  expect(before.items[1]?.job?.id).toBe(before.items[0]?.job?.id)
  expect(after).toEqual(before)

  await send('POST', `${api.url}/v1/jobs`, {
    headers: beta.headers,
    body: { type: 'echo', input: 1, delay_ms: 60_000 },
  })
  const late = Array.from({ length: 5 }, () => ({ type: 'echo', input: 1, delay_ms: 60_000 }))
  const betaKeyed = { ...beta.headers, 'idempotency-key': 'b-1' }
  expect(await batch(late, betaKeyed)).toMatchObject({ status: 429, body: { code: 'quota_exceeded' } })
  const list = await send<{ items: unknown[] }>('GET', `${api.url}/v1/jobs`, { headers: beta.headers })
  expect(list.body.items).toHaveLength(1)
  expect((await batch(late.slice(1), betaKeyed)).status).toBe(200)

  // Jobs that have started leave their places, also of a batch with a key.
  const three = Array.from({ length: 3 }, () => ({ type: 'echo', input: 1 }))
  const under = (key: string) => batch(three, { ...gamma.headers, 'idempotency-key': key })
  expect((await under('g-1')).status).toBe(200)
  await expect.poll(async () => (await under('g-2')).status, { timeout: 20_000, interval: 200 }).toBe(200)

  for (const bad of [[], 'x', undefined, Array.from({ length: 10_001 }, () => 1)])
    expect(await batch(bad)).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
}, 120_000)
