import { expect, test } from 'vitest'
import { send } from '../helpers/client.ts'
import { serve } from '../helpers/local-site.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { receiveWebhooks, webhookSecret } from '../helpers/webhook-receiver.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const parentId = '00f067aa0ba902b7'

test('requests and webhooks of jobs and flows carry the trace of their submission, each with a parent id of its own', async () => {
  const { api } = await startStack({ env: { WEBHOOK_SECRETS: webhookSecret('a') } })
  const seen: Record<string, unknown>[] = []
  const site = await serve((request, response) => {
    seen.push(request.headers)
    response.end()
  })
  const receiver = await receiveWebhooks()
  const node = { type: 'http-request', input: { url: site.url } }
  const headers = { traceparent: `00-${traceId}-${parentId}-01`, prefer: 'wait=50' }
  const webhook = { url: receiver.url }
  await send('POST', `${api.url}/v1/jobs`, { body: { ...node, webhook }, headers })
  await send('POST', `${api.url}/v1/flows`, { body: { flow: { chain: [node] }, webhook }, headers })
  await send('POST', `${api.url}/v1/job-types/http-request/run`, { body: node.input, headers })
  const messages = await receiver.received(2)
  const sent = [...seen, ...messages.map((message) => message.headers)]
  expect(sent).toHaveLength(5)
  const traces = sent.map(({ traceparent }) => String(traceparent).split('-'))
  for (const [version, trace, parent, flags] of traces) {
    expect([version, trace, flags]).toEqual(['00', traceId, '01'])
    expect(parent).toMatch(/^[0-9a-f]{16}$/)
  }
  expect(new Set([parentId, ...traces.map(([, , parent]) => parent)]).size).toBe(6)
  for (const { 'user-agent': agent } of sent) expect(agent).toMatch(/^drover\/\d+\.\d+\.\d+$/)
})

test('the jobs of a schedule carry the trace of the request that stored it, which jobs and logs show', async () => {
  const { api, workers } = await startStack({ env: { WEBHOOK_SECRETS: webhookSecret('a'), ACCESS_LOG: '1' } })
  const seen: Record<string, unknown>[] = []
  const site = await serve((request, response) => {
    seen.push(request.headers)
    response.end()
  })
  const receiver = await receiveWebhooks()
  const job = { type: 'http-request', input: { url: site.url }, webhook: { url: receiver.url } }
  const traceparent = `00-${traceId}-${parentId}-01`
  const path = `${api.url}/v1/schedules/traced`
  await send('PUT', path, { body: { every_ms: 1000, job }, headers: { traceparent } })
  const [message] = await receiver.received(1)
  await send('DELETE', path)
  const sent = [seen[0]?.['traceparent'], message?.headers['traceparent']].map((header) => String(header).split('-'))
  expect(sent.map(([, trace]) => trace)).toEqual([traceId, traceId])
  expect(new Set([parentId, ...sent.map(([, , parent]) => parent)]).size).toBe(3)
  const ticked = await send('GET', `${api.url}/v1/jobs/${String(message?.payload.data['id'])}`)
  expect(ticked.body).toMatchObject({ trace_id: traceId })

  const { body } = await send('POST', `${api.url}/v1/jobs`, { body: { type: 'echo', input: 1 } })
  expect(body).toMatchObject({ trace_id: null })
  const refused = { type: 'http-request', input: { url: 'http://10.0.0.1/' } }
  await send('POST', `${api.url}/v1/jobs`, { body: refused, headers: { traceparent, prefer: 'wait=50' } })
  for (const logs of [api.logs, workers[0]?.logs]) {
    const line = await waitFor(
      'the line of the log',
      () => logs?.find(({ trace_id: id, msg }) => id !== undefined && (msg === 'attempt failed' || msg === 'answered')),
      (found) => found !== undefined,
    )
    expect(line).toMatchObject({ trace_id: traceId })
  }
})

test('without a trace, or with one that is malformed, no trace is made up, and the headers of a client hold', async () => {
  const { api } = await startStack()
  const seen: Record<string, unknown>[] = []
  const site = await serve((request, response) => {
    seen.push(request.headers)
    response.end()
  })
  const own = { 'user-agent': 'mine', traceparent: `00-${parentId}${parentId}-${parentId}-00` }
  const run = (input: object, traceparent?: string) =>
    send('POST', `${api.url}/v1/job-types/http-request/run`, {
      body: { url: site.url, ...input },
      headers: traceparent === undefined ? {} : { traceparent },
    })
  await run({})
  await run({}, `00-${'0'.repeat(32)}-${parentId}-01`)
  await run({ headers: own }, `00-${traceId}-${parentId}-01`)
  expect(seen.map(({ traceparent }) => traceparent)).toEqual([undefined, undefined, own.traceparent])
  expect(seen.map((headers) => headers['user-agent'])).toEqual([
    expect.stringMatching(/^drover\//),
    expect.stringMatching(/^drover\//),
    'mine',
  ])
})
