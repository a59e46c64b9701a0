import { expect, test } from 'vitest'
import type { FlowResource } from '../../src/api/flows/flow-resource.ts'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { read, send, watch } from '../helpers/client.ts'
import { echo, fails, job, jobIds, readFlow, resultLines, results, sleep, submitFlow } from '../helpers/flows.ts'
import { startStack } from '../helpers/stack.ts'

const outputs = async (apiUrl: string, id: string) => (await results(apiUrl, id)).map(({ output }) => output)

test('a chain passes outputs from step to step, a gather keeps the input order, and every job is readable immediately', async () => {
  const { api, addWorker } = await startStack({ workers: 0 })
  const flow = {
    chain: [
      echo({ n: 1, list: ['a', 'b'] }),
      { gather: [echo({ got: { $output: '/n' } }), sleep(200), echo({ $output: '/list/1' })] },
      echo({ all: { $output: '' }, last: { $output: '/2' } }),
    ],
  }
  const { status, headers, body } = await submitFlow(api.url, flow, {
    more: { tags: ['nightly'], metadata: { order: '42' } },
  })
  expect(status).toBe(202)
  expect(headers.get('location')).toBe(`/v1/flows/${body.id}`)
  expect(body).toMatchObject({
    state: 'queued',
    done: false,
    jobs: 5,
    counts: { queued: 1, blocked: 4, running: 0 },
    tags: ['nightly'],
    metadata: { order: '42' },
    tree: { chain: [{ state: 'queued' }, { state: 'blocked' }, { state: 'blocked', path: '/flow/chain/2' }] },
  })
  const ids = jobIds(body.tree)
  const before = await Promise.all(ids.map((id) => read(api.url, id)))
  expect(before.map((one) => one.body.state)).toEqual(['queued', 'blocked', 'blocked', 'blocked', 'blocked'])
  expect(before[1]?.body).toMatchObject({ flow_id: body.id, input: { got: { $output: '/n' } }, started_at: null })
  const listed = await send<{ items: JobResource[] }>('GET', `${api.url}/v1/jobs?state=blocked`)
  expect(listed.body.items.map(({ id }) => id).toSorted()).toEqual(ids.slice(1).toSorted())

  await addWorker()
  expect((await readFlow(api.url, body.id, 20)).body).toMatchObject({ state: 'succeeded', counts: { succeeded: 5 } })
  expect(await outputs(api.url, body.id)).toEqual([
    { n: 1, list: ['a', 'b'] },
    [{ got: 1 }, { slept_ms: 200 }, 'b'],
    { all: [{ got: 1 }, { slept_ms: 200 }, 'b'], last: 'b' },
  ])
  expect((await read(api.url, ids[1] ?? '')).body).toMatchObject({ input: { got: 1 }, state: 'succeeded' })
})

test('lines and events arrive as members end, results in input order', async () => {
  const { api } = await startStack()
  const { body, status } = await submitFlow(api.url, {
    gather: [sleep(600), { chain: [sleep(300), echo({ was: { $output: '/slept_ms' } })] }, echo(3)],
  })
  expect(status).toBe(202)
  const streamed = Array.fromAsync(resultLines(api.url, body.id))
  const events = await Array.fromAsync(watch(api.url, body.id, { kind: 'flows' }))
  const lines = await streamed
  expect(lines.map(({ output }) => output)).toEqual([3, { was: 300 }, { slept_ms: 600 }])
  expect(lines.map(({ path }) => path)).toEqual(['/flow/gather/2', '/flow/gather/1', '/flow/gather/0'])
  expect(lines.map(({ id }) => id === null)).toEqual([false, true, false])
  expect((await results(api.url, body.id, 2)).map(({ output }) => output)).toEqual([{ slept_ms: 600 }, { was: 300 }, 3])

  expect(events.map(({ event }) => event)).toEqual(['snapshot', 'member', 'member', 'member', 'member', 'done'])
  const members = events.filter(({ event }) => event === 'member').map(({ data }) => data)
  expect(members).toMatchObject([
    { path: '/flow/gather/2', output: 3 },
    { path: '/flow/gather/1/chain/0', output: { slept_ms: 300 } },
    { path: '/flow/gather/1/chain/1', output: { was: 300 } },
    { path: '/flow/gather/0', output: { slept_ms: 600 }, state: 'succeeded', error: null },
  ])
  const ids = events.map(({ id }) => id)
  expect(ids).toEqual(ids.toSorted((a, b) => a - b))
  expect(new Set(ids).size).toBe(ids.length)
  const resumed = await Array.fromAsync(watch(api.url, body.id, { kind: 'flows', lastEventId: ids[2] ?? 0 }))
  expect(resumed.slice(1)).toEqual(events.slice(3))
  // An unknown id holds nothing back; after the last one there is nothing to stream.
  const ahead = await Array.fromAsync(watch(api.url, body.id, { kind: 'flows', lastEventId: 1_500_000 }))
  expect(ahead.slice(1)).toEqual(events.slice(1))
  const headers = { 'last-event-id': String(ids.at(-1)) }
  expect((await send('GET', `${api.url}/v1/flows/${body.id}/events`, { headers })).status).toBe(204)
})

