import { beforeAll, describe, expect, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { read, send, submit } from '../helpers/client.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { parentJobs } from '../helpers/parent-jobs.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

const leaf = (value: unknown, more: object = {}, options: object = {}) => ({
  type: 'leaf',
  input: { value, ...more },
  ...options,
})

/** In the order of their calls. */
async function childrenOf(api: string, id: string): Promise<JobResource[]> {
  const { body } = await send<{ items: JobResource[] }>('GET', `${api}/v1/jobs?parent=${id}&limit=200`)
  return body.items.toReversed()
}

/** Starts of a handler: each logs a line. */
async function startsOf(api: string, id: string): Promise<number> {
  const { body } = await send<{ items: { message: string }[] }>('GET', `${api}/v1/jobs/${id}/logs`)
  return body.items.filter(({ message }) => message === 'runs' || message === 'begins').length
}

async function parent(api: string, input: object, options: Record<string, unknown> = {}): Promise<JobResource> {
  const { body } = await submit(api, 'parent', input, options)
  return body
}

async function ended(api: string, id: string): Promise<JobResource> {
  const { body } = await read(api, id, 40)
  expect(body.done).toBe(true)
  return body
}

describe('one worker that runs one job of each queue at a time', { timeout: 40_000 }, () => {
  let api: string

  beforeAll(async () => {
    const ends: (() => Promise<void>)[] = []
    const onEnd = (end: () => Promise<void>) => void ends.push(end)
    const env = { JOBS_DIR: await parentJobs(onEnd), WORKER_QUEUES: 'io:1,cpu:1' }
    const stack = await startStack({ env, onEnd })
    api = stack.api.url
    return async () => {
      for (const end of ends) await end()
    }
  })

  test('a parent waits for a child of its own queue, and gets its output', async () => {
    const { id } = await parent(api, { how: 'run', children: [leaf({ a: 1 })] }, { priority: 4, deadline_ms: 60_000 })
    const job = await ended(api, id)
    expect(job).toMatchObject({
      state: 'succeeded',
      attempt: 1,
      output: { value: { a: 1 }, tenant: '-' },
      children: { count: 1 },
      parent: null,
    })
    const [child, ...others] = await childrenOf(api, id)
    expect(others).toEqual([])
    expect(child).toMatchObject({
      type: 'leaf',
      state: 'succeeded',
      priority: 4,
      parent: { id, root_id: id, depth: 1 },
      children: null,
      trace_id: job.trace_id,
    })
    expect(Date.parse(child?.deadline_at ?? '')).toBeLessThanOrEqual(Date.parse(job.deadline_at ?? '') + 1)
    expect(job.attempts.map(({ outcome, attempt }) => [outcome, attempt])).toEqual([
      ['parked', 1],
      ['succeeded', 1],
    ])
  })

  test('gathered children of two queues have their outputs in order, and many parents at once end', async () => {
    const children = [leaf(1, { ms: 40 }), { type: 'leaf-on-thread', input: { value: 2 } }, leaf(3)]
    const parents = await Promise.all(Array.from({ length: 8 }, () => parent(api, { how: 'gather', children })))
    for (const { id } of parents) {
      const { state, output } = await ended(api, id)
      expect(state).toBe('succeeded')
      expect(output).toMatchObject([{ value: 1 }, { value: 2 }, { value: 3 }])
    }
  })

  test('calls one after the other, calls in one turn, and children that are started each find their child again', async () => {
    const children = [leaf(1), leaf(2), leaf(3)]
    const each = await parent(api, { how: 'each', children })
    const all = await parent(api, { how: 'all', children })
    const start = await parent(api, { how: 'start', children })
    const values = [{ value: 1 }, { value: 2 }, { value: 3 }]
    expect((await ended(api, each.id)).output).toMatchObject(values)
    expect((await ended(api, all.id)).output).toMatchObject(values)
    const started = await ended(api, start.id)
    const ids = (await childrenOf(api, start.id)).map(({ id }) => id)
    expect(started.output).toMatchObject({ ids, results: values })
    for (const { id } of [each, all, start]) {
      const found = await childrenOf(api, id)
      expect(found).toHaveLength(3)
      for (const child of found) expect(await startsOf(api, child.id)).toBe(1)
    }
    expect(await startsOf(api, each.id)).toBe(4)
    expect(await startsOf(api, all.id)).toBe(2)
  })

  test('handlers in threads and processes do the same', async () => {
    const children = [leaf(1), { type: 'leaf-on-thread', input: { value: 2 } }]
    const input = { how: 'gather', children }
    for (const on of ['thread', 'process']) {
      const { body } = await submit(api, `parent-on-${on}`, input, { waitS: 40 })
      expect(body).toMatchObject({ state: 'succeeded', output: [{ value: 1 }, { value: 2 }] })
      expect(body.attempts.map(({ outcome }) => outcome)).toEqual(['parked', 'succeeded'])
      const refused = await submit(
        api,
        `parent-on-${on}`,
        { how: 'run', children: [{ type: 'none', input: 1 }] },
        { waitS: 40 },
      )
      expect(refused.body.output).toMatchObject({ code: 'unknown_job_type' })
    }
  })

  test('a parent and its child share a concurrency key that one may hold', async () => {
    const concurrency = { key: 'shared', limit: 1 }
    const children = [leaf('in', {}, { concurrency })]
    const both = await Promise.all([1, 2].map(() => parent(api, { how: 'run', children }, { concurrency })))
    for (const { id } of both) expect((await ended(api, id)).output).toMatchObject({ value: 'in' })
  })

  test('a child that fails is an error with its id and code, which a gather throws at once or returns', async () => {
    const slow = leaf('slow', {}, { delayMs: 60_000 })
    const fails = { type: 'leaf-on-thread', input: { value: 0, fails: 'no_luck' } }
    const one = await parent(api, { how: 'run', children: [fails] })
    const failed = await ended(api, one.id)
    const [child] = await childrenOf(api, one.id)
    expect(failed.output).toMatchObject({ code: 'no_luck', childId: child?.id, state: 'failed' })
    expect(failed.output).toMatchObject({ message: `leaf-on-thread ${child?.id}: it was to fail` })

    const settled = await parent(api, { how: 'settled', children: [leaf(1), fails] })
    expect((await ended(api, settled.id)).output).toMatchObject([
      { status: 'fulfilled', value: { value: 1 } },
      { status: 'rejected', code: 'no_luck' },
    ])

    // The slow one is canceled with the parent, which fails by an error that it does not catch.
    const first = await parent(api, { how: 'gather', children: [slow, fails], throws: true })
    expect(await ended(api, first.id)).toMatchObject({ state: 'failed', error: { code: 'no_luck' } })
    const [open] = await childrenOf(api, first.id)
    expect(await ended(api, open?.id ?? '')).toMatchObject({ state: 'canceled' })
  })

  test('the next attempt keeps children that succeeded, and submits those that failed anew', async () => {
    const backoff = { type: 'fixed', delay_ms: 10, jitter: 0 }
    const children = [leaf(1), leaf(2, { fails: 'never' })]
    const { id } = await parent(api, { how: 'settled', children: [leaf(0)] })
    await ended(api, id)
    const twice = await parent(api, { how: 'gather', children, throws: true }, { attempts: 2, backoff })
    expect(await ended(api, twice.id)).toMatchObject({ state: 'failed', attempt: 2, error: { code: 'never' } })
    const found = await childrenOf(api, twice.id)
    expect(found.map(({ state }) => state)).toEqual(['succeeded', 'failed', 'failed'])
  })

  test('what cannot be submitted is an error with the code of the problem, and nothing of its call is stored', async () => {
    const refused = async (children: object[], more: object = {}) => {
      const { id } = await parent(api, { how: 'gather', children, ...more })
      const { output } = await ended(api, id)
      expect(await childrenOf(api, id)).toEqual([])
      return output
    }
    expect(await refused([leaf(1), { type: 'none', input: {} }])).toMatchObject({ code: 'unknown_job_type' })
    const invalid = await refused([leaf(1), leaf(2, { ms: 'soon' })])
    expect(invalid).toMatchObject({ code: 'invalid_request', message: expect.stringContaining('/input/ms') })
    expect(await refused([leaf(1, {}, { attempts: 0 })])).toMatchObject({ code: 'invalid_request' })
    expect(await refused([leaf(1)], { times: 10_001 })).toMatchObject({ code: 'too_many_children' })
    const level = await submit(api, 'deep', { level: 0 }, { waitS: 40 })
    expect(level.body.output).toEqual({ level: 8, code: 'too_deep' })
  })

  test('a cancel of the parent reaches children that run and that wait', async () => {
    const { id } = await parent(api, { how: 'gather', children: [leaf(1, { ms: 60_000 }), leaf(2, { ms: 60_000 })] })
    const [running] = await waitFor(
      'a child that runs',
      () => childrenOf(api, id),
      (found) => found.length === 2 && found.some(({ state }) => state === 'running'),
    )
    expect((await read(api, id)).body).toMatchObject({ state: 'blocked' })
    const deletion = await send('DELETE', `${api}/v1/jobs/${running?.id}`)
    expect(deletion).toMatchObject({ status: 409, body: { code: 'job_not_done' } })
    expect((await send('POST', `${api}/v1/jobs/${id}/cancel`)).status).toBe(200)
    expect((await ended(api, id)).state).toBe('canceled')
    for (const child of await childrenOf(api, id)) expect((await ended(api, child.id)).state).toBe('canceled')
  })

  test('children that a parent has started go on when it succeeds, and are canceled when it fails', async () => {
    const children = [{ type: 'leaf-on-thread', input: { value: 1, ms: 300 } }]
    const fails = await parent(api, { how: 'start', children, fails: true })
    expect((await ended(api, fails.id)).error?.code).toBe('job_failed')
    const [child] = await childrenOf(api, fails.id)
    expect((await ended(api, child?.id ?? '')).state).toBe('canceled')
  })
})

test('workers that die behind a submission, and while all wait, repeat no child', { timeout: 60_000 }, async () => {
  const env = { JOBS_DIR: await parentJobs(), WORKER_QUEUES: 'io:4,cpu:1', LOCK_MS: '2000' }
  const { api, workers, addWorker } = await startStack({ env, workers: 2 })
  const { url } = api
  const behind = await parent(url, { how: 'start', children: [leaf('behind')], dies: 'behind' })
  expect((await ended(url, behind.id)).output).toMatchObject({ results: [{ value: 'behind' }] })
  expect(await childrenOf(url, behind.id)).toHaveLength(1)

  // The worker that has parked it, and runs its child, is gone.
  const parked = await parent(url, { how: 'gather', children: [leaf(1, { ms: 1000 }), leaf(2)] })
  await waitFor(
    'a parked parent whose child runs',
    async () => [await read(url, parked.id), await childrenOf(url, parked.id)] as const,
    ([{ body }, [child]]) => body.state === 'blocked' && child?.state === 'running',
  )
  for (const worker of workers) worker.signal('SIGKILL')
  await addWorker()
  expect((await ended(url, parked.id)).output).toMatchObject([{ value: 1 }, { value: 2 }])
  expect(await childrenOf(url, parked.id)).toHaveLength(2)
})

test('children count to the quota of the tenant, and are its own', { timeout: 40_000 }, async () => {
  const acme = makeKey('acme')
  const { path } = await keysFile([acme], { acme: { max_queued: 3 } })
  const { api } = await startStack({
    env: { JOBS_DIR: await parentJobs(), WORKER_QUEUES: 'io:1,cpu:1', API_KEYS_FILE: path },
  })
  const { headers } = acme
  const run = async (children: object[]) => {
    const body = { type: 'parent', input: { how: 'gather', children } }
    const wait = { ...headers, prefer: 'wait=40' }
    return (await send<JobResource>('POST', `${api.url}/v1/jobs`, { headers: wait, body })).body
  }
  const refused = await run([leaf(1), leaf(2), leaf(3), leaf(4)])
  expect(refused.output).toMatchObject({ code: 'quota_exceeded', retryable: true })
  // A refusal leaves no places taken.
  const accepted = await run([leaf(1), leaf(2), leaf(3)])
  expect(accepted.output).toMatchObject([{ tenant: 'acme' }, { tenant: 'acme' }, { tenant: 'acme' }])
})
