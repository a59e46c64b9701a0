import createClient from 'openapi-fetch'
import { expect, test } from 'vitest'
import { startStack } from '../../helpers/stack.ts'
import type { components, paths } from './api-types.ts'

type Job = components['schemas']['Job']

/** The events of a stream, in order. */
async function readEvents(stream: ReadableStream<Uint8Array>): Promise<{ event: string; data: unknown }[]> {
  const text = await new Response(stream).text()
  return Array.from(text.matchAll(/event: (\w+)\ndata: (.*)/g), ([, event = '', data = '']) => ({
    event,
    data: JSON.parse(data),
  }))
}

test('a client generated from the document submits, waits, reads, lists, streams and cancels', async () => {
  const { api } = await startStack()
  const client = createClient<paths>({ baseUrl: api.url })

  const submitted = await client.POST('/v1/jobs', {
    params: { header: { 'idempotency-key': 'client-1' } },
    body: { type: 'sleep', input: { duration_ms: 300, steps: 3 }, tags: ['client'] },
  })
  expect(submitted.response.status).toBe(202)
  const id = submitted.data?.id ?? ''
  const path = { params: { path: { id } } }

  // From the first event on, also where the job has ended before the stream begins.
  const fromStart = { params: { ...path.params, query: { after: '0' } } }
  const stream = await client.GET('/v1/jobs/{id}/events', { ...fromStart, parseAs: 'stream' })
  if (!stream.data) throw new Error(`no stream: ${stream.response.status}`)
  const events = await readEvents(stream.data)
  expect(events[0]?.event).toBe('snapshot')
  expect(events.filter(({ event }) => event === 'progress')).toHaveLength(3)
  const done = events.at(-1) as { event: string; data: Job }
  expect(done).toMatchObject({ event: 'done', data: { id, state: 'succeeded', output: { slept_ms: 300 } } })

  const read = await client.GET('/v1/jobs/{id}', path)
  expect(read.data).toEqual(done.data)

  const waited = await client.POST('/v1/jobs', {
    params: { header: { prefer: 'wait=50' } },
    body: { type: 'count-primes', input: { limit: 100 }, tags: ['client'] },
  })
  expect([waited.response.status, waited.data?.output]).toEqual([200, { count: 25, largest: 97 }])

  const listed = await client.GET('/v1/jobs', { params: { query: { tag: 'client', state: 'succeeded', limit: 10 } } })
  expect(listed.data?.items.map(({ id: one }) => one)).toEqual([waited.data?.id, id])

  const later = await client.POST('/v1/jobs', { body: { type: 'echo', input: 1, delay_ms: 60_000 } })
  const cancel = { params: { path: { id: later.data?.id ?? '' } } }
  const canceled = await client.POST('/v1/jobs/{id}/cancel', cancel)
  expect([canceled.response.status, canceled.data?.error?.stopped]).toEqual([200, 'never_started'])
  expect((await client.DELETE('/v1/jobs/{id}', cancel)).response.status).toBe(204)

  const gone = await client.GET('/v1/jobs/{id}', cancel)
  expect(gone.data).toBeUndefined()
  // Each problem has a type of its own in the document: this compiles because `code` is one of the known codes.
  const code: components['schemas']['Problem']['code'] | undefined = gone.error?.code
  expect(code).toBe('job_not_found')

  // @ts-expect-error the document knows no such type
  const refused = await client.POST('/v1/jobs', { body: { type: 'nope', input: {} } })
  expect(refused.error?.code).toBe('unknown_job_type')
}, 120_000)
