import { constantFrom, record, sample, subarray } from 'fast-check'
import { expect, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { ulidOf, ulidTime } from '../../src/queue/model/job-id.ts'
import { Keys } from '../../src/queue/redis/keys.ts'
import { read, send, submit } from '../helpers/client.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { type Stack, startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

interface Page {
  items: JobResource[]
  next_cursor: string | null
  complete?: false
  searched_back_to?: string
}

const ids = (items: JobResource[]) => items.map(({ id }) => id)
const newestFirst = (a: JobResource, b: JobResource) => (ulidOf(a.id) < ulidOf(b.id) ? 1 : -1)

/** All pages of a list. A page that is neither full nor the last must say that it ended early. */
async function listAll(apiUrl: string, filter: Record<string, string>, limit: number): Promise<JobResource[]> {
  const items: JobResource[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query = new URLSearchParams({ ...filter, limit: String(limit), ...(cursor && { cursor }) })
    const { status, body } = await send<Page>('GET', `${apiUrl}/v1/jobs?${query.toString()}`)
    expect(status).toBe(200)
    if (body.next_cursor !== null && body.items.length < limit)
      expect(body).toMatchObject({ complete: false, searched_back_to: expect.any(String) })
    items.push(...body.items)
    cursor = body.next_cursor
  }
  return items
}

async function submitMany(apiUrl: string, count: number, options: object = {}): Promise<void> {
  for (let from = 0; from < count; from += 100)
    await Promise.all(
      Array.from({ length: Math.min(100, count - from) }, (_, n) => submit(apiUrl, 'echo', n, { ...options })),
    )
}

test('the only job that failed, is scheduled, runs, or has a tag or a type is on the first page, behind a thousand that do not', async () => {
  const { api } = await startStack()
  const failed = await submit(api.url, 'sleep', { duration_ms: 1, fail_at: 0 }, { attempts: 1, waitS: 10 })
  const scheduled = await submit(api.url, 'echo', 1, { delay_ms: 600_000 })
  const running = await submit(api.url, 'sleep', { duration_ms: 600_000 })
  const tagged = await submit(api.url, 'echo', 1, { tags: ['rare'], waitS: 10 })
  const typed = await submit(api.url, 'count-primes', { limit: 10 }, { waitS: 10 })
  await submitMany(api.url, 1000, { tags: ['common'] })
  const expected: [string, string][] = [
    ['state=failed', failed.body.id],
    ['state=failed&type=sleep', failed.body.id],
    ['error_code=job_failed', failed.body.id],
    ['state=scheduled', scheduled.body.id],
    ['state=running', running.body.id],
    ['tag=rare', tagged.body.id],
    ['tag=rare&state=succeeded', tagged.body.id],
    ['type=count-primes', typed.body.id],
    ['queue=cpu', typed.body.id],
  ]
  for (const [query, id] of expected) {
    const { body } = await send<Page>('GET', `${api.url}/v1/jobs?${query}`)
    expect({ query, items: ids(body.items), cursor: body.next_cursor }).toEqual({ query, items: [id], cursor: null })
  }
  for (const query of ['error_code=timeout', 'tag=rare&state=failed', 'queue=none', 'state=canceled'])
    expect((await send('GET', `${api.url}/v1/jobs?${query}`)).body, query).toEqual({ items: [], next_cursor: null })
  expect(await send('GET', `${api.url}/v1/jobs?queue=Not-a-queue`)).toMatchObject({ status: 400 })
})

const tags = ['a', 'b', 'a:b', 'ü']
const kinds = ['succeed', 'fail', 'schedule', 'cancel', 'run', 'stop', 'queue', 'expire'] as const

/** Jobs in all states. The queue `cpu` is paused. */
async function submitRandom({ api }: Stack, count: number): Promise<string[]> {
  await send('POST', `${api.url}/v1/queues/cpu/pause`)
  const flow = {
    chain: [
      { type: 'sleep', input: { duration_ms: 600_000 } },
      { type: 'echo', input: 1, tags: ['a'] },
    ],
  }
  await send('POST', `${api.url}/v1/flows`, { body: { flow } })
  const jobs = sample(record({ kind: constantFrom(...kinds), tags: subarray(tags) }), count)
  return Promise.all(
    jobs.map(async ({ kind, tags: some }) => {
      const [type, input, options] = submissionOf(kind)
      const { body } = await submit(api.url, type, input, { ...options, ...(some.length > 0 && { tags: some }) })
      if (kind === 'cancel' || kind === 'stop') await send('POST', `${api.url}/v1/jobs/${body.id}/cancel`)
      return body.id
    }),
  )
}

function submissionOf(kind: (typeof kinds)[number]): [string, unknown, object] {
  if (kind === 'succeed') return ['echo', 1, {}]
  if (kind === 'fail') return ['sleep', { duration_ms: 1, fail_at: 0 }, { attempts: 1 }]
  if (kind === 'schedule' || kind === 'cancel') return ['echo', 1, { delay_ms: 600_000 }]
  if (kind === 'run' || kind === 'stop') return ['sleep', { duration_ms: 600_000 }, {}]
  return ['count-primes', { limit: 10 }, kind === 'expire' ? { start_within_ms: 1 } : {}]
}

const stateOf = {
  succeed: 'succeeded',
  fail: 'failed',
  schedule: 'scheduled',
  cancel: 'canceled',
  run: 'running',
  stop: 'canceled',
  queue: 'queued',
  expire: 'expired',
}
const states = [...new Set([...Object.values(stateOf), 'blocked'])]

/** Every list equals the list of all jobs, filtered. */
async function expectListsToAgree(apiUrl: string, all: JobResource[]): Promise<void> {
  expect(ids(await listAll(apiUrl, {}, 200))).toEqual(ids(all))
  const is = (job: JobResource, filter: Record<string, string>) =>
    (filter['state'] === undefined || job.state === filter['state']) &&
    (filter['tag'] === undefined || job.tags.includes(filter['tag'])) &&
    (filter['type'] === undefined || job.type === filter['type']) &&
    (filter['queue'] === undefined || job.queue === filter['queue']) &&
    (filter['error_code'] === undefined || (job.done && job.error?.code === filter['error_code']))
  const middle = all[Math.floor(all.length / 2)]?.created_at ?? ''
  const filters: Record<string, string>[] = [
    ...states.flatMap((state) => [{ state }, ...tags.map((tag) => ({ state, tag })), { state, queue: 'io' }]),
    ...tags.flatMap((tag) => [{ tag }, { tag, type: 'echo' }, { tag, error_code: 'job_failed' }]),
    ...['echo', 'sleep', 'count-primes'].map((type) => ({ type })),
    ...['job_failed', 'canceled', 'not_started_in_time'].map((code) => ({ error_code: code })),
  ]
  for (const [n, filter] of filters.entries()) {
    const expected = ids(all.filter((job) => is(job, filter)))
    expect({ filter, items: ids(await listAll(apiUrl, filter, (n % 7) + 1)) }).toEqual({ filter, items: expected })
    const older = ids(all.filter((job) => is(job, filter) && job.created_at < middle))
    expect(ids(await listAll(apiUrl, { ...filter, created_before: middle }, 5))).toEqual(older)
  }
}

test('lists with any filter and page size agree with the list of all jobs, after ends, retries and deletes', {
  timeout: 60_000,
}, async () => {
  const stack = await startStack()
  const { api, env } = stack
  const submitted = await submitRandom(stack, 60)
  const known = () => listAll(api.url, {}, 200)
  const settled = await waitFor(
    'all jobs to be in their states',
    known,
    (jobs) => jobs.length === 62 && jobs.every(({ state, queue }) => state !== 'queued' || queue === 'cpu'),
  )
  const hasLateJob = (jobs: JobResource[]) => jobs.some((job) => job.start_within_ms !== null && !job.done)
  await waitFor('a sweep to end all late jobs', known, (jobs) => !hasLateJob(jobs))
  expect(new Set(ids(settled))).toEqual(new Set([...submitted, ...ids(settled.filter((job) => job.flow_id))]))
  const isStill = async () => {
    const [before, after] = [await known(), await known()]
    return (
      JSON.stringify(before.map(({ id, state }) => [id, state])) ===
      JSON.stringify(after.map(({ id, state }) => [id, state]))
    )
  }
  await waitFor('nothing to move', isStill, (still) => still)
  await expectListsToAgree(api.url, (await known()).toSorted(newestFirst))

  for (const [n, { id, done, state }] of (await known()).entries()) {
    if (n % 3 === 0 && done) await send('DELETE', `${api.url}/v1/jobs/${id}`)
    else if (n % 3 === 1 && (state === 'failed' || state === 'canceled'))
      await send('POST', `${api.url}/v1/jobs/${id}/retry`)
  }
  await waitFor('nothing to move', isStill, (still) => still)
  await expectListsToAgree(api.url, (await known()).toSorted(newestFirst))

  // Jobs that the version before stored have no labels.
  const redis = await redisClient()
  const keys = new Keys(env['KEY_PREFIX'] ?? '')
  for (const queue of ['io', 'cpu']) {
    await redis.unlink(keys.labels(queue))
    await redis.set(keys.labeledSince(queue), ulidTime(Date.now() + 3_600_000))
  }
  const other = await stack.addApi()
  await expectListsToAgree(other.url, (await known()).toSorted(newestFirst))
})

test('the index of labels is gone when its jobs are: deleted, or expired', async () => {
  const { api, env } = await startStack({ env: { RESULT_TTL_MS: '1000' } })
  const redis = await redisClient()
  const keys = new Keys(env['KEY_PREFIX'] ?? '')
  const fail = { duration_ms: 1, fail_at: 0 }
  const deleted = await submit(api.url, 'sleep', fail, { attempts: 1, tags: ['x'], waitS: 10 })
  // Its tag, its type, its error code and its fingerprint.
  expect(await redis.zcard(keys.labels('io'))).toBe(4)
  await send('POST', `${api.url}/v1/jobs/${deleted.body.id}/cancel`)
  await send('DELETE', `${api.url}/v1/jobs/${deleted.body.id}`)
  expect(await redis.exists(keys.labels('io'))).toBe(0)
  await submit(api.url, 'sleep', fail, { attempts: 1, tags: ['x', 'y'], waitS: 10 })
  const canceled = await submit(api.url, 'echo', 1, { delay_ms: 60_000, tags: ['x'] })
  await send('POST', `${api.url}/v1/jobs/${canceled.body.id}/cancel`)
  expect(await redis.zcard(keys.labels('io'))).toBe(8)
  await waitFor(
    'the sweep',
    () => redis.exists(keys.labels('io')),
    (count) => count === 0,
  )
  expect(await read(api.url, canceled.body.id)).toMatchObject({ status: 404 })
})

test('jobs are found by metadata whose keys have an index, and by no other', async () => {
  const { api } = await startStack({ env: { INDEXED_METADATA: 'order,customer id' } })
  const submitWith = async (metadata: Record<string, string>, options: object = {}) =>
    (await submit(api.url, 'echo', 1, { metadata, waitS: 10, ...options })).body.id
  const first = await submitWith({ order: '42', other: 'x' })
  const second = await submitWith({ order: '42', 'customer id': 'Ü:1' }, { tags: ['t'] })
  await submitWith({ order: '43' })
  await submitWith({ 'customer id': '42' })
  const flow = { type: 'echo', input: 1, metadata: { order: '42' } }
  const done = await send<{ tree: { id: string } }>('POST', `${api.url}/v1/flows`, {
    body: { flow },
    headers: { prefer: 'wait=50' },
  })
  const list = async (query: string) => ids((await send<Page>('GET', `${api.url}/v1/jobs?${query}`)).body.items)
  expect(await list('metadata.order=42')).toEqual([done.body.tree.id, second, first])
  expect(await list('metadata.order=42&metadata.customer%20id=%C3%9C:1')).toEqual([second])
  expect(await list('metadata.order=42&tag=t&state=succeeded')).toEqual([second])
  expect(await list('metadata.order=44')).toEqual([])
  for (const query of ['metadata.other=x', 'metadata.=x', 'metadata=x'])
    expect(await send('GET', `${api.url}/v1/jobs?${query}`), query).toMatchObject({ status: 400 })
})
