import { expect, test } from 'vitest'
import { read, submit, watchToEnd } from '../helpers/client.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

test('an attempt that never ends is stopped at its timeout, on each executor, and its slot is free immediately', async () => {
  const { api } = await startStack({ env: { WORKER_QUEUES: 'io:1,cpu:1' } })
  const cases = [
    ['sleep', { duration_ms: 60_000 }],
    ['burn-cpu', { behavior: 'spin' }],
    ['burn-cpu-isolated', { behavior: 'spin' }],
  ] as const
  for (const [type, input] of cases) {
    const { body } = await submit(api.url, type, input, { timeout_ms: 300, waitS: 10 })
    expect(body).toMatchObject({ state: 'failed', error: { code: 'timeout', retryable: true } })
    const next = await submit(
      api.url,
      type === 'sleep' ? 'echo' : type,
      { duration_ms: 1, behavior: 'finish' },
      { waitS: 10 },
    )
    expect(next.body.state).toBe('succeeded')
    // One slot only: the next job starts when the stopped one has left it, on a new thread or process. A lost lease would
    // free it after 10 s.
    expect(Date.parse(next.body.started_at ?? '') - Date.parse(body.started_at ?? '')).toBeLessThan(5000)
  }
})

test('a deadline ends a running job and prevents its retries', async () => {
  const { api } = await startStack()
  const running = await submit(api.url, 'sleep', { duration_ms: 60_000 }, { deadline_ms: 300, attempts: 5, waitS: 10 })
  expect(running.body).toMatchObject({
    state: 'failed',
    attempt: 1,
    error: { code: 'deadline_exceeded', retryable: false },
  })
  const retrying = await submit(
    api.url,
    'sleep',
    { duration_ms: 1, fail_at: 0 },
    { deadline_ms: 500, attempts: 5, backoff: { type: 'fixed', delay_ms: 60_000 }, waitS: 10 },
  )
  expect(retrying.body).toMatchObject({ state: 'failed', attempt: 1, error: { code: 'deadline_exceeded' } })
  expect(retrying.body.deadline_at).toBe(new Date(Date.parse(retrying.body.created_at) + 500).toISOString())
})

test('jobs that no worker fetches expire in time, counted from when they are first due', async () => {
  const { api } = await startStack({ workers: 0 })
  const started = Date.now()
  const limits = [
    [{ start_within_ms: 300 }, 'not_started_in_time', 300],
    [{ deadline_ms: 300 }, 'deadline_exceeded', 300],
    [{ start_within_ms: 300, run_at: new Date(started + 700).toISOString() }, 'not_started_in_time', 1000],
    [{ start_within_ms: 300, delay_ms: 700 }, 'not_started_in_time', 1000],
    [{ deadline_ms: 300, delay_ms: 700 }, 'deadline_exceeded', 1000],
  ] as const
  const ends = await Promise.all(limits.map(([limit]) => submit(api.url, 'echo', 1, { ...limit, waitS: 10 })))
  for (const [index, { body }] of ends.entries()) {
    const [, code, afterMs = 0] = limits[index] ?? []
    expect(body).toMatchObject({ state: 'expired', done: true, attempt: 0, started_at: null, error: { code } })
    const endedAfterMs = Date.parse(body.finished_at ?? '') - started
    expect(endedAfterMs).toBeGreaterThanOrEqual(afterMs)
    // The sweep runs every second.
    expect(endedAfterMs).toBeLessThan(afterMs + 20_000)
  }
})

test('retries follow their backoff, fixed or exponential', async () => {
  const { api } = await startStack()
  const gaps = async (backoff: object): Promise<number[]> => {
    const { body } = await submit(api.url, 'sleep', { duration_ms: 1, fail_at: 0 }, { attempts: 4, backoff, waitS: 20 })
    expect(body).toMatchObject({ state: 'failed', attempt: 4, max_attempts: 4 })
    expect(body.attempts.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4])
    return body.attempts
      .slice(1)
      .map((later, n) => Date.parse(later.started_at ?? '') - Date.parse(body.attempts[n]?.ended_at ?? ''))
  }
  const [fixed, exponential] = await Promise.all([
    gaps({ type: 'fixed', delay_ms: 200 }),
    gaps({ type: 'exponential', delay_ms: 100 }),
  ])
  for (const gap of fixed) expect(gap).toBeGreaterThanOrEqual(199)
  for (const gap of fixed) expect(gap).toBeLessThan(15_000)
  for (const [n, gap] of exponential.entries()) expect(gap).toBeGreaterThanOrEqual(100 * 2 ** n - 1)
  expect(exponential.at(-1)).toBeLessThan(15_000)
})

test('after the retention of all jobs no key of a job is left', async () => {
  const { api, env } = await startStack({ env: { RESULT_TTL_MS: '2000' } })
  const redis = await redisClient()
  const watched = async () => {
    const { body } = await submit(
      api.url,
      'sleep',
      { duration_ms: 5, steps: 5 },
      { deadline_ms: 60_000, start_within_ms: 60_000 },
    )
    await watchToEnd(api.url, body.id, 0)
    return read(api.url, body.id)
  }
  const jobs = await Promise.all([
    submit(api.url, 'echo', 1, { waitS: 10 }),
    watched(),
    submit(api.url, 'sleep', { duration_ms: 5, fail_at: 0 }, { waitS: 10 }),
    submit(api.url, 'burn-cpu', { duration_ms: 5 }, { waitS: 10 }),
  ])
  for (const { body } of jobs) expect(Date.parse(body.expires_at ?? '') - Date.parse(body.finished_at ?? '')).toBe(2000)
  const keysOfJobs = async () => {
    const keys = await redis.keys(`${env['KEY_PREFIX']}:*`)
    const sets = keys.filter((key) => /:(completed|failed|time-limits|prioritized|wait|active|delayed)$/.test(key))
    return [...keys.filter((key) => /_[0-9a-z]{26}/.test(key)), ...sets]
  }
  expect(await keysOfJobs()).not.toEqual([])
  await waitFor('all keys to be removed', keysOfJobs, (left) => left.length === 0, { withinMs: 60_000 })
  expect(await read(api.url, jobs[0].body.id)).toMatchObject({ status: 404 })
}, 120_000)

test('a delayed job has its whole start_within_ms from when it is due', async () => {
  const { api } = await startStack()
  const { body } = await submit(api.url, 'echo', 1, { delay_ms: 1500, start_within_ms: 1000, waitS: 20 })
  expect(body).toMatchObject({ state: 'succeeded', output: 1 })
})
