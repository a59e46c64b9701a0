import { expect, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { read, send, submit, watch, watchToEnd } from '../helpers/client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

const steer = (apiUrl: string, id: string, verb: 'cancel' | 'retry') =>
  send<JobResource & { code?: string }>('POST', `${apiUrl}/v1/jobs/${id}/${verb}`)

async function running(apiUrl: string, type: string, input: unknown, options = {}): Promise<string> {
  const { body } = await submit(apiUrl, type, input, options)
  await waitFor(
    'the job to run',
    () => read(apiUrl, body.id),
    (job) => job.body.state === 'running',
  )
  return body.id
}

test('a job that has not started is canceled immediately and never runs, in whatever state it waits', async () => {
  const { api, env, addWorker } = await startStack({ workers: 0 })
  const queued = await submit(api.url, 'echo', 1)
  const scheduled = await submit(api.url, 'echo', 1, { delay_ms: 3000 })
  for (const { body } of [queued, scheduled]) {
    const canceled = await steer(api.url, body.id, 'cancel')
    expect(canceled).toMatchObject({
      status: 200,
      body: { state: 'canceled', done: true, attempt: 0, error: { code: 'canceled', stopped: 'never_started' } },
    })
    expect(await steer(api.url, body.id, 'cancel')).toMatchObject({ status: 200, body: canceled.body })
  }
  await addWorker(env)
  const after = await submit(api.url, 'echo', 'after', { delay_ms: 3000, waitS: 10 })
  expect(after.body.state).toBe('succeeded')
  for (const { body } of [queued, scheduled]) {
    expect((await read(api.url, body.id)).body).toMatchObject({ state: 'canceled', started_at: null, attempts: [] })
  }
})

test('a running job is signalled, then killed after the grace; canceled is its only end', async () => {
  const { api } = await startStack()
  const cases = [
    ['sleep', { duration_ms: 60_000 }, 'cooperatively'],
    ['burn-cpu', { duration_ms: 60_000, steps: 100 }, 'cooperatively'],
    ['burn-cpu', { behavior: 'spin' }, 'killed'],
    ['burn-cpu-isolated', { behavior: 'spin' }, 'killed'],
  ] as const
  for (const [type, input, stopped] of cases) {
    const id = await running(api.url, type, input)
    const isSpinning = (job: { body: JobResource }) => job.body.progress !== null
    if (stopped === 'killed') await waitFor('the handler to spin', () => read(api.url, id), isSpinning)
    const ended = watchToEnd(api.url, id)
    const started = performance.now()
    const signaled = await steer(api.url, id, 'cancel')
    expect(signaled, type).toMatchObject({ status: 202, body: { cancel_requested_at: expect.any(String) } })
    expect((await steer(api.url, id, 'cancel')).status, type).toBeOneOf([200, 202])
    const last = (await ended).at(-1)
    // The grace is 2 s.
    if (stopped === 'killed') expect(performance.now() - started, type).toBeGreaterThan(1900)
    // Without the cancel it runs for 60 s.
    expect(performance.now() - started, type).toBeLessThan(30_000)
    expect(last, type).toMatchObject({
      event: 'done',
      data: { state: 'canceled', attempt: 1, error: { code: 'canceled', stopped } },
    })
    expect(await steer(api.url, id, 'cancel')).toMatchObject({ status: 200, body: { state: 'canceled' } })
  }
  expect((await submit(api.url, 'burn-cpu', { duration_ms: 10 }, { waitS: 10 })).body.state).toBe('succeeded')
})

test('a cancel through another API process ends a job that waits for its retry', async () => {
  const { api, addApi } = await startStack()
  const other = await addApi()
  const { body } = await submit(
    api.url,
    'sleep',
    { duration_ms: 1, fail_at: 0 },
    { attempts: 3, backoff: { type: 'fixed', delay_ms: 60_000 } },
  )
  await waitFor(
    'the retry to be scheduled',
    () => read(api.url, body.id),
    (job) => job.body.state === 'scheduled' && job.body.attempt === 1,
  )
  const waiting = read(api.url, body.id, 20)
  expect(await steer(other.url, body.id, 'cancel')).toMatchObject({ status: 200, body: { state: 'canceled' } })
  expect(await waiting).toMatchObject({ status: 200, body: { state: 'canceled', error: { stopped: 'never_started' } } })
})

test('cancels that race with the start and the end of short jobs leave one consistent end', async () => {
  const { api } = await startStack()
  const seen = new Map<string, number>()
  const endedAfterMs: number[] = []
  for (let round = 0; round < 60; round++) {
    const { body } = await submit(api.url, 'sleep', { duration_ms: round % 3 })
    for (let n = 0; n < round % 5; n++) await read(api.url, body.id)
    const canceled = await steer(api.url, body.id, 'cancel')
    const asked = performance.now()
    const end = await read(api.url, body.id, 15)
    expect(end.body.done).toBe(true)
    endedAfterMs.push(performance.now() - asked)
    expect([canceled.status, end.body.state]).toBeOneOf([
      [200, 'canceled'],
      [202, 'canceled'],
      [409, 'succeeded'],
    ])
    const key = `${canceled.status} ${end.body.error?.stopped ?? end.body.state}`
    seen.set(key, (seen.get(key) ?? 0) + 1)
    expect((await read(api.url, body.id)).body).toEqual(end.body)
  }
  console.log('cancel races:', Object.fromEntries(seen))
  expect(seen.size).toBeGreaterThan(1)
  // Less than the interval of the fallback polling, 3 s: the ends are published.
  expect(endedAfterMs.toSorted((a, b) => a - b)[30]).toBeLessThan(2500)
})

test('only a failed, canceled or expired job is retried: same id, next run, attempts and limits reset', async () => {
  const { api } = await startStack()
  const failed = await submit(
    api.url,
    'sleep',
    { duration_ms: 1, steps: 2, fail_at: 1 },
    { waitS: 10, tags: ['a'], deadline_ms: 30_000 },
  )
  expect(failed.body).toMatchObject({
    state: 'failed',
    run: 1,
    attempts: [{ attempt: 1, error: { code: 'job_failed' } }],
  })
  const again = await steer(api.url, failed.body.id, 'retry')
  expect(again).toMatchObject({
    status: 202,
    body: { id: failed.body.id, run: 2, done: false, tags: ['a'] },
  })
  expect((again.body.deadline_at ?? '') > (failed.body.deadline_at ?? '')).toBe(true)
  const end = await read(api.url, failed.body.id, 10)
  expect(end.body).toMatchObject({ state: 'failed', run: 2, attempt: 1, attempts: [{ attempt: 1 }] })

  const succeeded = await submit(api.url, 'echo', 1, { waitS: 10 })
  expect(await steer(api.url, succeeded.body.id, 'retry')).toMatchObject({
    status: 409,
    body: { code: 'job_not_retryable' },
  })
  expect(await steer(api.url, succeeded.body.id, 'cancel')).toMatchObject({
    status: 409,
    body: { code: 'job_already_done' },
  })
  const waiting = await submit(api.url, 'echo', 1, { delay_ms: 60_000 })
  expect(await steer(api.url, waiting.body.id, 'retry')).toMatchObject({ status: 409 })
  for (const verb of ['cancel', 'retry'] as const) {
    expect(await steer(api.url, 'io_01m82n0yt6a17zs46knkfzwasz', verb)).toMatchObject({
      status: 404,
      body: { code: 'job_not_found' },
    })
  }
})

test('two concurrent retries open one run; a stream of the new run replays only that run', async () => {
  const { api } = await startStack()
  const { body } = await submit(api.url, 'sleep', { duration_ms: 900, steps: 3, fail_at: 2 }, { waitS: 10 })
  const answers = await Promise.all([1, 2, 3, 4].map(() => steer(api.url, body.id, 'retry')))
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([202, 409, 409, 409])
  await read(api.url, body.id, 10)
  const id = body.id
  await steer(api.url, id, 'retry')
  const received: string[] = []
  for await (const { event } of watch(api.url, id)) received.push(event)
  expect(received.filter((event) => event === 'progress').length).toBeLessThanOrEqual(2)
  expect((await watchToEnd(api.url, id, 0)).filter(({ event }) => event === 'progress')).toHaveLength(6)
  expect((await read(api.url, id)).body.run).toBe(3)
})

test('consecutive attempts with one lock token lose none of their events', async () => {
  const { api } = await startStack({ env: { WORKER_QUEUES: 'io:1' } })
  // BullMQ reuses a lock token for the next job, so two attempts of one job may hold the same token.
  const jobs = await Promise.all(
    Array.from({ length: 10 }, () =>
      submit(
        api.url,
        'sleep',
        { duration_ms: 1, steps: 2, fail_at: 1 },
        { attempts: 4, backoff: { type: 'fixed', delay_ms: 1 }, waitS: 20 },
      ),
    ),
  )
  for (const { body } of jobs) {
    expect(body).toMatchObject({ state: 'failed', attempt: 4 })
    const received = await watchToEnd(api.url, body.id, 0)
    expect(received.filter(({ event }) => event === 'progress')).toHaveLength(4)
  }
})

test('a job that its stopping worker is about to put back is canceled soon', async () => {
  const { api, workers } = await startStack({ env: { SHUTDOWN_GRACE_MS: '200' } })
  const id = await running(api.url, 'burn-cpu', { behavior: 'spin' })
  await waitFor(
    'the handler to spin',
    () => read(api.url, id),
    (job) => job.body.progress !== null,
  )
  workers[0]?.signal('SIGTERM')
  await waitFor(
    'the stop',
    () => workers[0]?.logs,
    (logs) => logs?.some(({ msg }) => msg === 'stopping') === true,
  )
  const canceled = await steer(api.url, id, 'cancel')
  expect(canceled.status).toBeOneOf([200, 202])
  const started = performance.now()
  expect((await read(api.url, id, 15)).body.state).toBe('canceled')
  // A sweep would end it after 7 s or later.
  expect(performance.now() - started).toBeLessThan(6000)
})

test('a canceled job whose worker crashed ends soon, also when no other worker has room for it', async () => {
  // A short LOCK_MS, so that the check for stalled jobs finds it first and returns it to its queue.
  const { api, workers, addWorker } = await startStack({ env: { LOCK_MS: '1000', WORKER_QUEUES: 'io:1,cpu:1' } })
  const id = await running(api.url, 'burn-cpu', { behavior: 'spin' })
  await addWorker()
  const other = await running(api.url, 'burn-cpu', { duration_ms: 60_000, steps: 10 })
  expect((await steer(api.url, id, 'cancel')).status).toBe(202)
  workers[0]?.signal('SIGKILL')
  // The grace of 2 s, the margin of 5 s, and a sweep.
  expect((await read(api.url, id, 11)).body).toMatchObject({ state: 'canceled', error: { stopped: 'killed' } })
  expect((await read(api.url, other)).body.state).toBe('running')
})
