import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { read, send, submit, watch } from '../helpers/client.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { canOwnRedis, startOwnRedis } from '../helpers/own-redis.ts'
import { type Series, scrape } from '../helpers/series.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

/** Each test starts several processes. */
const patience = { timeout: 120_000 }

/** The sum of a value over several processes. */
function sum(pages: Series[], name: string, labels: Record<string, string> = {}): number {
  return pages.reduce((total, page) => total + (page.value(name, labels) ?? 0), 0)
}

test('the counts of all processes contain every job once, by type and state', patience, async () => {
  const { api, addWorker } = await startStack({ workers: 0 })
  const queued = await submit(api.url, 'echo', 'never started')
  await send('POST', `${api.url}/v1/jobs/${queued.body.id}/cancel`)
  const late = await submit(api.url, 'echo', 'late', { start_within_ms: 1 })
  await read(api.url, late.body.id, 10)

  const worker = await addWorker()
  await Promise.all(['a', 'b', 'c'].map((input) => submit(api.url, 'echo', input, { waitS: 10 })))
  const twice = { attempts: 2, backoff: { type: 'fixed', delay_ms: 1 }, waitS: 10 }
  await submit(api.url, 'sleep', { duration_ms: 20, fail_at: 0 }, twice)
  const running = await submit(api.url, 'sleep', { duration_ms: 60_000 })
  await waitFor(
    'it to run',
    () => read(api.url, running.body.id),
    ({ body }) => body.state === 'running',
  )
  expect((await scrape(worker)).value('drover_running_jobs', { queue: 'io' })).toBe(1)
  await send('POST', `${api.url}/v1/jobs/${running.body.id}/cancel`)
  await read(api.url, running.body.id, 10)

  const pages = await waitFor(
    'the last end to be counted',
    () => Promise.all([scrape(api), scrape(worker)]),
    (both) => sum(both, 'drover_jobs_ended_total', { type: 'sleep', state: 'canceled' }) === 1,
  )
  const [ofApi, ofWorker] = pages
  const ended = (type: string, state: string) => sum(pages, 'drover_jobs_ended_total', { type, state })
  expect(ended('echo', 'succeeded')).toBe(3)
  expect(ended('echo', 'canceled')).toBe(1)
  expect(ended('echo', 'expired')).toBe(1)
  expect(ended('echo', 'failed')).toBe(0)
  expect(ended('sleep', 'failed')).toBe(1)
  expect(ended('sleep', 'succeeded')).toBe(0)
  expect(ofApi?.value('drover_jobs_submitted_total', { type: 'echo' })).toBe(5)
  expect(ofApi?.value('drover_jobs_submitted_total', { type: 'sleep' })).toBe(2)
  // Both attempts of the one job, and the attempt that was stopped.
  expect(ofWorker?.value('drover_job_duration_seconds_count', { type: 'sleep' })).toBe(3)
  // The wait of a second attempt is not counted.
  expect(ofWorker?.value('drover_job_wait_seconds_count', { type: 'sleep' })).toBe(2)
  expect(ofWorker?.value('drover_running_jobs', { queue: 'io' })).toBe(0)
  for (const page of pages) expect(page.value('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThanOrEqual(0)
  expect(ofWorker?.value('process_resident_memory_bytes')).toBeGreaterThan(1e6)
})

test('the waiting time of a job counts from when it was due, and from its retry', patience, async () => {
  const { api, addWorker } = await startStack({ workers: 0 })
  const worker = await addWorker()
  const later = { delay_ms: 4000, waitS: 30 }
  const [{ body }] = await Promise.all([
    submit(api.url, 'sleep', { duration_ms: 1, fail_at: 0 }, { ...later, attempts: 1 }),
    submit(api.url, 'echo', 1, later),
  ])
  await send('POST', `${api.url}/v1/jobs/${body.id}/retry`)
  await read(api.url, body.id, 10)
  const page = await scrape(worker)
  for (const [type, times] of [
    ['echo', 1],
    ['sleep', 2],
  ] as const) {
    expect(page.value('drover_job_wait_seconds_count', { type })).toBe(times)
    expect(page.value('drover_job_wait_seconds_sum', { type })).toBeLessThan(3.5)
  }
})

test('requests are measured by route pattern; waits and streams are not measured', patience, async () => {
  const { api } = await startStack()
  const done = await submit(api.url, 'echo', 1, { waitS: 10 })
  const asleep = await submit(api.url, 'sleep', { duration_ms: 60_000 })
  for (const id of [done.body.id, asleep.body.id]) await read(api.url, id)
  await send('GET', `${api.url}/v1/jobs/io_nobody`)
  for (const path of ['/wp-admin', '/v1/jobs/a/b/c', '/%00']) await send('GET', api.url + path)
  await send('PUT', `${api.url}/v1/jobs`)

  const leave = new AbortController()
  const events = watch(api.url, asleep.body.id, { signal: leave.signal })
  await events.next()
  const during = await scrape(api)
  expect(during.value('drover_event_streams')).toBe(1)
  leave.abort()
  const page = await waitFor(
    'the stream to be gone',
    () => scrape(api),
    (one) => one.value('drover_event_streams') === 0,
  )

  const count = 'drover_http_request_duration_seconds_count'
  const seen = page.all(count).map(({ labels: { route, method, status }, value }) => [route, method, status, value])
  expect(seen).toContainEqual(['/v1/jobs', 'POST', '202', 1])
  expect(seen).toContainEqual(['/v1/jobs/:id', 'GET', '200', 2])
  expect(seen).toContainEqual(['/v1/jobs/:id', 'GET', '404', 1])
  expect(seen.filter(([route]) => route === 'none').map(([, method, status]) => [method, status])).toEqual([
    ['GET', '404'],
    ['PUT', '405'],
  ])
  // Without the wait and the stream.
  expect(seen.filter(([route]) => String(route).endsWith('/events'))).toEqual([])
  expect(seen.filter(([route, , status]) => route === '/v1/jobs' && status === '200')).toEqual([])
})

test(
  'an API reports queue lengths, and reads them at most every few seconds for any number of clients',
  patience,
  async () => {
    const { api } = await startStack()
    await send('POST', `${api.url}/v1/queues/io/pause`)
    for (const input of [1, 2]) await submit(api.url, 'echo', input)
    const [first, ...others] = await Promise.all(Array.from({ length: 20 }, () => scrape(api)))
    expect(first?.value('drover_queue_jobs', { queue: 'io', state: 'queued' })).toBe(2)
    expect(first?.value('drover_queue_jobs', { queue: 'cpu', state: 'queued' })).toBe(0)
    expect(first?.value('drover_queue_workers', { queue: 'io' })).toBe(1)
    const waited = first?.value('drover_queue_oldest_wait_seconds', { queue: 'io' })
    expect(waited).toBeGreaterThan(0)

    // Equal to the millisecond: both are from one answer of Redis.
    for (const page of others) expect(page.value('drover_queue_oldest_wait_seconds', { queue: 'io' })).toBe(waited)
    await submit(api.url, 'echo', 3)
    await waitFor(
      'a newer count',
      () => scrape(api),
      (page) => page.value('drover_queue_jobs', { queue: 'io', state: 'queued' }) === 3,
    )
  },
)

test.skipIf(!canOwnRedis)('while Redis does not answer, only the series of queues are missing', patience, async () => {
  const redis = await startOwnRedis()
  try {
    const { api, addWorker } = await startStack({ workers: 0, env: { REDIS_URL: redis.url } })
    const worker = await addWorker()
    await submit(api.url, 'echo', 1, { waitS: 10 })
    redis.freeze()
    const from = performance.now()
    const [ofApi, ofWorker] = await Promise.all([scrape(api), scrape(worker)])
    // A frozen Redis would hold the answers until it is thawed.
    expect(performance.now() - from).toBeLessThan(8000)
    expect(ofApi.all('drover_queue_jobs')).toEqual([])
    expect(ofApi.value('drover_jobs_submitted_total', { type: 'echo' })).toBe(1)
    expect(ofWorker.value('drover_jobs_ended_total', { type: 'echo', state: 'succeeded' })).toBe(1)
    redis.thaw()
    await waitFor(
      'the queues to be back',
      () => scrape(api),
      (page) => page.value('drover_queue_workers', { queue: 'io' }) === 1,
    )
  } finally {
    await redis.close()
  }
})

test('with keys configured, metrics need the scope admin, unless they are public', patience, async () => {
  const [reader, admin] = [makeKey('acme', ['read']), makeKey('acme', ['admin'])]
  const { path } = await keysFile([reader, admin])
  const { api, addApi } = await startStack({ workers: 0, env: { API_KEYS_FILE: path } })
  const asked = async (url: string, headers: Record<string, string> = {}) =>
    (await fetch(`${url}/metrics`, { headers })).status
  expect(await asked(api.url)).toBe(401)
  expect(await asked(api.url, reader.headers)).toBe(403)
  expect(await asked(api.url, admin.headers)).toBe(200)
  const open = await addApi({ PUBLIC_ENDPOINTS: 'metrics' })
  expect(await asked(open.url)).toBe(200)
})

test('docs/deploy.md lists every series of Drover, and no other', patience, async () => {
  const { api, addWorker } = await startStack({ workers: 0 })
  const worker = await addWorker()
  const document = readFileSync(join(import.meta.dirname, '../../docs/deploy.md'), 'utf8')
  const documented = Array.from(document.matchAll(/^\| `(drover_\w+)/gm), ([, name]) => name)
  const pages = await Promise.all([api.url, `http://127.0.0.1:${worker.port}`].map((url) => fetch(`${url}/metrics`)))
  const texts = await Promise.all(pages.map((page) => page.text()))
  const served = texts.flatMap((text) => Array.from(text.matchAll(/^# TYPE (drover_\w+)/gm), ([, name]) => name))
  expect(new Set(documented)).toEqual(new Set(served))
})
