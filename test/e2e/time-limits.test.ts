import { expect, test } from 'vitest'
import { read, submit, watchToEnd } from '../helpers/client.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

test('a run that never ends is ended at its limit, on each executor, and its place is free at once', async () => {
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
    // One place only: the next job started when the ended one had left it. A cold thread or process is started for it.
    expect(Date.parse(next.body.started_at ?? '') - Date.parse(body.started_at ?? '')).toBeLessThan(300 + 200 + 500)
  }
})

test('a deadline ends a running job, and its retries with it', async () => {
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

test('jobs that no worker takes expire in time, counted from run_at where it is given, else from creation', async () => {
  const { api } = await startStack({ workers: 0 })
  const started = Date.now()
  const limits = [
    [{ start_within_ms: 300 }, 'not_started_in_time', 300],
    [{ deadline_ms: 300 }, 'deadline_exceeded', 300],
    [{ start_within_ms: 300, run_at: new Date(started + 700).toISOString() }, 'not_started_in_time', 1000],
    [{ start_within_ms: 300, delay_ms: 700 }, 'not_started_in_time', 300],
  ] as const
  const ends = await Promise.all(limits.map(([limit]) => submit(api.url, 'echo', 1, { ...limit, waitS: 10 })))
  for (const [index, { body }] of ends.entries()) {
    const [, code, afterMs = 0] = limits[index] ?? []
    expect(body).toMatchObject({ state: 'expired', done: true, attempt: 0, started_at: null, error: { code } })
    const endedAfterMs = Date.parse(body.finished_at ?? '') - started
    expect(endedAfterMs).toBeGreaterThanOrEqual(afterMs)
    expect(endedAfterMs).toBeLessThan(afterMs + 2500)
  }
})

test('backoff is honoured: fixed as said, exponential doubling, and what the handler asks for first', async () => {
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
  for (const gap of fixed) expect(gap).toBeLessThan(400)
  for (const [n, gap] of exponential.entries()) expect(gap).toBeGreaterThanOrEqual(100 * 2 ** n - 1)
  expect(exponential.at(-1)).toBeLessThan(600)
})

test('when everything has expired, no key that belongs to a job is left', async () => {
  const { api, env } = await startStack({ env: { RESULT_TTL_MS: '1000' } })
  const redis = await redisClient()
  const jobs = await Promise.all([
    submit(api.url, 'echo', 1, { waitS: 10 }),
    submit(api.url, 'sleep', { duration_ms: 5, steps: 5 }, { waitS: 10, deadline_ms: 60_000, start_within_ms: 60_000 }),
    submit(api.url, 'sleep', { duration_ms: 5, fail_at: 0 }, { waitS: 10 }),
    submit(api.url, 'burn-cpu', { duration_ms: 5 }, { waitS: 10 }),
  ])
  for (const { body } of jobs) expect(Date.parse(body.expires_at ?? '') - Date.parse(body.finished_at ?? '')).toBe(1000)
  await watchToEnd(api.url, jobs[1].body.id, 0)
  const keysOfJobs = async () => {
    const keys = await redis.keys(`${env['KEY_PREFIX']}:*`)
    const sets = keys.filter((key) => /:(completed|failed|time-limits|prioritized|wait|active|delayed)$/.test(key))
    return [...keys.filter((key) => /_[0-9a-z]{26}/.test(key)), ...sets]
  }
  expect((await keysOfJobs()).length).toBeGreaterThan(4)
  await waitFor('all of it to go', keysOfJobs, (left) => left.length === 0)
  expect(await read(api.url, jobs[0].body.id)).toMatchObject({ status: 404 })
})
