import { beforeAll, describe, expect, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { send } from '../helpers/client.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { parentJobs } from '../helpers/parent-jobs.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

const leaf = (value: unknown, more: object = {}, options: object = {}) => ({
  type: 'leaf',
  input: { value, ...more },
  ...options,
})

/** A client of a tenant. */
function clientOf(url: string, headers: Record<string, string> = {}) {
  const call = async <T = JobResource>(
    method: string,
    path: string,
    options: { body?: unknown; waitS?: number } = {},
  ) => {
    const { body, waitS } = options
    const prefer: Record<string, string> = waitS === undefined ? {} : { prefer: `wait=${waitS}` }
    return (await send<T>(method, `${url}/v1/jobs${path}`, { body, headers: { ...headers, ...prefer } })).body
  }
  return {
    parent: (input: object, options: object = {}) => call('POST', '', { body: { type: 'parent', input, ...options } }),
    run: (type: string, input: object) => call('POST', '', { body: { type, input }, waitS: 40 }),
    read: (id: string) => call('GET', `/${id}`),
    ended: async (id: string) => {
      const job = await call('GET', `/${id}`, { waitS: 40 })
      expect(job.done).toBe(true)
      return job
    },
    /** In the order of their calls. */
    childrenOf: async (id: string) =>
      (await call<{ items: JobResource[] }>('GET', `?parent=${id}&limit=200`)).items.toReversed(),
    /** Starts of a handler: each logs a line. */
    startsOf: async (id: string) => {
      const { items } = await call<{ items: { message: string }[] }>('GET', `/${id}/logs`)
      return items.filter(({ message }) => message === 'runs' || message === 'begins').length
    },
  }
}

/** A stack for the tests of a group. */
async function groupStack(
  env: Record<string, string>,
  options: { workers?: number; keys?: Parameters<typeof keysFile> } = {},
) {
  const { workers = 1, keys } = options
  const ends: (() => Promise<void>)[] = []
  const onEnd = (end: () => Promise<void>) => void ends.push(end)
  const more = keys ? { API_KEYS_FILE: (await keysFile(keys[0], keys[1], onEnd)).path } : {}
  const stack = await startStack({ env: { JOBS_DIR: await parentJobs(onEnd), ...env, ...more }, workers, onEnd })
  return { ...stack, end: async () => void (await Promise.all(ends.map((end) => end()))) }
}

describe('one worker that runs one job of each queue at a time', { timeout: 90_000 }, () => {
  let api: string
  let client: ReturnType<typeof clientOf>

  beforeAll(async () => {
    const stack = await groupStack({ WORKER_QUEUES: 'io:1,cpu:1' })
    api = stack.api.url
    client = clientOf(api)
    return stack.end
  }, 90_000)

  test('a parent waits for a child of its own queue, and gets its output', async () => {
    const { id } = await client.parent({ how: 'run', children: [leaf({ a: 1 })] }, { priority: 4, deadline_ms: 60_000 })
    const job = await client.ended(id)
    expect(job).toMatchObject({
      state: 'succeeded',
      attempt: 1,
      output: { value: { a: 1 }, tenant: '-' },
      children: { count: 1 },
      parent: null,
    })
    const [child, ...others] = await client.childrenOf(id)
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
    const parents = await Promise.all(Array.from({ length: 8 }, () => client.parent({ how: 'gather', children })))
    for (const { id } of parents) {
      const { state, output } = await client.ended(id)
      expect(state).toBe('succeeded')
      expect(output).toMatchObject([{ value: 1 }, { value: 2 }, { value: 3 }])
    }
  })

  test('calls one after the other, calls in one turn, and children that are started each find their child again', async () => {
    const children = [leaf(1), leaf(2), leaf(3)]
    const each = await client.parent({ how: 'each', children })
    const all = await client.parent({ how: 'all', children })
    const start = await client.parent({ how: 'start', children })
    const values = [{ value: 1 }, { value: 2 }, { value: 3 }]
    expect((await client.ended(each.id)).output).toMatchObject(values)
    expect((await client.ended(all.id)).output).toMatchObject(values)
    const started = await client.ended(start.id)
    const ids = (await client.childrenOf(start.id)).map(({ id }) => id)
    expect(started.output).toMatchObject({ ids, results: values })
    for (const { id } of [each, all, start]) {
      const found = await client.childrenOf(id)
      expect(found).toHaveLength(3)
      for (const child of found) expect(await client.startsOf(child.id)).toBe(1)
    }
    expect(await client.startsOf(each.id)).toBe(4)
    expect(await client.startsOf(all.id)).toBe(2)
  })

  test('handlers in threads and processes do the same', async () => {
    const children = [leaf(1), { type: 'leaf-on-thread', input: { value: 2 } }]
    const input = { how: 'gather', children }
    for (const on of ['thread', 'process']) {
      const job = await client.run(`parent-on-${on}`, input)
      expect(job).toMatchObject({ state: 'succeeded', output: [{ value: 1 }, { value: 2 }] })
      expect(job.attempts.map(({ outcome }) => outcome)).toEqual(['parked', 'succeeded'])
      const refused = await client.run(`parent-on-${on}`, { how: 'run', children: [{ type: 'none', input: 1 }] })
      expect(refused.output).toMatchObject({ code: 'unknown_job_type' })
    }
  })

  test('a handler may wait for a signal and a child in one turn', async () => {
    const { id } = await client.parent({ how: 'signal', children: [leaf(1)] })
    await waitFor(
      'a parked parent',
      () => client.read(id),
      ({ waiting_for }) => waiting_for?.signals.length === 1,
    )
    await send('POST', `${api}/v1/jobs/${id}/signals/go`, { body: { by: 'ada' } })
    expect(await client.ended(id)).toMatchObject({ state: 'succeeded', output: [{ value: 1 }, { by: 'ada' }] })
    expect(await client.childrenOf(id)).toHaveLength(1)
  })

  test('a parent and its child share a concurrency key that one may hold', async () => {
    const concurrency = { key: 'shared', limit: 1 }
    const children = [leaf('in', {}, { concurrency })]
    const both = await Promise.all([1, 2].map(() => client.parent({ how: 'run', children }, { concurrency })))
    for (const { id } of both) expect((await client.ended(id)).output).toMatchObject({ value: 'in' })
  })

  test('a child that fails is an error with its id and code, which a gather throws at once or returns', async () => {
    const slow = leaf('slow', {}, { delayMs: 60_000 })
    const fails = { type: 'leaf-on-thread', input: { value: 0, fails: 'no_luck' } }
    const one = await client.parent({ how: 'run', children: [fails] })
    const failed = await client.ended(one.id)
    const [child] = await client.childrenOf(one.id)
    expect(failed.output).toMatchObject({ code: 'no_luck', childId: child?.id, state: 'failed' })
    expect(failed.output).toMatchObject({ message: `leaf-on-thread ${child?.id}: it was to fail` })

    const settled = await client.parent({ how: 'settled', children: [leaf(1), fails] })
    expect((await client.ended(settled.id)).output).toMatchObject([
      { status: 'fulfilled', value: { value: 1 } },
      { status: 'rejected', code: 'no_luck' },
    ])

    // The slow one is canceled with the parent, which fails by an error that it does not catch.
    const first = await client.parent({ how: 'gather', children: [slow, fails], throws: true })
    expect(await client.ended(first.id)).toMatchObject({ state: 'failed', error: { code: 'no_luck' } })
    const [open] = await client.childrenOf(first.id)
    expect(await client.ended(open?.id ?? '')).toMatchObject({ state: 'canceled' })
  })

  test('the next attempt keeps children that succeeded, and submits those that failed anew', async () => {
    const backoff = { type: 'fixed', delay_ms: 10, jitter: 0 }
    const children = [leaf(1), leaf(2, { fails: 'never' })]
    const twice = await client.parent({ how: 'gather', children, throws: true }, { attempts: 2, backoff })
    expect(await client.ended(twice.id)).toMatchObject({ state: 'failed', attempt: 2, error: { code: 'never' } })
    const found = await client.childrenOf(twice.id)
    expect(found.map(({ state }) => state)).toEqual(['succeeded', 'failed', 'failed'])
    // A new run begins anew.
    expect((await send('POST', `${api}/v1/jobs/${twice.id}/retry`)).status).toBe(202)
    const again = await client.ended(twice.id)
    expect(again).toMatchObject({ state: 'failed', run: 2, children: { count: 3 } })
    expect(await client.childrenOf(twice.id)).toHaveLength(6)
  })

  test('what cannot be submitted is an error with the code of the problem, and nothing of its call is stored', async () => {
    const refused = async (children: object[], more: object = {}) => {
      const { id } = await client.parent({ how: 'gather', children, ...more })
      const { output } = await client.ended(id)
      expect(await client.childrenOf(id)).toEqual([])
      return output
    }
    expect(await refused([leaf(1), { type: 'none', input: {} }])).toMatchObject({ code: 'unknown_job_type' })
    const invalid = await refused([leaf(1), leaf(2, { ms: 'soon' })])
    expect(invalid).toMatchObject({ code: 'invalid_request', message: expect.stringContaining('/input/ms') })
    expect(await refused([leaf(1, {}, { attempts: 0 })])).toMatchObject({ code: 'invalid_request' })
    expect(await refused([leaf(1)], { times: 10_001 })).toMatchObject({ code: 'too_many_children' })
    const level = await client.run('deep', { level: 0 })
    expect(level.output).toEqual({ level: 8, code: 'too_deep' })
  })

  test('a cancel of the parent reaches children that run and that wait', async () => {
    const { id } = await client.parent({ how: 'gather', children: [leaf(1, { ms: 60_000 }), leaf(2, { ms: 60_000 })] })
    const [running] = await waitFor(
      'a child that runs',
      () => client.childrenOf(id),
      (found) => found.length === 2 && found.some(({ state }) => state === 'running'),
    )
    expect(await client.read(id)).toMatchObject({ state: 'blocked', waiting_for: { children: true } })
    const deletion = await send('DELETE', `${api}/v1/jobs/${running?.id}`)
    expect(deletion).toMatchObject({ status: 409, body: { code: 'job_not_done' } })
    expect((await send('POST', `${api}/v1/jobs/${id}/cancel`)).status).toBe(200)
    expect((await client.ended(id)).state).toBe('canceled')
    for (const child of await client.childrenOf(id)) expect((await client.ended(child.id)).state).toBe('canceled')
  })

  test('children that a parent has started go on when it succeeds, and are canceled when it fails', async () => {
    const children = [{ type: 'leaf-on-thread', input: { value: 1, ms: 300 } }]
    const fails = await client.parent({ how: 'start', children, fails: true })
    expect((await client.ended(fails.id)).error?.code).toBe('job_failed')
    const [child] = await client.childrenOf(fails.id)
    expect((await client.ended(child?.id ?? '')).state).toBe('canceled')
  })
})

describe('workers of a tenant with a quota', { timeout: 90_000 }, () => {
  let stack: Awaited<ReturnType<typeof groupStack>>
  let client: ReturnType<typeof clientOf>

  beforeAll(async () => {
    const acme = makeKey('acme')
    const env = { WORKER_QUEUES: 'io:4,cpu:1', LOCK_MS: '2000' }
    stack = await groupStack(env, { workers: 2, keys: [[acme], { acme: { max_queued: 3 } }] })
    client = clientOf(stack.api.url, acme.headers)
    return stack.end
  }, 90_000)

  test('children count to the quota, and a refusal leaves no places taken', async () => {
    const gather = (...children: object[]) => client.run('parent', { how: 'gather', children })
    const refused = await gather(leaf(1), leaf(2), leaf(3), leaf(4))
    expect(refused.output).toMatchObject({ code: 'quota_exceeded', retryable: true })
    const accepted = await gather(leaf(1), leaf(2), leaf(3))
    expect(accepted.output).toMatchObject([{ tenant: 'acme' }, { tenant: 'acme' }, { tenant: 'acme' }])
  })

  test('workers that die behind a submission, and while all wait, repeat no child', async () => {
    const behind = await client.parent({ how: 'start', children: [leaf('behind')], dies: 'behind' })
    expect((await client.ended(behind.id)).output).toMatchObject({ results: [{ value: 'behind' }] })
    expect(await client.childrenOf(behind.id)).toHaveLength(1)

    // The worker that has parked it, and runs its child, is gone.
    const parked = await client.parent({ how: 'gather', children: [leaf(1, { ms: 1000 }), leaf(2)] })
    await waitFor(
      'a parked parent whose child runs',
      async () => [await client.read(parked.id), await client.childrenOf(parked.id)] as const,
      ([{ state }, [child]]) => state === 'blocked' && child?.state === 'running',
    )
    for (const worker of stack.workers) worker.signal('SIGKILL')
    await stack.addWorker()
    expect((await client.ended(parked.id)).output).toMatchObject([{ value: 1 }, { value: 2 }])
    expect(await client.childrenOf(parked.id)).toHaveLength(2)
  })
})
