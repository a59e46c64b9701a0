import { expect, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { read, send, submit } from '../helpers/client.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

const withKey = (apiUrl: string, key: string, body: object, headers: Record<string, string> = {}) =>
  send<JobResource & { code?: string }>('POST', `${apiUrl}/v1/jobs`, {
    body,
    headers: { 'idempotency-key': key, ...headers },
  })

test('two hundred concurrent submissions with one key, over two API processes, are one job', async () => {
  const { api, addApi } = await startStack()
  const other = await addApi()
  const body = { type: 'sleep', input: { duration_ms: 50 } }
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, n) => withKey(n % 2 ? api.url : other.url, n % 3 ? 'abc' : '"abc"', body)),
  )
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
  expect(new Set(answers.map(({ body: job }) => job.id)).size).toBe(1)
  expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === null)).toHaveLength(1)
  const id = answers[0]?.body.id ?? ''
  expect((await read(api.url, id, 10)).body).toMatchObject({ state: 'succeeded', attempt: 1 })
  const queues = await send<{ items: { counts: { succeeded: number } }[] }>('GET', `${api.url}/v1/queues`)
  expect(queues.body.items.map(({ counts }) => counts.succeeded)).toEqual([0, 1])

  const again = await withKey(api.url, 'abc', { input: { duration_ms: 50 }, type: 'sleep' }, { prefer: 'wait=5' })
  expect(again).toMatchObject({ status: 200, body: { id, state: 'succeeded' } })
  expect(again.headers.get('idempotent-replayed')).toBe('true')
  for (const changed of [
    { type: 'sleep', input: { duration_ms: 51 } },
    { type: 'burn-cpu', input: { duration_ms: 50 } },
  ]) {
    expect(await withKey(api.url, 'abc', changed)).toMatchObject({
      status: 422,
      body: { code: 'idempotency_key_reused' },
    })
  }
  expect((await withKey(api.url, 'abd', body)).body.id).not.toBe(id)
  expect(await withKey(api.url, '', body)).toMatchObject({ status: 400 })
})

test('a claim whose job was never stored is repaired by the next request', async () => {
  const { api, env } = await startStack()
  const redis = await redisClient()
  const body = { type: 'echo', input: 1 }
  const { body: first } = await withKey(api.url, 'k', body)
  await read(api.url, first.id, 10)
  // As after a crash between the claim and the add: the claim exists, the job does not.
  const keys = await redis.keys(`${env['KEY_PREFIX']}:*${first.id}*`)
  await redis.unlink(...keys)
  const repaired = await withKey(api.url, 'k', body, { prefer: 'wait=50' })
  expect(repaired).toMatchObject({ status: 200, body: { id: first.id, state: 'succeeded' } })
})

test('an idempotency key lives as long as its job', async () => {
  const { api, env } = await startStack({ env: { RESULT_TTL_MS: '1000' } })
  const redis = await redisClient()
  const body = { type: 'echo', input: 1 }
  const kept = await withKey(api.url, 'kept', body, { prefer: 'wait=50' })
  const deleted = await withKey(api.url, 'deleted', body, { prefer: 'wait=50' })
  const claims = () => redis.keys(`${env['KEY_PREFIX']}:claim:*`)
  for (const claim of await claims()) expect(await redis.pttl(claim)).toBe(-1)
  expect(await send('DELETE', `${api.url}/v1/jobs/${deleted.body.id}`)).toMatchObject({ status: 204, body: undefined })
  expect((await withKey(api.url, 'deleted', body)).body.id).not.toBe(deleted.body.id)
  await waitFor('all claims to go', claims, (left) => left.length === 0)
  expect((await withKey(api.url, 'kept', body)).body.id).not.toBe(kept.body.id)
})

test('requests with one key during the deletion of its job create at most one job', async () => {
  const { api, addApi } = await startStack()
  const other = await addApi()
  for (let round = 0; round < 30; round++) {
    const tag = `round-${round}`
    const body = { type: 'echo', input: 1, tags: [tag] }
    const first = await withKey(api.url, tag, body, { prefer: 'wait=50' })
    const [deleted, ...answers] = await Promise.all([
      send('DELETE', `${api.url}/v1/jobs/${first.body.id}`),
      ...Array.from({ length: 8 }, (_, n) =>
        withKey(n % 2 ? api.url : other.url, tag, body, n % 4 < 2 ? {} : { prefer: 'wait=50' }),
      ),
    ])
    expect(deleted.status).toBe(204)
    const left = await send<{ items: JobResource[] }>('GET', `${api.url}/v1/jobs?tag=${tag}`)
    expect(left.body.items.length).toBeLessThanOrEqual(1)
    // A request that meets the deletion gets 503 and may be repeated. No request is promised a job that is then deleted.
    const promised = answers.filter(({ status }) => status !== 503).map((answer) => answer.body.id)
    for (const id of promised) expect([first.body.id, left.body.items[0]?.id]).toContain(id)
  }
})

test('only a finished job can be deleted', async () => {
  const { api } = await startStack()
  const waiting = await submit(api.url, 'echo', 1, { delay_ms: 60_000 })
  expect(await send('DELETE', `${api.url}/v1/jobs/${waiting.body.id}`)).toMatchObject({
    status: 409,
    body: { code: 'job_not_done' },
  })
  const { body } = await submit(api.url, 'echo', 1, { waitS: 10 })
  expect(await send('DELETE', `${api.url}/v1/jobs/${body.id}`)).toMatchObject({ status: 204 })
  expect(await read(api.url, body.id)).toMatchObject({ status: 404 })
  expect(await send('DELETE', `${api.url}/v1/jobs/${body.id}`)).toMatchObject({ status: 404 })
})

