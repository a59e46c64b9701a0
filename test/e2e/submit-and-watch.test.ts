import { expect, test } from 'vitest'
import { read, send, submit, watch, watchToEnd } from '../helpers/client.ts'
import { serve } from '../helpers/local-site.ts'
import { scrape } from '../helpers/series.ts'
import { startStack } from '../helpers/stack.ts'

test('a submitted job runs to its end on each of the three executors', async () => {
  const { api } = await startStack()
  const cases = [
    ['echo', { any: ['json', null, 1.5] }, { any: ['json', null, 1.5] }],
    ['count-primes', { limit: 100 }, { count: 25, largest: 97 }],
    ['burn-cpu-isolated', { duration_ms: 20 }, { burned_ms: expect.any(Number) }],
  ] as const
  for (const [type, input, output] of cases) {
    const accepted = await submit(api.url, type, input)
    expect(accepted).toMatchObject({ status: 202, body: { type, input, state: 'queued', done: false, attempt: 0 } })
    expect(accepted.headers.get('location')).toBe(`/v1/jobs/${accepted.body.id}`)
    const done = await read(api.url, accepted.body.id, 10)
    expect(done).toMatchObject({
      status: 200,
      body: { state: 'succeeded', done: true, output, error: null, attempt: 1 },
    })
  }
})

test('Prefer: wait answers with the finished job, or with 202 at the limit', async () => {
  const { api } = await startStack()
  const done = await submit(api.url, 'sleep', { duration_ms: 50 }, { waitS: 10 })
  expect(done).toMatchObject({ status: 200, body: { state: 'succeeded', output: { slept_ms: 50 } } })
  expect(done.headers.get('preference-applied')).toBe('wait=50')

  const started = Date.now()
  const late = await submit(api.url, 'sleep', { duration_ms: 60_000 }, { waitS: 1 })
  expect(late).toMatchObject({ status: 202, body: { state: 'running', done: false } })
  expect(late.headers.get('location')).toBe(`/v1/jobs/${late.body.id}`)
  expect(Date.now() - started).toBeGreaterThanOrEqual(1000)
  expect(Date.now() - started).toBeLessThan(10_000)
  expect(await read(api.url, late.body.id, 1)).toMatchObject({ status: 202, body: { state: 'running' } })

  const nonsense = await send('POST', `${api.url}/v1/jobs`, {
    body: { type: 'echo', input: 1 },
    headers: { prefer: 'wait=soon, wait=-1, respond-async' },
  })
  expect(nonsense.status).toBe(202)
})

test('a hundred concurrent waits each get their own answer', async () => {
  const { api } = await startStack()
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, n) => submit(api.url, 'sleep', { duration_ms: 20 + n }, { waitS: 20 })),
  )
  for (const [n, answer] of answers.entries()) {
    expect(answer).toMatchObject({ status: 200, body: { state: 'succeeded', output: { slept_ms: 20 + n } } })
  }
})

test('a stream has all events of a job in order, with rising ids, and ends with the job', async () => {
  const { api } = await startStack()
  const { body } = await submit(api.url, 'sleep', { duration_ms: 200, steps: 4 }, { delay_ms: 2000 })
  const events = await watchToEnd(api.url, body.id)
  expect(events.map(({ event }) => event)).toEqual([
    'snapshot',
    ...['state', 'progress', 'progress', 'progress', 'progress'],
    ...['state', 'done'],
  ])
  expect(events[0]?.data).toMatchObject({ state: 'scheduled', done: false })
  expect(events.filter(({ event }) => event === 'state').map(({ data }) => data)).toMatchObject([
    { state: 'running', attempt: 1 },
    { state: 'succeeded', attempt: 1 },
  ])
  expect(events.at(-1)?.data).toMatchObject({ state: 'succeeded', done: true, output: { slept_ms: 200 } })
  const ids = events.map(({ id }) => id)
  expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => a - b))
})

test('a client that lost its stream resumes after the last id, with nothing missing or repeated', async () => {
  const { api } = await startStack()
  const { body } = await submit(api.url, 'sleep', { duration_ms: 600, steps: 30 })
  const seen: unknown[] = []
  let lastEventId = 0
  // Disconnects and resumes after every few events.
  for (let done = false; !done; ) {
    let taken = 0
    for await (const { id, event, data } of watch(api.url, body.id, { lastEventId })) {
      expect(id).toBeGreaterThan(lastEventId)
      lastEventId = id
      if (event === 'progress') seen.push(Object(data).fraction)
      if (event === 'done') done = true
      if (++taken === 5) break
    }
  }
  expect(seen).toEqual(Array.from({ length: 30 }, (_, n) => (n + 1) / 30))
})

