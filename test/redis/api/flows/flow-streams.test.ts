import { expect, onTestFinished, test } from 'vitest'
import { send } from '../../../helpers/client.ts'
import { echo, resultLines, sleep, submitFlow } from '../../../helpers/flows.ts'
import { keysFile, makeKey } from '../../../helpers/keys-file.ts'
import { startStack } from '../../../helpers/stack.ts'

test('streams of jobs and of flows have the same headers as any other answer', async () => {
  const key = makeKey('acme')
  const { path } = await keysFile([key], { acme: { requests_per_minute: 100 } })
  const { api } = await startStack({ workers: 0, env: { API_KEYS_FILE: path } })
  const submit = async (kind: string, body: unknown) =>
    (await send<{ id: string }>('POST', `${api.url}/v1/${kind}`, { body, headers: key.headers })).body.id
  const job = await submit('jobs', echo(1))
  const flow = await submit('flows', { flow: echo(1) })
  const plain = await fetch(`${api.url}/v1/jobs/${job}`, { headers: key.headers })
  const common = [...plain.headers.keys()].filter(
    (name) => !/^(etag|cache-control|content-.*-length|content-length|content-encoding|vary)$/.test(name),
  )
  expect(common).toEqual(expect.arrayContaining(['ratelimit', 'request-id', 'x-content-type-options']))
  for (const [url, type, accept] of [
    [`/v1/jobs/${job}/events`, 'text/event-stream', '*/*'],
    [`/v1/flows/${flow}/events`, 'text/event-stream', '*/*'],
    [`/v1/flows/${flow}/results`, 'application/x-ndjson', 'application/x-ndjson'],
  ] as const) {
    const stream = await fetch(api.url + url, { headers: { ...key.headers, accept } })
    onTestFinished(() => stream.body?.cancel())
    expect(stream.headers.get('content-type'), url).toBe(type)
    expect([...stream.headers.keys()], url).toEqual(expect.arrayContaining(common))
    expect(stream.headers.get('cache-control'), url).toBe('no-cache, no-transform')
  }
})

test('a stream refuses an `after` that is no event id, in words that fit jobs and flows', async () => {
  const { api } = await startStack({ workers: 0 })
  const job = (await send<{ id: string }>('POST', `${api.url}/v1/jobs`, { body: echo(1) })).body.id
  const flow = (await submitFlow(api.url, echo(1))).body.id
  for (const path of [`/v1/jobs/${job}`, `/v1/flows/${flow}`]) {
    expect(await send('GET', `${api.url}${path}/events?after=abc`)).toMatchObject({
      status: 400,
      body: {
        code: 'invalid_request',
        detail: 'after: must be the id of an event of this stream',
        errors: [{ pointer: 'after', detail: 'must be the id of an event of this stream' }],
      },
    })
  }
})

test('a flow that has not changed since the client read it is a 304, as a job is', async () => {
  const { api } = await startStack()
  const { body } = await submitFlow(api.url, echo(1), { waitS: 10 })
  const first = await send('GET', `${api.url}/v1/flows/${body.id}`)
  const headers = { 'if-none-match': first.headers.get('etag') ?? '' }
  expect(await send('GET', `${api.url}/v1/flows/${body.id}`, { headers })).toMatchObject({ status: 304 })
  const other = await send('GET', `${api.url}/v1/flows/${body.id}?tree=none`, { headers })
  expect(other.status).toBe(200)
})

test('open streams of flows are counted as those of jobs', async () => {
  const { api } = await startStack({ workers: 0 })
  const { body } = await submitFlow(api.url, sleep(60_000))
  const stream = await fetch(`${api.url}/v1/flows/${body.id}/events`)
  const reader = stream.body?.getReader()
  await reader?.read()
  expect(await (await fetch(`${api.url}/metrics`)).text()).toMatch(/^drover_event_streams 1$/m)
  await reader?.cancel()
})

test('lines of results go on after those that the client has, within the same run', async () => {
  const { api } = await startStack()
  const members = Array.from({ length: 5 }, (_, n) => echo(n))
  const broken = { type: 'sleep', attempts: 1, input: { duration_ms: 1, fail_at: 0 } }
  const { id } = (await submitFlow(api.url, { gather: [...members, broken], on_failure: 'continue' }, { waitS: 20 }))
    .body
  const all = await Array.fromAsync(resultLines(api.url, id))
  expect(all).toHaveLength(6)
  for (const after of ['0', '2', '1-2', '6', '1-6', '100'])
    expect(await Array.fromAsync(resultLines(api.url, id, after)), after).toEqual(
      all.slice(Number(after.split('-').at(-1))),
    )
  const headers = { accept: 'application/x-ndjson' }
  const ask = (after: string) => send('GET', `${api.url}/v1/flows/${id}/results?after=${after}`, { headers })
  expect(await ask('2-1')).toMatchObject({ status: 409, body: { code: 'results_reset' } })
  for (const after of ['x', '-1', '1-', '1-2-3']) expect(await ask(after)).toMatchObject({ status: 400 })
})
