import { expect, test } from 'vitest'
import { send } from '../helpers/client.ts'
import { startStack } from '../helpers/stack.ts'

test('Prefer: return=minimal answers with what finds the job, and after a wait with the output alone', async () => {
  const { api } = await startStack({ env: { INLINE_OUTPUT_BYTES: '1000' } })
  const post = <T>(body: unknown, prefer: string, headers: Record<string, string> = {}) =>
    send<T>('POST', `${api.url}/v1/jobs`, { body, headers: { prefer, ...headers } })
  const short = (id: string, state: unknown) => {
    const self = `/v1/jobs/${id}`
    return { id, state, links: { self, events: `${self}/events` } }
  }
  const echo = (input: unknown) => ({ type: 'echo', input })

  const accepted = await post<{ id: string }>(echo(1), 'return=minimal')
  const { id } = accepted.body
  expect(accepted).toMatchObject({ status: 202 })
  expect(accepted.body).toEqual(short(id, 'queued'))
  expect(accepted.headers.get('location')).toBe(`/v1/jobs/${id}`)
  expect(accepted.headers.get('preference-applied')).toBe('return=minimal')

  for (const value of [{ a: [1, null] }, null, 0, '', 'text', [], 'é'.repeat(1000)]) {
    const { status, body, headers } = await post<unknown>(echo(value), 'wait=10, return=minimal')
    expect({ status, body }).toEqual({ status: 200, body: value })
    expect(headers.get('preference-applied')).toBe('wait=10, return=minimal')
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(headers.get('location')).toMatch(/^\/v1\/jobs\/io_/)
  }

  // What has not succeeded has no output: the whole job says why.
  const failing = { type: 'sleep', input: { duration_ms: 1, fail_at: 0 }, attempts: 1 }
  const failed = await post<{ id: string }>(failing, 'return=minimal, wait=10')
  expect(failed).toMatchObject({ status: 200, body: { state: 'failed', error: { code: 'job_failed' }, output: null } })
  expect(failed.headers.get('preference-applied')).toBe('wait=10')

  const long = { type: 'sleep', input: { duration_ms: 60_000 } }
  const waited = await post<{ id: string; state: string }>(long, 'wait=0, return=minimal')
  expect(waited).toMatchObject({ status: 202, body: short(waited.body.id, waited.body.state) })
  expect(Object.keys(waited.body)).toEqual(['id', 'state', 'links'])
  expect(waited.headers.get('preference-applied')).toBe('wait=0, return=minimal')

  // A repeated request gets the form that it asks for itself, whatever the first one asked for.
  const key = { 'idempotency-key': 'k' }
  const first = await post<{ id: string }>(echo(7), 'return=minimal', key)
  expect((await post(echo(7), 'wait=10, return=minimal', key)).body).toBe(7)
  const whole = await post(echo(7), 'return=representation', key)
  expect(whole).toMatchObject({ status: 202, body: { id: first.body.id, state: 'succeeded', output: 7 } })
  expect(whole.headers.get('idempotent-replayed')).toBe('true')

  const unique = { ...long, unique: { key: 'one' } }
  const holder = await post<{ id: string }>(unique, 'wait=0')
  const joined = await post<{ id: string; state: string }>(unique, 'return=minimal')
  expect(joined).toMatchObject({ status: 200, body: { id: holder.body.id } })
  expect(Object.keys(joined.body)).toEqual(['id', 'state', 'links'])
  expect(joined.headers.get('deduplicated')).toBe('joined')
  // It is 200 after a wait, too: a short answer would look like an output.
  const unfinished = await post<{ id: string }>(unique, 'wait=0, return=minimal')
  expect(unfinished).toMatchObject({ status: 200, body: { id: holder.body.id, done: false, output: null } })
  expect(unfinished.headers.get('preference-applied')).toBe('wait=0')

  expect(await post({ type: 'echo' }, 'return=minimal')).toMatchObject({
    status: 400,
    body: { code: 'invalid_request' },
  })
})
