import { expect, test } from 'vitest'
import { Keys } from '../../src/queue/redis/keys.ts'
import { read, type ServerSentEvent, send, submit, watch, watchToEnd } from '../helpers/client.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import {
  executors,
  readAllValues,
  upTo,
  valueLines,
  valuesIn,
  wholeList,
  yieldingJobs,
} from '../helpers/yielding-jobs.ts'

/** On a busy machine. */
const patience = { timeout: 120_000 }

async function yieldStack(env: Record<string, string> = {}) {
  return startStack({ env: { JOBS_DIR: await yieldingJobs(), ...env } })
}

/** The first events of a stream up to the value with this index, and the id of that. */
async function watchUntil(apiUrl: string, id: string, index: number): Promise<ServerSentEvent[]> {
  const events: ServerSentEvent[] = []
  for await (const event of watch(apiUrl, id)) {
    events.push(event)
    if (Object(event.data).index === index) return events
  }
  return events
}

test.each(executors)('every value reaches each reader, early or late, once and in order: %s', patience, async (on) => {
  const { api } = await yieldStack()
  const count = 5000
  const { id } = (await submit(api.url, `yield-${on}`, { count, progress_every: 7 }, { delay_ms: 1500 })).body
  const early = watchToEnd(api.url, id)
  const lines = Array.fromAsync(valueLines(api.url, id))
  const begun = await watchUntil(api.url, id, 1500)
  const late = watchToEnd(api.url, id)
  const resumed = watchToEnd(api.url, id, begun.at(-1)?.id)
  expect(valuesIn(await early)).toEqual(wholeList(1, count))
  expect((await early).map(({ event }) => event)).not.toContain('gap')
  expect(await lines).toEqual(upTo(count))
  expect(valuesIn(await late)).toEqual(wholeList(1, count))
  expect([...valuesIn(begun), ...valuesIn(await resumed)]).toEqual(wholeList(1, count))
  expect(valuesIn(await watchToEnd(api.url, id, 0))).toEqual(wholeList(1, count))
  for (const events of [await early, await late, await resumed]) {
    const ids = events.map((event) => event.id)
    expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => a - b))
  }
  expect(await readAllValues(api.url, id)).toEqual(upTo(count))
  expect(await readAllValues(api.url, id, 333)).toEqual(upTo(count))
  expect(await Array.fromAsync(valueLines(api.url, id))).toEqual(upTo(count))
  expect(await Array.fromAsync(valueLines(api.url, id, '1-4990'))).toEqual(upTo(count).slice(4990))
})

test('a cursor continues anywhere, and is null only when the job is done and has no more', async () => {
  const { api } = await yieldStack()
  const { id } = (await submit(api.url, 'yield-event-loop', { count: 30, pause_ms: 20, progress_every: 1 })).body
  const page = async (query: string) =>
    (await send<{ items: unknown[]; next_cursor: string }>('GET', `${api.url}/v1/jobs/${id}/values?${query}`)).body
  const first = await waitFor(
    'some values',
    () => page('limit=3'),
    ({ items }) => items.length === 3,
  )
  expect(first).toEqual({ items: [0, 1, 2], next_cursor: '1-3' })
  const { body } = await read(api.url, id, 20)
  expect(body).toMatchObject({ state: 'succeeded', links: { values: `/v1/jobs/${id}/values` } })
  for (const n of upTo(31))
    expect(await page(`after=1-${n}&limit=4`)).toEqual({
      items: upTo(30).slice(n, n + 4),
      next_cursor: n + 4 >= 30 ? null : `1-${n + 4}`,
    })
  const response = await fetch(`${api.url}/v1/jobs/${id}/values?limit=10`)
  expect(response.headers.get('link')).toBe(`</v1/jobs/${id}/values?limit=10&after=1-10>; rel="next"`)
  expect(response.headers.get('values-list')).toBe('1')
  for (const query of ['after=1-31', 'after=1', 'after=x', 'limit=0', 'limit=1001', 'cursor=1-1'])
    expect(await send('GET', `${api.url}/v1/jobs/${id}/values?${query}`), query).toMatchObject({ status: 400 })
  expect(await send('GET', `${api.url}/v1/jobs/${id}/values?after=2-1`)).toMatchObject({
    status: 409,
    body: { code: 'values_reset' },
  })
  expect(await send('GET', `${api.url}/v1/jobs/io_${'0'.repeat(26)}/values`)).toMatchObject({ status: 404 })
  const plain = (await submit(api.url, 'echo', 1, { waitS: 10 })).body
  expect(await send('GET', `${api.url}/v1/jobs/${plain.id}/values`)).toMatchObject({
    status: 200,
    body: { items: [], next_cursor: null },
  })
  expect(await Array.fromAsync(valueLines(api.url, plain.id))).toEqual([])
})