test('a failed member cancels the others of its gather and the steps after it', async () => {
  const { api } = await startStack()
  const started = performance.now()
  const { body } = await submitFlow(
    api.url,
    { chain: [{ gather: [sleep(30_000), fails(), echo(1)] }, echo({ $output: '' })] },
    { waitS: 20 },
  )
  expect(performance.now() - started).toBeLessThan(15_000)
  expect(body).toMatchObject({
    state: 'failed',
    error: { code: 'job_failed', path: '/flow/chain/0/gather/1', message: expect.stringContaining('step 0') },
    counts: { failed: 1, canceled: 2, succeeded: 1 },
    tree: {
      chain: [
        { state: 'failed', gather: [{ state: 'canceled' }, { state: 'failed' }, { state: 'succeeded' }] },
        { state: 'canceled' },
      ],
    },
  })
  const ids = jobIds(body.tree)
  expect((await read(api.url, ids[0] ?? '')).body.error).toMatchObject({ code: 'canceled', stopped: 'cooperatively' })
  expect((await read(api.url, ids[3] ?? '')).body).toMatchObject({
    state: 'canceled',
    started_at: null,
    error: { stopped: 'never_started' },
  })
  expect(await results(api.url, body.id)).toMatchObject([
    { state: 'failed', error: { code: 'job_failed' } },
    { state: 'canceled', error: { code: 'canceled' } },
  ])
})

test('with continue a problem replaces the output of a failed member, and the flow continues', async () => {
  const { api } = await startStack()
  const { body } = await submitFlow(
    api.url,
    {
      chain: [
        { gather: [echo(1), { chain: [fails(), echo(2)] }, echo(3)], on_failure: 'continue' },
        echo({ all: { $output: '' }, code: { $output: '/1/code' } }),
      ],
    },
    { waitS: 20 },
  )
  expect(body).toMatchObject({ state: 'succeeded', error: null, counts: { succeeded: 3, failed: 1, canceled: 1 } })
  const [, last] = await outputs(api.url, body.id)
  expect(last).toEqual({
    all: [
      1,
      {
        type: 'urn:drover:problem:member_not_succeeded',
        title: expect.any(String),
        detail: expect.stringContaining('step 0'),
        code: 'job_failed',
        state: 'failed',
        job_id: jobIds(body.tree)[1],
        path: '/flow/chain/0/gather/1/chain/0',
      },
      3,
    ],
    code: 'job_failed',
  })
})

test('a step whose resolved input is invalid fails without a run; the error names the step and the place', async () => {
  const { api } = await startStack()
  const cases = [
    [sleep(1), job('sleep', { duration_ms: { $output: '/slept_ms/x' } }), '/input/duration_ms', 'has nothing at'],
    [echo({ ms: 'soon' }), job('sleep', { duration_ms: { $output: '/ms' } }), '/input/duration_ms', 'expected number'],
    [echo({ ms: 1 }), job('sleep', { duration_ms: 1, steps: { $output: '/ms' }, more: 1 }), '/input', 'more'],
  ] as const
  for (const [first, second, pointer, detail] of cases) {
    const { body } = await submitFlow(api.url, { chain: [first, second, echo(1)] }, { waitS: 20 })
    expect(body).toMatchObject({
      state: 'failed',
      error: { code: 'invalid_input', path: '/flow/chain/1' },
      counts: { succeeded: 1, failed: 1, canceled: 1 },
    })
    expect(body.error?.message).toContain(`/flow/chain/1: ${pointer}`)
    expect(body.error?.message).toContain(detail)
    const step = (await read(api.url, body.error?.job_id ?? '')).body
    expect(step).toMatchObject({ state: 'failed', started_at: null, attempt: 0, error: { code: 'invalid_input' } })
  }
})

