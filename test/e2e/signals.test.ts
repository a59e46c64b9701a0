import { expect, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { createClient } from '../../src/client/index.ts'
import { read, send, submit, watch } from '../helpers/client.ts'
import { readFlow, submitFlow } from '../helpers/flows.ts'
import { drover } from '../helpers/run-drover.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { waitingJobs } from '../helpers/waiting-jobs.ts'

/** A machine may be busy. */
const patience = { timeout: 120_000 }

async function world(env: Record<string, string> = {}) {
  const stack = await startStack({ env: { JOBS_DIR: await waitingJobs(), ...env } })
  const { url } = stack.api
  return {
    ...stack,
    url,
    begin: async (input: object, fields: object = {}, type = 'wait-event-loop') => {
      const { status, body } = await submit(url, type, input, { ...fields })
      expect({ status, body }).toMatchObject({ status: 202 })
      return body.id
    },
    parked: (id: string) =>
      waitFor(
        'the park',
        () => read(url, id),
        ({ body }) => body.state === 'blocked',
        { withinMs: 60_000 },
      ).then(({ body }) => body),
    signal: (id: string, name: string, payload?: unknown) =>
      send<JobResource & { code: string }>(
        'POST',
        `${url}/v1/jobs/${id}/signals/${name}`,
        payload === undefined ? {} : { body: JSON.stringify(payload) },
      ),
    done: (id: string) =>
      waitFor(
        'the end',
        () => read(url, id, 20),
        ({ body }) => body.done,
        { withinMs: 60_000 },
      ).then(({ body }) => body),
    logsOf: async (id: string) => {
      const { body } = await send<{ items: { message: string }[] }>('GET', `${url}/v1/jobs/${id}/logs?limit=200`)
      return body.items.map(({ message }) => message)
    },
  }
}

test('a job waits for a signal without a slot, and goes on from its checkpoint', patience, async () => {
  const { url, begin, parked, signal, done, logsOf } = await world({ WORKER_QUEUES: 'io:1' })
  const id = await begin({ names: ['approved'] })
  const states: string[] = []
  const watching = (async () => {
    for await (const { event, data } of watch(url, id))
      if (event !== 'log' && event !== 'output') states.push(Object(data).state)
  })()
  const waiting = await parked(id)
  expect(waiting).toMatchObject({
    waiting_for: { since: expect.any(String), signals: [{ name: 'approved', until: null }] },
    signals: [],
    worker: null,
    attempts: [{ attempt: 1, outcome: 'parked', ended_at: expect.any(String) }],
  })
  const explained = await send<{ reasons: unknown[] }>('GET', `${url}/v1/jobs/${id}/explain`)
  expect(explained.body.reasons).toMatchObject([{ kind: 'signal', key: 'approved' }])
  const list = await send<{ items: JobResource[] }>('GET', `${url}/v1/jobs?state=blocked`)
  expect(list.body.items.map((job) => job.id)).toEqual([id])

  // The queue has one place.
  expect((await submit(url, 'echo', 1, { waitS: 50 })).body.state).toBe('succeeded')
  const [first, second] = await Promise.all([
    signal(id, 'approved', { by: 'ada' }),
    signal(id, 'approved', { by: 'bob' }),
  ])
  expect([first.status, second.status].toSorted((a, b) => a - b)).toEqual([200, 202])
  const by = first.status === 202 ? 'ada' : 'bob'
  const ended = await done(id)
  expect(ended).toMatchObject({
    state: 'succeeded',
    attempt: 1,
    output: {
      ticket: 'ticket of 1000001',
      received: [{ by }],
      restored: { ticket: 'ticket of 1000001' },
      fence: 1_000_002,
    },
    waiting_for: null,
    checkpoint: null,
    signals: [{ name: 'approved', size_bytes: 12 }],
    attempts: [{ outcome: 'parked' }, { outcome: 'succeeded', attempt: 1 }],
  })
  expect(await logsOf(id)).toEqual(['start', 'effect', 'start', 'finally'])
  await watching
  expect(states).toContain('blocked')
  expect((await signal(id, 'approved', 1)).status).toBe(200)
  expect(await signal(id, 'other', 1)).toMatchObject({ status: 409, body: { code: 'job_already_done' } })
})

test(
  'signals that come first are kept, several are waited for together, and requests that are not right are refused',
  patience,
  async () => {
    const { url, begin, parked, signal, done } = await world()
    const later = await begin({ names: ['a', 'b'] }, { delay_ms: 3_600_000 })
    expect((await signal(later, 'b')).status).toBe(202)
    expect(await signal(later, 'a', ['x'])).toMatchObject({ status: 202, body: { state: 'scheduled' } })
    expect(
      (await send('PATCH', `${url}/v1/jobs/${later}`, { body: { run_at: new Date().toISOString() } })).status,
    ).toBe(200)
    // One start: it was never parked.
    expect(await done(later)).toMatchObject({
      output: { received: [['x'], null] },
      attempts: [{ outcome: 'succeeded' }],
    })

    const together = await begin({ names: ['a', 'b', 'c'], together: true })
    expect((await parked(together)).waiting_for?.signals.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
    for (const name of ['b', 'a', 'c']) expect((await signal(together, name, name)).status).toBe(202)
    expect(await done(together)).toMatchObject({ state: 'succeeded', output: { received: ['a', 'b', 'c'] } })

    const either = await begin({ names: ['yes', 'no'], first: true, again: 'end' })
    expect((await parked(either)).waiting_for?.signals.map(({ name }) => name).toSorted()).toEqual(['no', 'yes'])
    expect((await signal(either, 'yes', 1)).status).toBe(202)
    await waitFor(
      'the second wait',
      () => read(url, either),
      ({ body }) => body.state === 'blocked' && body.attempts.length === 2,
      { withinMs: 60_000 },
    )
    for (const name of ['no', 'end']) expect((await signal(either, name, name)).status).toBe(202)
    expect(await done(either)).toMatchObject({ output: { received: [{ name: 'yes', payload: 1 }, 'end'] } })
    const late = await begin({ names: ['a', 'b'], first: true, timeout_ms: 100 })
    expect((await done(late)).error).toMatchObject({
      code: 'signal_timeout',
      message: 'no signal a or b came within 100 ms',
    })

    const many = await begin({ names: ['last'] })
    await parked(many)
    const statuses = await Promise.all(Array.from({ length: 32 }, (_, n) => signal(many, `n${n}`, n)))
    expect(new Set(statuses.map(({ status }) => status))).toEqual(new Set([202]))
    expect(await signal(many, 'last', 1)).toMatchObject({ status: 409, body: { code: 'too_many_signals' } })
    expect((await signal(many, 'n1', 1)).status).toBe(200)
    expect((await send('POST', `${url}/v1/jobs/${many}/replay`)).body).toMatchObject({ signals: { n1: 1, n31: 31 } })
    expect(await send('POST', `${url}/v1/jobs/${many}/cancel`)).toMatchObject({
      status: 200,
      body: { state: 'canceled', error: { stopped: 'cooperatively' } },
    })
    expect((await signal(many, 'more')).status).toBe(409)

    const strict = await begin({ names: ['a'] })
    await parked(strict)
    expect(await signal(strict, 'a', 'x'.repeat(65_535))).toMatchObject({
      status: 413,
      body: { code: 'payload_too_large' },
    })
    expect((await signal(strict, 'a%20b', 1)).status).toBe(400)
    expect((await signal(`${strict.slice(0, -1)}_`, 'a', 1)).status).toBe(404)
    const text = await send('POST', `${url}/v1/jobs/${strict}/signals/a`, { body: '{', headers: {} })
    expect(text.status).toBe(400)
    expect((await read(url, strict)).body).toMatchObject({ state: 'blocked', signals: [] })
    const largest = 'x'.repeat(65_534)
    expect((await signal(strict, 'a', largest)).status).toBe(202)
    expect((await done(strict)).output).toMatchObject({ received: [largest] })

    const clients = await begin({ names: ['x', 'y'] })
    const byCommand = await drover(['signal', clients, 'y', '{"by":"command"}'], { env: { DROVER_URL: url } })
    expect(byCommand).toMatchObject({ code: 0, stderr: '' })
    expect((await drover(['signal', clients, 'y', 'yes'], { env: { DROVER_URL: url } })).code).toBe(2)
    await createClient({ url }).jobs.signal(clients, 'x', 'by client')
    expect((await done(clients)).output).toMatchObject({ received: ['by client', { by: 'command' }] })

    // Where there is no event loop to give back, the call fails.
    for (const on of ['thread', 'process'])
      expect((await done(await begin({ names: ['a'] }, {}, `wait-${on}`))).error).toMatchObject({
        code: 'not_on_event_loop',
      })
  },
)

test(
  'a wait ends by its timeout, its deadline or a cancel, and a later wait has a time of its own',
  patience,
  async () => {
    const { url, begin, parked, signal, done, logsOf } = await world()
    const [failing, caught, overdue, retried] = await Promise.all([
      begin({ names: ['a'], timeout_ms: 100 }, { attempts: 2 }),
      begin({ names: ['a'], timeout_ms: 100, catches: true, again: 'a' }),
      begin({ names: ['a'] }, { deadline_ms: 6000 }),
      begin({ names: ['a'] }),
    ])
    expect(await done(failing)).toMatchObject({
      state: 'failed',
      attempt: 1,
      error: { code: 'signal_timeout', retryable: false },
      attempts: [{ outcome: 'parked' }, { outcome: 'failed' }],
    })
    await waitFor(
      'the second wait',
      () => read(url, caught),
      ({ body }) => body.state === 'blocked' && body.attempts.length === 2,
      { withinMs: 60_000 },
    )
    expect((await logsOf(caught)).filter((line) => line === 'caught signal_timeout')).toHaveLength(1)
    expect((await signal(caught, 'a', 7)).status).toBe(202)
    // The signal is there at the first wait of the start that follows.
    expect(await done(caught)).toMatchObject({ state: 'succeeded', output: { received: [7] } })
    expect(await done(overdue)).toMatchObject({
      state: 'failed',
      error: { code: 'deadline_exceeded', attempt: 1 },
      waiting_for: null,
    })

    await parked(retried)
    expect((await send('POST', `${url}/v1/jobs/${retried}/cancel`)).status).toBe(200)
    expect((await send('POST', `${url}/v1/jobs/${retried}/retry`)).status).toBe(202)
    expect(await parked(retried)).toMatchObject({ run: 2, signals: [], attempts: [{ outcome: 'parked' }] })
    await signal(retried, 'a', 2)
    expect(await done(retried)).toMatchObject({ output: { received: [2], restored: { ticket: 'ticket of 2000001' } } })
    expect((await send('DELETE', `${url}/v1/jobs/${retried}`)).status).toBe(204)
  },
)

test(
  'a parked job gives up its limit and passes it again, keeps its unique key, and its flow goes on behind it',
  patience,
  async () => {
    const { url, begin, parked, signal, done } = await world()
    const first = await begin({ names: ['a'], group: 'g' })
    await parked(first)
    const second = await begin({ duration_ms: 120_000 }, { concurrency: { key: 'g' } }, 'sleep')
    await waitFor(
      'its start',
      () => read(url, second),
      ({ body }) => body.state === 'running',
      { withinMs: 60_000 },
    )
    await signal(first, 'a')
    expect((await read(url, first)).body).toMatchObject({ state: 'queued', held_by: { kind: 'concurrency' } })
    await send('POST', `${url}/v1/jobs/${second}/cancel`)
    expect((await done(first)).state).toBe('succeeded')

    const unique = { key: 'u' }
    const holder = await begin({ names: ['a'] }, { unique })
    await parked(holder)
    const joined = await submit(url, 'wait-event-loop', { names: ['a'] }, { unique })
    expect(joined).toMatchObject({ status: 200, body: { id: holder } })

    const wait = { type: 'wait-event-loop', input: { names: ['go'] } }
    const { body: flow } = await submitFlow(url, {
      chain: [{ gather: [wait, { type: 'echo', input: 1 }] }, { type: 'echo', input: { $output: '/1' } }],
    })
    const member = await waitFor(
      'the member',
      async () =>
        (await send<{ items: JobResource[] }>('GET', `${url}/v1/jobs?state=blocked&type=wait-event-loop`)).body.items,
      (items) => items.some(({ flow_id, waiting_for }) => flow_id === flow.id && waiting_for !== null),
      { withinMs: 60_000 },
    )
    const stored = (await readFlow(url, flow.id)).body
    expect(stored).toMatchObject({ state: 'running', done: false, counts: { blocked: 2, queued: 0 } })
    expect(stored.tree).toMatchObject({ chain: [{ gather: [{ state: 'blocked' }, {}] }, { state: 'blocked' }] })
    const { body: queue } = await send<{ counts: object }>('GET', `${url}/v1/queues/io`)
    expect(queue.counts).toMatchObject({ blocked: 3, running: 0, queued: 0 })
    await signal(member.find(({ flow_id }) => flow_id === flow.id)?.id ?? '', 'go')
    expect((await readFlow(url, flow.id, 40)).body).toMatchObject({ state: 'succeeded' })
  },
)