test('a retry begins the next list, and each reader is notified of that', async () => {
  const { api } = await yieldStack()
  const backoff = { type: 'fixed', delay_ms: 1500, jitter: 0 }
  const input = { count: 40, fail_at: 25, pause_ms: 5 }
  const { id } = (await submit(api.url, 'yield-event-loop', input, { attempts: 2, backoff, delay_ms: 1500 })).body
  const watched = watchToEnd(api.url, id)
  const lines: unknown[] = []
  const broken = (async () => {
    for await (const value of valueLines(api.url, id)) lines.push(value)
  })()
  await expect(broken).rejects.toThrow('terminated')
  expect(lines).toEqual(upTo(25))
  expect(await send('GET', `${api.url}/v1/jobs/${id}/values?after=1-25`)).toMatchObject({
    status: 409,
    body: { code: 'values_reset' },
  })
  const events = await watched
  expect(valuesIn(events)).toEqual([...wholeList(1, 25), ...wholeList(2, 40)])
  const kinds = events.map(({ event }) => event)
  const reset = kinds.indexOf('values_reset')
  expect(events[reset]?.data).toEqual({ list: 2, from: 0 })
  expect(valuesIn(events.slice(reset))).toEqual(wholeList(2, 40))
  // A client that comes with an id of the earlier list.
  const old = events.find(({ data }) => Object(data).index === 10)
  const resumed = await watchToEnd(api.url, id, old?.id)
  expect(resumed.map(({ event }) => event)).not.toContain('gap')
  expect(resumed.filter(({ event }) => event === 'values_reset').map(({ data }) => data)).toEqual([
    { list: 2, from: 0 },
  ])
  expect(valuesIn(resumed)).toEqual(wholeList(2, 40))
  expect(await readAllValues(api.url, id)).toEqual(upTo(40))
})

test('a start that yields nothing leaves no values of an earlier start, nor does a run of a client', async () => {
  const { api } = await yieldStack()
  const { id } = (await submit(api.url, 'yield-event-loop', { count: 9, fail_at: 5, failures: 9 }, { waitS: 10 })).body
  expect(await readAllValues(api.url, id)).toEqual(upTo(5))
  expect(await send('POST', `${api.url}/v1/jobs/${id}/retry`)).toMatchObject({ status: 202 })
  expect(await read(api.url, id, 10)).toMatchObject({ body: { state: 'failed', run: 2 } })
  const events = await watchToEnd(api.url, id, 0)
  expect(events.filter(({ event }) => event === 'values_reset').map(({ data }) => data)).toEqual([{ list: 2, from: 0 }])
  expect(valuesIn(events)).toEqual(wholeList(2, 5))

  const backoff = { type: 'fixed', delay_ms: 1, jitter: 0 }
  const input = { count: 3, fail_at: 0, failures: 9 }
  const none = (await submit(api.url, 'yield-event-loop', input, { attempts: 3, backoff, waitS: 10 })).body
  expect((await watchToEnd(api.url, none.id, 0)).map(({ event }) => event)).not.toContain('values_reset')
})

test.each(executors)('more values than are kept fail the attempt: %s', { timeout: 300_000 }, async (on) => {
  const { api } = await yieldStack()
  const large = await submit(api.url, `yield-${on}`, { count: 70, size: 1024 * 1024 }, { attempts: 3, waitS: 50 })
  expect(large.body).toMatchObject({
    state: 'failed',
    attempt: 1,
    error: { code: 'too_many_values', retryable: false },
  })
  const one = await submit(api.url, `yield-${on}`, { count: 1, size: 8 * 1024 * 1024 }, { waitS: 50 })
  expect(one.body).toMatchObject({ state: 'failed', error: { code: 'invalid_output' } })
  const { id } = (await submit(api.url, `yield-${on}`, { count: 100_001 })).body
  const done = await read(api.url, id, 50)
  expect(done.body).toMatchObject({ state: 'failed', error: { code: 'too_many_values' } })
  expect(await readAllValues(api.url, id)).toEqual(upTo(100_000))
})

test('values of megabytes are kept whole, and one reader that reads slowly delays no other', {
  timeout: 120_000,
}, async () => {
  const { api } = await yieldStack()
  const input = { count: 12, size: 4 * 1024 * 1024 }
  const { id } = (await submit(api.url, 'yield-process', input, { delay_ms: 1500 })).body
  const lengthsOf = (values: unknown[]) => values.map((value) => String(value).length)
  const expected = upTo(12).map((n) => String(n).length + 4 * 1024 * 1024)
  const streamed = watchToEnd(api.url, id)
  const slow: unknown[] = []
  for await (const value of valueLines(api.url, id)) {
    slow.push(value)
    if (slow.length === 1) await streamed
  }
  const events = await streamed
  expect(lengthsOf(events.flatMap(({ event, data }) => (event === 'output' ? [Object(data).value] : [])))).toEqual(
    expected,
  )
  expect(lengthsOf(slow)).toEqual(expected)
  expect(lengthsOf(await readAllValues(api.url, id, 5))).toEqual(expected)
})

test('a removed job leaves no values, whether a client or the sweep removes it', async () => {
  const { api, env } = await yieldStack({ RESULT_TTL_MS: '1000' })
  const redis = await redisClient()
  const keys = new Keys(env['KEY_PREFIX'] ?? '')
  const run = async () => (await submit(api.url, 'yield-event-loop', { count: 5 }, { waitS: 10 })).body.id
  const [removed, swept] = [await run(), await run()]
  const left = (id: string) => redis.keys(`${keys.job({ queue: 'io', id })}*`)
  expect(await left(removed)).toContain(keys.values({ queue: 'io', id: removed }))
  expect(await send('DELETE', `${api.url}/v1/jobs/${removed}`)).toMatchObject({ status: 204 })
  expect(await left(removed)).toEqual([])
  await waitFor(
    'the sweep',
    () => left(swept),
    (found) => found.length === 0,
    { withinMs: 60_000 },
  )
})