test('a map runs its node once per element, expanded when the array is known', async () => {
  const { api } = await startStack()
  const flow = {
    chain: [
      echo({ links: [{ url: 'a' }, { url: 'b' }, { url: 'c' }], base: 'x' }),
      {
        map: {
          over: { $output: '/links' },
          node: { chain: [echo([{ $item: '/url' }, { $output: '/base' }]), echo({ $output: '/0' })] },
          limit: 5,
        },
      },
      echo({ $output: '' }),
    ],
  }
  const { body } = await submitFlow(api.url, flow, { waitS: 20 })
  expect(body).toMatchObject({ state: 'succeeded', jobs: 8, counts: { succeeded: 8 } })
  expect((await outputs(api.url, body.id)).slice(1)).toEqual([
    ['a', 'b', 'c'],
    ['a', 'b', 'c'],
  ])
  expect(body.tree).toMatchObject({ chain: [{}, { map: [{ path: '/flow/chain/1/map/0' }, {}, {}] }, {}] })

  const map = (over: unknown, limit = 2) => ({ map: { over, node: echo({ $item: '' }), limit } })
  const tooMany = await submitFlow(api.url, { chain: [echo([1, 2, 3]), map({ $output: '' }), echo(1)] }, { waitS: 20 })
  expect(tooMany.body).toMatchObject({
    state: 'failed',
    error: { code: 'invalid_input', path: '/flow/chain/1', job_id: null },
    counts: { succeeded: 1, canceled: 1 },
  })
  expect(tooMany.body.error?.message).toContain('3 elements, more than 2')
  const noArray = await submitFlow(api.url, { chain: [echo({}), map({ $output: '' })] }, { waitS: 20 })
  expect(noArray.body.error?.message).toContain('/map/over: is not an array')
  const empty = await submitFlow(
    api.url,
    { chain: [echo([]), map({ $output: '' }), echo({ $output: '' })] },
    { waitS: 20 },
  )
  expect(empty.body).toMatchObject({ state: 'succeeded', jobs: 2 })
  const literal = await submitFlow(api.url, map(['p', 'q']), { waitS: 20 })
  expect(await outputs(api.url, literal.body.id)).toEqual(['p', 'q'])
  const nested = { map: { over: { $item: '' }, node: echo([{ $item: '' }]) } }
  const twice = await submitFlow(api.url, { map: { over: [[1, 2], [3]], node: nested } }, { waitS: 20 })
  expect(await outputs(api.url, twice.body.id)).toEqual([[[1], [2]], [[3]]])
})

test('delays and limits of a step count from its release', async () => {
  const { api } = await startStack()
  const { body } = await submitFlow(
    api.url,
    { chain: [sleep(3500), echo(1, { delay_ms: 300, deadline_ms: 20_000 }), echo(2, { start_within_ms: 3000 })] },
    { waitS: 20 },
  )
  expect(body.state).toBe('succeeded')
  const [first, second] = await Promise.all(jobIds(body.tree).map((id) => read(api.url, id)))
  const waited = Date.parse(second?.body.started_at ?? '') - Date.parse(first?.body.finished_at ?? '')
  expect(waited).toBeGreaterThanOrEqual(295)
  expect(Date.parse(second?.body.deadline_at ?? '')).toBeGreaterThan(Date.parse(first?.body.finished_at ?? '') + 20_000)
})

test('requests with the same key and body are one flow; another body is refused', async () => {
  const { api, addApi } = await startStack()
  const other = await addApi()
  const flow = { gather: [echo(1), echo(2)] }
  const answers = await Promise.all([api, other, api, other].map(({ url }) => submitFlow(url, flow, { key: 'k1' })))
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
  expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202])
  expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true')).toHaveLength(3)
  const reused = await submitFlow(api.url, { gather: [echo(1)] }, { key: 'k1' })
  expect(reused).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })
  const again = await submitFlow(api.url, flow, { key: 'k1', waitS: 20 })
  expect(again).toMatchObject({ status: 200, body: { id: answers[0]?.body.id, state: 'succeeded', jobs: 2 } })
})

