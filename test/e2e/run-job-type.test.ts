import { expect, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { type Answer, send } from '../helpers/client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

interface RunProblem {
  code: string
  job_id: string
  error: { code: string; message: string }
  errors?: { pointer: string; detail: string }[]
}

async function runningStack(options: Parameters<typeof startStack>[0] = {}) {
  const stack = await startStack(options)
  const run = <T = RunProblem>(
    type: string,
    input: unknown,
    { query = '', headers = {} }: { query?: string; headers?: Record<string, string> } = {},
  ): Promise<Answer<T>> => send('POST', `${stack.api.url}/v1/job-types/${type}/run?${query}`, { body: input, headers })
  const read = async (location: string | null) => {
    const { body } = await send<JobResource>('GET', `${stack.api.url}${location}`)
    return body
  }
  return { ...stack, run, read }
}

test('a run takes the bare input and answers with the bare output', async () => {
  const { run, read } = await runningStack()
  const query = 'priority=7&attempts=2&timeout_ms=5000&deadline_ms=60000&tag=nightly'
  const primes = await run<unknown>('count-primes', { limit: 100 }, { query })
  expect(primes).toMatchObject({ status: 200, body: { count: 25, largest: 97 } })
  expect(await read(primes.headers.get('location'))).toMatchObject({
    type: 'count-primes',
    state: 'succeeded',
    priority: 7,
    max_attempts: 2,
    tags: ['nightly'],
  })
  for (const value of [null, 0, '', 'text', [], { a: null }])
    expect(await run<unknown>('echo', JSON.stringify(value))).toMatchObject({ status: 200, body: value })
})

test('an output that is stored beside its job comes whole', async () => {
  const { run } = await runningStack({ env: { INLINE_OUTPUT_BYTES: '1000' } })
  const text = 'é'.repeat(400_000)
  const { status, body } = await run<string>('echo', JSON.stringify(text))
  expect({ status, isSame: body === text }).toEqual({ status: 200, isSame: true })
})

test('a job that does not succeed is a problem that no client tries again', async () => {
  const { api, run, read } = await runningStack()
  const failed = await run('sleep', { duration_ms: 10, steps: 2, fail_at: 0 }, { query: 'attempts=1' })
  const late = await run('sleep', { duration_ms: 60_000 }, { query: 'attempts=1&timeout_ms=200' })
  const overdue = await run('sleep', { duration_ms: 60_000 }, { query: 'deadline_ms=200' })
  const expired = await run('echo', 1, { query: 'delay_ms=400&deadline_ms=1' })
  const canceling = run('sleep', { duration_ms: 60_000 }, { query: 'tag=to-cancel' })
  const running = await waitFor(
    'the job to run',
    () => send<{ items: JobResource[] }>('GET', `${api.url}/v1/jobs?tag=to-cancel&state=running`),
    ({ body }) => body.items.length > 0,
  )
  await send('POST', `${api.url}/v1/jobs/${running.body.items[0]?.id}/cancel`)
  const canceled = await canceling

  const ends = [failed, late, overdue, expired, canceled]
  expect(ends.map(({ status, body }) => [status, body.code, body.error.code])).toEqual([
    [422, 'job_failed', 'job_failed'],
    [422, 'job_timed_out', 'timeout'],
    [422, 'job_timed_out', 'deadline_exceeded'],
    [422, 'job_expired', expect.any(String)],
    [409, 'job_canceled', 'canceled'],
  ])
  for (const { headers, body } of ends) {
    expect(headers.get('retry-after')).toBeNull()
    expect(headers.get('content-type')).toContain('application/problem+json')
    expect((await read(headers.get('location'))).id).toBe(body.job_id)
  }
})

test('a run that is not done when its wait ends answers with the job', async () => {
  const { api, run } = await runningStack()
  for (const how of [
    { query: 'wait=0' },
    { headers: { prefer: 'wait=0' } },
    { query: 'wait=0', headers: { prefer: 'wait=9' } },
  ]) {
    const { status, headers, body } = await run<JobResource>('sleep', { duration_ms: 1500 }, how)
    expect(status).toBe(202)
    expect(headers.get('location')).toBe(`/v1/jobs/${body.id}`)
    expect(body).toMatchObject({ type: 'sleep', done: false })
    const ended = await send('GET', `${api.url}/v1/jobs/${body.id}`, { headers: { prefer: 'wait=50' } })
    expect(ended.body).toMatchObject({ state: 'succeeded', output: { slept_ms: 1500 } })
  }
})

test('under one Idempotency-Key a run happens once, and another run is refused', async () => {
  const { api, run } = await runningStack()
  const headers = { 'idempotency-key': 'k1' }
  const [first, second] = await Promise.all([
    run<unknown>('echo', { n: 1 }, { headers }),
    run<unknown>('echo', { n: 1 }, { headers, query: 'wait=20' }),
  ])
  expect([first.body, second.body]).toEqual([{ n: 1 }, { n: 1 }])
  expect(first.headers.get('location')).toBe(second.headers.get('location'))
  const replays = [first, second].map((answer) => answer.headers.get('idempotent-replayed'))
  expect(new Set(replays)).toEqual(new Set([null, 'true']))
  const submitted = await send<JobResource>('POST', `${api.url}/v1/jobs`, {
    body: { type: 'echo', input: { n: 1 } },
    headers,
  })
  expect(`/v1/jobs/${submitted.body.id}`).toBe(first.headers.get('location'))

  for (const [type, input, query] of [
    ['echo', { n: 2 }, ''],
    ['echo', { n: 1 }, 'priority=3'],
    ['sleep', { duration_ms: 1 }, ''],
  ] as const)
    expect(await run(type, input, { headers, query })).toMatchObject({
      status: 422,
      body: { code: 'idempotency_key_reused' },
    })
})

test('what is wrong with a run is named: pointers into the input, names of parameters', async () => {
  const { run } = await runningStack({ workers: 0 })
  const wrong = await run('sleep', { duration_ms: 'long', steps: -1 })
  expect(wrong).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
  expect(wrong.body.errors?.map(({ pointer }) => pointer)).toEqual(['/duration_ms', '/steps'])
  expect((await run('sleep', '5')).body.errors?.map(({ pointer }) => pointer)).toEqual([''])
  expect((await run('sleep', undefined)).body).toMatchObject({ code: 'invalid_request', detail: 'body: is required' })
  for (const query of [
    'priority=10',
    'priority=high',
    'attempts=0',
    'wait=-1',
    'wait=1.5',
    'tags=a',
    'deadline_ms=0',
  ]) {
    const { status, body } = await run('echo', 1, { query })
    expect([query, status, body.errors?.[0]?.pointer]).toEqual([query, 400, query.split('=')[0]])
  }
  expect(await run('no-such-type', 1)).toMatchObject({ status: 404, body: { code: 'unknown_job_type' } })
})
