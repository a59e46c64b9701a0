import { expect, test } from 'vitest'
import { read, send, submit } from '../helpers/client.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

interface WorkerAnswer {
  id: string
  draining: boolean
  running: number | null
  jobs: { id: string; type: string }[]
  queues: { name: string; concurrency: number | null; running: number | null }[]
  version: string | null
}
interface StatsAnswer {
  points: { at: string; succeeded: number; failed: number; started: number; running: number }[]
  queues: { queue: string }[]
  types: { type: string; queue: string; succeeded: number; failed: number; canceled: number; wait_p95_ms: number }[]
}

const listWorkers = async (url: string) =>
  (await send<{ items: WorkerAnswer[] }>('GET', `${url}/v1/workers`)).body.items

test('a drained worker ends what it runs and takes nothing more, another goes on, and what happened is counted', async () => {
  const { api, addWorker } = await startStack()
  const { body: long } = await submit(api.url, 'sleep', { duration_ms: 5000 })
  const [first] = await waitFor(
    'the report of what it runs',
    () => listWorkers(api.url),
    ([worker]) => worker?.running === 1,
  )
  if (!first) throw new Error('there is no worker')
  expect(first).toMatchObject({ draining: false, jobs: [{ id: long.id, type: 'sleep' }] })
  expect(first.queues).toEqual([
    { name: 'io', concurrency: 100, running: 1 },
    { name: 'cpu', concurrency: 2, running: 0 },
  ])
  const drained = await send<WorkerAnswer>('POST', `${api.url}/v1/workers/${encodeURIComponent(first.id)}/drain`)
  expect(drained).toMatchObject({ status: 202, body: { id: first.id, draining: true } })
  expect((await send('POST', `${api.url}/v1/workers/nobody/drain`)).body).toMatchObject({ code: 'worker_not_found' })
  await waitFor(
    'its consumers to leave',
    () => send<{ workers: number }>('GET', `${api.url}/v1/queues/io`),
    ({ body }) => body.workers === 0,
  )
  const { body: next } = await submit(api.url, 'echo', 1)
  expect((await read(api.url, long.id, 20)).body.state).toBe('succeeded')
  expect((await read(api.url, next.id)).body).toMatchObject({ state: 'queued', held_by: { kind: 'no_worker' } })
  await addWorker()
  expect((await read(api.url, next.id, 20)).body.state).toBe('succeeded')
  expect((await listWorkers(api.url)).filter(({ draining }) => draining)).toHaveLength(1)

  const { body: waiting } = await submit(api.url, 'echo', 1, { delay_ms: 60_000 })
  await send('POST', `${api.url}/v1/jobs/${waiting.id}/cancel`)
  const { body: stats } = await waitFor(
    'the counts of all processes',
    () => send<StatsAnswer>('GET', `${api.url}/v1/stats`),
    ({ body: { types } }) =>
      types.some(({ type, succeeded, canceled }) => type === 'echo' && succeeded === 1 && canceled === 1) &&
      types.some(({ type, succeeded }) => type === 'sleep' && succeeded === 1),
    { withinMs: 60_000, everyMs: 200 },
  )
  expect(stats.points.length).toBeGreaterThanOrEqual(60)
  expect(stats.points.reduce((sum, { succeeded }) => sum + succeeded, 0)).toBe(2)
  expect(stats.points.reduce((sum, { started }) => sum + started, 0)).toBe(2)
  expect(stats.queues).toMatchObject([{ queue: 'io', succeeded: 2, canceled: 1 }])
}, 120_000)

test('a worker drains again after a message that it missed, since the mark stays', async () => {
  const { api, workers } = await startStack({ workers: 2 })
  const [gone] = await waitFor(
    'both',
    () => listWorkers(api.url),
    (items) => items.length === 2,
  )
  workers.forEach((worker) => worker.signal('SIGSTOP'))
  await send('POST', `${api.url}/v1/workers/${gone?.id}/drain`)
  expect((await listWorkers(api.url)).find(({ id }) => id === gone?.id)?.draining).toBe(true)
  workers.forEach((worker) => worker.signal('SIGCONT'))
  await waitFor(
    'one consumer of two',
    () => send<{ workers: number }>('GET', `${api.url}/v1/queues/io`),
    ({ body }) => body.workers === 1,
  )
}, 120_000)

test('a worker that is killed while it drains takes jobs when it starts again, and one of its name goes on', async () => {
  const { api, addWorker } = await startStack({ workers: 0, env: { WORKER_NAME: 'shared' } })
  const first = await addWorker()
  await addWorker()
  const both = await waitFor(
    'the reports of both',
    () => listWorkers(api.url),
    (items) => items.length === 2 && items.every(({ version }) => version !== null),
  )
  expect(both).toMatchObject([{ name: 'shared' }, { name: 'shared' }])
  for (const { id } of both) await send('POST', `${api.url}/v1/workers/${id}/drain`)
  await waitFor(
    'the drain of both',
    () => send<{ workers: number }>('GET', `${api.url}/v1/queues/io`),
    ({ body }) => body.workers === 0,
  )
  first.signal('SIGKILL')
  const { body: next } = await submit(api.url, 'echo', 1)
  await addWorker()
  expect((await read(api.url, next.id, 20)).body.state).toBe('succeeded')
}, 120_000)

test('what is looked at needs the scope admin, and bad times are refused', async () => {
  const [admin, other] = [makeKey('house', ['admin']), makeKey('acme', ['submit', 'read', 'cancel'])]
  const { path } = await keysFile([admin, other])
  const { api } = await startStack({ workers: 1, env: { API_KEYS_FILE: path } })
  for (const [method, at] of [
    ['GET', '/v1/stats'],
    ['GET', '/v1/workers'],
    ['GET', '/v1/system'],
    ['POST', '/v1/workers/x/drain'],
  ] as const) {
    const refused = await send(method, api.url + at, { headers: other.headers })
    expect(refused, at).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  }
  const { headers } = admin
  for (const query of ['step=1', 'from=yesterday', 'from=2999-01-01T00:00:00Z', 'queue=IO', 'steps=60000']) {
    const refused = await send('GET', `${api.url}/v1/stats?${query}`, { headers })
    expect(refused, query).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
  }
  const { body: day } = await send<StatsAnswer>(
    'GET',
    `${api.url}/v1/stats?from=2020-01-01T00:00:00Z&step=3600000&queue=io&type=echo`,
    { headers },
  )
  expect(day.points.length).toBeLessThanOrEqual(25)
  for (const past of ['0000-01-01T00:00:00%2B23:59', '0000-01-01T00:00:00Z', '1960-01-01T00:00:00Z']) {
    const { status, body } = await send('GET', `${api.url}/v1/stats?to=${past}&step=86400000`, { headers })
    expect({ status, body }, past).toMatchObject({ status: 200, body: { to: '1970-01-02T00:00:00.000Z' } })
  }
  const { body: system } = await send('GET', `${api.url}/v1/system`, { headers })
  expect(system).toMatchObject({
    authenticated: true,
    redis: { cluster: false, nodes: [{ version: expect.stringMatching(/^\d/), eviction_policy: 'noeviction' }] },
    clock: { skew_ms: expect.any(Number) },
    queues: expect.arrayContaining([expect.objectContaining({ name: 'io', workers: 1, paused: false })]),
    worker_versions: [{ workers: 1 }],
  })
}, 120_000)