test('a malformed flow is refused completely, with pointers, before anything is stored', async () => {
  const { api } = await startStack({ workers: 0 })
  const deep = Array.from({ length: 16 }).reduce<object>((node) => ({ chain: [node] }), echo(1))
  const cases: [unknown, number, string, string][] = [
    [{ gather: [echo(1), job('sleep', {})] }, 400, '/flow/gather/1/input/duration_ms', ''],
    [{ gather: [echo(1), { ...echo(1), nonsense: 1 }] }, 400, '/flow/gather/1/nonsense', ''],
    [
      { gather: [echo(1, { webhook: { url: 'https://example.com/hook' } })] },
      400,
      '/flow/gather/0/webhook',
      'set the webhook of the flow',
    ],
    [{ chain: [] }, 400, '/flow/chain', ''],
    [{ chain: [echo(1)], gather: [echo(1)] }, 400, '/flow', ''],
    [{ gather: [echo(1)], on_failure: 'ignore' }, 400, '/flow/on_failure', ''],
    [{ chain: [echo(1)], on_failure: 'continue' }, 400, '/flow/on_failure', ''],
    [{ chain: [echo({ $output: '' })] }, 400, '/flow/chain/0/input', 'no step comes before'],
    [{ chain: [echo(1), echo({ a: { $output: 'x' } })] }, 400, '/flow/chain/1/input/a', 'JSON Pointer'],
    [{ chain: [echo(1), echo({ $output: '', x: 1 })] }, 400, '/flow/chain/1/input', 'alone'],
    [echo({ $item: '' }), 400, '/flow/input', 'not within'],
    [{ map: { over: { a: 1 }, node: echo(1) } }, 400, '/flow/map/over', 'array'],
    [{ map: { over: [], node: echo(1), limit: 0 } }, 400, '/flow/map/limit', ''],
    [[echo(1)], 400, '/flow', ''],
    [undefined, 400, '/flow', ''],
    [deep, 400, `/flow${'/chain/0'.repeat(16)}`, '16 levels'],
    [{ gather: Array.from({ length: 20_000 }, () => echo(1)) }, 400, '/flow/gather/19999', '20000 nodes'],
  ]
  for (const [flow, status, pointer, detail] of cases) {
    const answer = await submitFlow(api.url, flow)
    const { code, errors } = Object(answer.body) as { code: string; errors: { pointer: string; detail: string }[] }
    expect([answer.status, code], pointer).toEqual([status, 'invalid_request'])
    expect(
      errors.map((error) => error.pointer),
      pointer,
    ).toContain(pointer)
    expect(errors.map(({ detail }) => detail).join()).toContain(detail)
  }
  const unknown = await submitFlow(api.url, { chain: [echo(1), job('nothing-such', {})] })
  expect(unknown).toMatchObject({ status: 404, body: { code: 'unknown_job_type' } })
  expect(Object(unknown.body).detail).toContain('/flow/chain/1/type')
  expect(await submitFlow(api.url, echo(1), { more: { webhook: {} } })).toMatchObject({ status: 400 })
  const listed = await send<{ items: JobResource[] }>('GET', `${api.url}/v1/jobs`)
  expect(listed.body.items).toEqual([])
  for (const id of ['flow_01m82n0yt6a17zs46knkfzwasz', 'nonsense', 'io_01m82n0yt6a17zs46knkfzwasz']) {
    expect(await readFlow(api.url, id)).toMatchObject({ status: 404, body: { code: 'flow_not_found' } })
    for (const path of ['results', 'events']) {
      expect((await send<FlowResource>('GET', `${api.url}/v1/flows/${id}/${path}`)).status).toBe(404)
    }
  }
})

test('a literal in an input is no reference, in the first step and in one that uses an output', async () => {
  const { api } = await startStack()
  const literal = { $literal: { $output: '/n' } }
  const flow = { chain: [echo({ n: 1, literal }), echo({ got: { $output: '/n' }, literal })] }
  const { body } = await submitFlow(api.url, flow, { waitS: 20 })
  expect(await outputs(api.url, body.id)).toEqual([
    { n: 1, literal: { $output: '/n' } },
    { got: 1, literal: { $output: '/n' } },
  ])
})