test('a job that has not changed since the client read it is answered with 304', async () => {
  const { api } = await startStack()
  const { body } = await submit(api.url, 'sleep', { duration_ms: 1 }, { delay_ms: 2000 })
  const first = await read(api.url, body.id)
  const etag = first.headers.get('etag') ?? ''
  const readIfChanged = () =>
    send('GET', `${api.url}/v1/jobs/${body.id}`, { headers: { 'if-none-match': `"x", W/${etag}` } })
  expect(await readIfChanged()).toMatchObject({ status: 304, body: undefined })
  await read(api.url, body.id, 10)
  expect(await readIfChanged()).toMatchObject({ status: 200, body: { state: 'succeeded' } })
})

test('a paused queue keeps its jobs until it is resumed', async () => {
  const { api } = await startStack()
  const steer = (verb: string) => send('POST', `${api.url}/v1/queues/io/${verb}`)
  expect(await steer('pause')).toMatchObject({ status: 200, body: { name: 'io', paused: true } })
  const { body } = await submit(api.url, 'echo', 1)
  const counted = await waitFor(
    'the wait to be counted',
    () => send<{ oldest_wait_ms: number | null }>('GET', `${api.url}/v1/queues/io`),
    (queue) => (queue.body.oldest_wait_ms ?? 0) > 50,
  )
  expect(counted.body).toMatchObject({ counts: { queued: 1, running: 0 } })
  expect((await read(api.url, body.id)).body.state).toBe('queued')
  expect(await steer('resume')).toMatchObject({ status: 200, body: { paused: false } })
  expect((await read(api.url, body.id, 10)).body.state).toBe('succeeded')
  expect(await send('POST', `${api.url}/v1/queues/nope/pause`)).toMatchObject({ status: 404 })
})

test('a traceparent is stored with its job, a malformed one is ignored', async () => {
  const { api, workers } = await startStack()
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  const body = { type: 'sleep', input: { duration_ms: 1, fail_at: 0 } }
  await send('POST', `${api.url}/v1/jobs`, { body, headers: { traceparent, prefer: 'wait=50' } })
  await waitFor(
    'the log line of the attempt',
    () => workers[0]?.logs,
    (logs) => logs?.some((line) => line['traceparent'] === traceparent) === true,
  )
  expect((await send('POST', `${api.url}/v1/jobs`, { body, headers: { traceparent: 'nonsense' } })).status).toBe(202)
})

test('jobs are listed newest first, page by page, while others are added and finish', async () => {
  const { api } = await startStack()
  const list = (query: string) =>
    send<{ items: JobResource[]; next_cursor: string | null }>('GET', `${api.url}/v1/jobs${query}`)
  expect((await list('')).body).toEqual({ items: [], next_cursor: null })
  const submitted: string[] = []
  for (let n = 0; n < 25; n++) {
    const type = n % 5 ? 'echo' : 'count-primes'
    const { body } = await submit(api.url, type, type === 'echo' ? n : { limit: 10 + n }, {
      tags: [n % 2 ? 'odd' : 'even'],
      waitS: 10,
    })
    submitted.unshift(body.id)
  }
  const seen: string[] = []
  let query = '?limit=10'
  for (let page = 0; query !== ''; page++) {
    const { status, body, headers } = await list(query)
    expect([status, body.items.length]).toEqual([200, page < 2 ? 10 : 5])
    seen.push(...body.items.map(({ id }) => id))
    await submit(api.url, 'echo', 'meanwhile', { waitS: 10 })
    query = body.next_cursor === null ? '' : `?limit=10&cursor=${body.next_cursor}`
    if (query) expect(headers.get('link')).toBe(`</v1/jobs?limit=10&cursor=${body.next_cursor}>; rel="next"`)
  }
  expect(seen).toEqual(submitted)

  const waiting = await submit(api.url, 'echo', 1, { delay_ms: 60_000 })
  expect((await list('?state=scheduled')).body.items.map(({ id }) => id)).toEqual([waiting.body.id])
  expect((await list('?type=count-primes&tag=even')).body.items).toHaveLength(3)
  expect((await list('?tag=odd&limit=200')).body.items).toHaveLength(12)
  const middle = (await read(api.url, submitted[10] ?? '')).body.created_at
  const [after, before] = await Promise.all([
    list(`?created_after=${middle}&tag=odd&limit=200`),
    list(`?created_before=${middle}&limit=200`),
  ])
  expect(after.body.items.every(({ created_at }) => created_at > middle)).toBe(true)
  expect(before.body.items.every(({ created_at }) => created_at < middle)).toBe(true)
  expect(before.body.items).toHaveLength(14)
  for (const bad of [
    '?state=odd',
    '?limit=0',
    '?limit=201',
    '?limit=x',
    '?cursor=xyz',
    '?created_after=yesterday',
    '?order=asc',
  ]) {
    expect(await list(bad), bad).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
  }
})

test('the log lines of a job can be read page by page', async () => {
  const { api } = await startStack()
  const { body } = await submit(api.url, 'sleep', { duration_ms: 10, steps: 10 }, { waitS: 10 })
  expect(await send('GET', `${api.url}/v1/jobs/${body.id}/logs`)).toMatchObject({
    status: 200,
    body: { items: [], next_cursor: null },
  })
  expect(await send('GET', `${api.url}/v1/jobs/${body.id}/logs?limit=0`)).toMatchObject({ status: 400 })
  expect(await send('GET', `${api.url}/v1/jobs/x/logs`)).toMatchObject({ status: 404 })
})
