import { expect, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { read, send } from '../helpers/client.ts'
import { echo, fails, job, jobIds, readFlow, results, sleep, steerFlow, submitFlow } from '../helpers/flows.ts'
import { onceFailing } from '../helpers/once-failing.ts'
import { lastingKeys, redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

/** Each test starts its own processes. */
const patience = { timeout: 120_000 }

test(
  'a canceled flow starts no more jobs, stops the running ones, and ends canceled; cancel is idempotent',
  patience,
  async () => {
    const { api } = await startStack({ env: { WORKER_QUEUES: 'io:2' } })
    const { body } = await submitFlow(api.url, {
      chain: [{ gather: [sleep(30_000), sleep(30_000), sleep(30_000), sleep(10)] }, echo(1)],
    })
    await waitFor(
      'two to run',
      () => readFlow(api.url, body.id),
      (flow) => flow.body.counts.running === 2,
    )
    const canceled = await steerFlow(api.url, body.id, 'cancel')
    // 200: all jobs had stopped before the answer was written.
    expect(canceled.status).toBeOneOf([200, 202])
    expect(canceled.body).toMatchObject({ cancel_requested_at: expect.any(String) })
    expect((await steerFlow(api.url, body.id, 'cancel')).status).toBeOneOf([200, 202])
    const ended = await readFlow(api.url, body.id, 20)
    expect(ended.body).toMatchObject({
      state: 'canceled',
      done: true,
      error: { code: 'canceled' },
      counts: { canceled: 5, running: 0, queued: 0, blocked: 0 },
    })
    const jobs = await Promise.all(jobIds(ended.body.tree).map((id) => read(api.url, id)))
    const stopped = jobs.map((one) => String(one.body.error?.stopped))
    expect(stopped.toSorted((a, b) => a.localeCompare(b))).toEqual([
      'cooperatively',
      'cooperatively',
      'never_started',
      'never_started',
      'never_started',
    ])
    expect(await steerFlow(api.url, body.id, 'cancel')).toMatchObject({ status: 200, body: ended.body })
    const done = await submitFlow(api.url, echo(1), { waitS: 20 })
    expect(await steerFlow(api.url, done.body.id, 'cancel')).toMatchObject({
      status: 409,
      body: { code: 'flow_already_done' },
    })
  },
)

test('a retry runs only jobs that did not succeed; a running or succeeded flow is not retried', patience, async () => {
  const once = await onceFailing()
  const { api } = await startStack({ env: { JOBS_DIR: once.dir } })
  const flow = {
    chain: [
      echo({ word: 'x' }),
      {
        gather: [
          echo({ $output: '/word' }),
          job('once-failing', { $output: '/word' }),
          { chain: [sleep(20_000), echo(2)] },
        ],
      },
      echo({ $output: '' }),
    ],
  }
  const first = await submitFlow(api.url, flow, { waitS: 20 })
  expect(first.body).toMatchObject({ state: 'failed', run: 1, error: { path: '/flow/chain/1/gather/1' } })
  const ids = jobIds(first.body.tree)
  const sleeper = ids[3] ?? ''
  await once.repair()

  const retried = await steerFlow(api.url, first.body.id, 'retry')
  expect(retried).toMatchObject({ status: 202, body: { run: 2, done: false, error: null, finished_at: null } })
  expect(await steerFlow(api.url, first.body.id, 'retry')).toMatchObject({
    status: 409,
    body: { code: 'flow_not_retryable' },
  })
  await waitFor(
    'the sleeper of the second run',
    () => read(api.url, sleeper),
    ({ body }) => body.state === 'running' && body.run === 2,
  )
  const mended = await waitFor(
    'the mended one',
    () => read(api.url, ids[2] ?? ''),
    ({ body }) => body.done,
  )
  expect(mended.body).toMatchObject({ state: 'succeeded', run: 2, output: 'x', input: 'x' })
  // A job that is canceled alone ends its chain, and the flow fails again. Then comes another retry.
  expect((await send('POST', `${api.url}/v1/jobs/${sleeper}/cancel`)).status).toBe(202)
  const second = await readFlow(api.url, first.body.id, 20)
  expect(second.body).toMatchObject({ state: 'canceled', run: 2, error: { job_id: sleeper } })
  const runs = await Promise.all(ids.map((id) => read(api.url, id)))
  expect(runs.map(({ body }) => body.run)).toEqual([1, 1, 2, 2, 2, 2])
  expect(runs.map(({ body }) => body.state)).toEqual([
    'succeeded',
    'succeeded',
    'succeeded',
    'canceled',
    'canceled',
    'canceled',
  ])
  const ok = await submitFlow(api.url, echo(1), { waitS: 20 })
  expect((await steerFlow(api.url, ok.body.id, 'retry')).status).toBe(409)
})

test('concurrent retries open one run, and it succeeds', patience, async () => {
  const once = await onceFailing()
  const { api, addApi } = await startStack({ env: { JOBS_DIR: once.dir } })
  const other = await addApi()
  const { body } = await submitFlow(
    api.url,
    { chain: [echo('a'), job('once-failing', { $output: '' }), echo({ $output: '' })] },
    { waitS: 20 },
  )
  await once.repair()
  const answers = await Promise.all([api, other, api, other].map(({ url }) => steerFlow(url, body.id, 'retry')))
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([202, 409, 409, 409])
  expect((await readFlow(other.url, body.id, 20)).body).toMatchObject({ state: 'succeeded', run: 2 })
  expect((await results(api.url, body.id)).map(({ output }) => output)).toEqual(['a', 'a', 'a'])
})

test('a deadline stops the whole flow', patience, async () => {
  const { api } = await startStack()
  const { body } = await submitFlow(
    api.url,
    { chain: [sleep(30_000), echo(1)] },
    { waitS: 20, more: { deadline_ms: 1000 } },
  )
  expect(body).toMatchObject({
    state: 'failed',
    error: { code: 'deadline_exceeded' },
    deadline_at: expect.any(String),
    counts: { canceled: 2 },
  })
})

test('every end of a member advances its flow: canceled, expired, failed by its limits', patience, async () => {
  const { api } = await startStack({ env: { WORKER_QUEUES: 'io:4' } })
  const gather = {
    gather: [
      sleep(30_000),
      sleep(30_000, { deadline_ms: 500 }),
      echo(1, { delay_ms: 30_000, deadline_ms: 60_000 }),
      job('count-primes', { limit: 100 }, { start_within_ms: 300 }),
    ],
    on_failure: 'continue',
  }
  const { body, status } = await submitFlow(api.url, { chain: [gather, echo({ $output: '' })] })
  expect(status, JSON.stringify(body)).toBe(202)
  const ids = jobIds(body.tree)
  for (const id of [ids[0], ids[2]]) await send('POST', `${api.url}/v1/jobs/${id}/cancel`)
  const ended = await readFlow(api.url, body.id, 20)
  expect(ended.body).toMatchObject({
    state: 'succeeded',
    tree: {
      chain: [
        { gather: [{ state: 'canceled' }, { state: 'failed' }, { state: 'canceled' }, { state: 'expired' }] },
        { state: 'succeeded' },
      ],
    },
  })
  const [, last] = await results(api.url, body.id)
  expect(last?.output).toMatchObject([
    { code: 'canceled' },
    { code: 'deadline_exceeded' },
    { code: 'canceled' },
    { code: 'not_started_in_time', state: 'expired' },
  ])
})

test('a blocked job that is canceled alone ends the flow after the running jobs', patience, async () => {
  const { api } = await startStack()
  const { body } = await submitFlow(api.url, { chain: [sleep(400), echo(1), echo(2)] })
  const ids = jobIds(body.tree)
  const canceled = await send<JobResource>('POST', `${api.url}/v1/jobs/${ids[2]}/cancel`)
  expect(canceled).toMatchObject({ status: 200, body: { state: 'canceled', error: { stopped: 'never_started' } } })
  const ended = await readFlow(api.url, body.id, 20)
  expect(ended.body).toMatchObject({
    state: 'canceled',
    counts: { succeeded: 1, canceled: 2 },
    error: { job_id: ids[2] },
  })
})

test('a member that is missing in Redis advances its flow too', patience, async () => {
  const { api, env } = await startStack({ workers: 0 })
  const { body } = await submitFlow(api.url, { gather: [echo(1), echo(2)] })
  const [first = ''] = jobIds(body.tree)
  const redis = await redisClient()
  await redis.del(`${env['KEY_PREFIX']}:{io}:io:${first}`)
  await redis.zrem(`${env['KEY_PREFIX']}:{io}:io:prioritized`, first)
  const ended = await readFlow(api.url, body.id, 20)
  expect(ended.body).toMatchObject({
    state: 'failed',
    error: { code: 'removed', job_id: first },
    counts: { failed: 1, canceled: 1 },
  })
})

test('a job of a flow is neither retried alone nor deleted while the flow runs', patience, async () => {
  const { api } = await startStack()
  const { body } = await submitFlow(api.url, { gather: [fails(), sleep(1500)], on_failure: 'continue' })
  const [failed = ''] = jobIds(body.tree)
  await read(api.url, failed, 10)
  expect(await send('DELETE', `${api.url}/v1/jobs/${failed}`)).toMatchObject({
    status: 409,
    body: { code: 'job_not_done' },
  })
  expect(await send('POST', `${api.url}/v1/jobs/${failed}/retry`)).toMatchObject({
    status: 409,
    body: { code: 'job_not_retryable' },
  })
  await readFlow(api.url, body.id, 20)
  expect((await send('DELETE', `${api.url}/v1/jobs/${failed}`)).status).toBe(204)
  expect(await results(api.url, body.id)).toMatchObject([
    { id: failed, state: 'failed', error: { code: 'removed' } },
    { state: 'succeeded', output: { slept_ms: 1500 } },
  ])
})

test(
  'a flow is removed with its jobs after its retention and leaves no key; its jobs stay while it runs',
  patience,
  async () => {
    const { api, env } = await startStack({ env: { RESULT_TTL_MS: '2000' } })
    const { body } = await submitFlow(
      api.url,
      { chain: [echo([1, 2]), { map: { over: { $output: '' }, node: echo({ $item: '' }) } }, sleep(5000), echo(1)] },
      { key: 'k' },
    )
    const [first = ''] = jobIds(body.tree)
    await waitFor(
      'the long step',
      () => readFlow(api.url, body.id),
      ({ body }) => body.counts.succeeded === 3,
    )
    // Longer than a job outside of flows is kept.
    const kept = await waitFor(
      'more than its time',
      () => read(api.url, first),
      ({ status, body }) => status !== 200 || Date.now() - Date.parse(body.finished_at ?? '') > 3500,
    )
    expect(kept.status).toBe(200)
    await waitFor(
      'the flow to go',
      () => readFlow(api.url, body.id),
      ({ status }) => status === 404,
    )
    const redis = await redisClient()
    // The id of a flow that had an idempotency key stays taken for half a minute.
    const left = await waitFor(
      'all its keys to go',
      () => lastingKeys(redis, env['KEY_PREFIX'] ?? ''),
      (keys) => !keys.some((key) => key.includes(body.id) || key.includes(first.slice(0, 20))),
    )
    expect(left.filter((key) => key.includes(':claim:'))).toEqual([])
    for (const index of left.filter((key) => /:(index|time-limits|completed|failed)$/.test(key))) {
      expect(await redis.zrange(index, 0, '-1'), index).toEqual([])
    }
    expect(left.filter((key) => key.includes('{flows}') && !key.includes('lease'))).toEqual([])
  },
)

test('no job of a flow starts after the answer to its cancel, at any point of the flow', patience, async () => {
  const { api, addApi } = await startStack({ workers: 2, env: { WORKER_QUEUES: 'io:5' } })
  const other = await addApi()
  const flow = {
    chain: [
      echo([1, 2, 3, 4]),
      { map: { over: { $output: '' }, node: { chain: [echo({ $item: '' }), echo({ $output: '' })] } } },
      { gather: [sleep(20), { chain: [echo(1), echo({ $output: '' }), sleep(10)] }], on_failure: 'continue' },
      { map: { over: { $output: '' }, node: echo({ $item: '' }) } },
    ],
  }
  const states = new Map<string, number>()
  for (let round = 0; round < 40; round++) {
    const { body } = await submitFlow(api.url, flow)
    for (let reads = 0; reads < round % 14; reads++) await readFlow(api.url, body.id)
    const canceled = await steerFlow(round % 2 === 0 ? api.url : other.url, body.id, 'cancel')
    const answeredAt = Date.now()
    expect(canceled.status).toBeOneOf([200, 202, 409])
    const ended = await readFlow(api.url, body.id, 30)
    expect(ended.body.state).toBe(canceled.status === 409 ? 'succeeded' : 'canceled')
    expect(ended.body.counts).toMatchObject({ blocked: 0, queued: 0, running: 0, scheduled: 0 })
    const ids = jobIds(ended.body.tree)
    expect(ids).toHaveLength(ended.body.jobs)
    for (const job of await Promise.all(ids.map((id) => read(api.url, id)))) {
      expect(job.body.done, job.body.id).toBe(true)
      expect(Date.parse(job.body.started_at ?? '') > answeredAt, job.body.id).toBe(false)
    }
    const seen = `${canceled.status}, ${ended.body.counts.succeeded} succeeded`
    states.set(seen, (states.get(seen) ?? 0) + 1)
  }
  expect(states.size).toBeGreaterThan(1)
})