test('the stream of a finished job is a snapshot and its end; with an id also the later events', async () => {
  const { api } = await startStack()
  const { body } = await submit(api.url, 'sleep', { duration_ms: 20, steps: 3 }, { waitS: 10 })
  expect((await watchToEnd(api.url, body.id)).map(({ event }) => event)).toEqual(['snapshot', 'done'])
  const all = (await watchToEnd(api.url, body.id, 0)).map(({ event }) => event)
  expect(all).toEqual(['snapshot', 'progress', 'progress', 'progress', 'done'])
})

test('an unknown event id is treated as absent and holds nothing back', async () => {
  const { api } = await startStack()
  const { body } = await submit(api.url, 'sleep', { duration_ms: 400, steps: 4 })
  const ahead = 999_999_999_999_999
  const running = await watchToEnd(api.url, body.id, ahead)
  expect(running.filter(({ event }) => event === 'progress')).toHaveLength(4)
  const ids = running.map(({ id }) => id)
  expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => a - b))

  const finished = await watchToEnd(api.url, body.id, ahead)
  expect(finished.map(({ event, id }) => [event, id])).toEqual([
    ['snapshot', 1],
    ['done', ids.at(-1)],
  ])
  // The last id of the job is known, and there is nothing to stream.
  const headers = { 'last-event-id': String(ids.at(-1)) }
  expect((await send('GET', `${api.url}/v1/jobs/${body.id}/events`, { headers })).status).toBe(204)
})

test('extract-links yields each of 200 pages, with less than 1.3 s of CPU time in the API and the worker', async () => {
  const { api, addWorker } = await startStack({ workers: 0 })
  const worker = await addWorker()
  const waiting: (() => void)[] = []
  const site = await serve((request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    waiting.push(() => response.end(`<a href="/next${request.url}">next</a><a href="#top">x</a>`))
    if (waiting.length === 50) for (const answer of waiting.splice(0)) answer()
  })
  const cpuSeconds = async () => {
    const pages = await Promise.all([scrape(api), scrape(worker)])
    return pages.reduce((sum, page) => sum + (page.value('process_cpu_seconds_total') ?? Number.NaN), 0)
  }
  const urls = Array.from({ length: 200 }, (_, n) => `${site.url}/${n}`)
  const before = await cpuSeconds()
  const { body } = await submit(api.url, 'extract-links', { urls, concurrency: 50 })
  const events = await watchToEnd(api.url, body.id)
  // So pages that take 50 ms each are read in four rounds, in 1.5 s. The clock would measure how busy the machine is.
  expect((await cpuSeconds()) - before).toBeLessThan(1.3)
  const ofKind = (kind: string) => events.filter(({ event }) => event === kind)
  expect(ofKind('output')).toHaveLength(200)
  expect(ofKind('progress')).toHaveLength(200)
  expect(events.at(-1)).toMatchObject({ event: 'done', data: { output: null, output_bytes: expect.any(Number) } })
  const { output } = Object((await read(api.url, body.id)).body)
  expect(output.pages.map((page: { url: string }) => page.url)).toEqual(urls)
  expect(output.pages[7]).toEqual({
    url: urls[7],
    status: 200,
    links: [`${site.url}/next/7`, `${site.url}/7`],
    error: null,
  })
})

test('a thousand sleeping jobs share one worker thread', async () => {
  const { api } = await startStack({ env: { WORKER_QUEUES: 'io:1000', REDIS_COMMAND_TIMEOUT_MS: '10000' } })
  const answers = await Promise.all(Array.from({ length: 1000 }, () => submit(api.url, 'sleep', { duration_ms: 1000 })))
  const submitted = performance.now()
  const ends = await Promise.all(answers.map(({ body }) => read(api.url, body.id, 10)))
  expect(ends.every(({ body }) => body.state === 'succeeded')).toBe(true)
  // One after another they would take 1000 s; a busy machine may need some seconds.
  expect(performance.now() - submitted).toBeLessThan(60_000)
}, 120_000)

test('while jobs use every core, the API answers and jobs of the other queue run', async () => {
  const { api } = await startStack()
  const burning = [1, 2].map(() => submit(api.url, 'burn-cpu', { duration_ms: 1500 }, { waitS: 20 }))
  const echoes = await Promise.all(Array.from({ length: 20 }, (_, n) => submit(api.url, 'echo', n, { waitS: 10 })))
  expect(echoes.every(({ status }) => status === 200)).toBe(true)
  expect(
    echoes
      .map(({ body }) => body.finished_at ?? '')
      .toSorted()
      .at(-1),
  ).toSatisfy((last: string) => last !== '')
  const burned = await Promise.all(burning)
  for (const { body } of burned) {
    expect(body.state).toBe('succeeded')
    expect((body.finished_at ?? '') > (echoes[0]?.body.finished_at ?? '')).toBe(true)
  }
})
