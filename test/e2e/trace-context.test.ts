import { expect, test } from 'vitest'
import { send } from '../helpers/client.ts'
import { serve } from '../helpers/local-site.ts'
import { startStack } from '../helpers/stack.ts'
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
  const headers = { traceparent: `00-${traceId}-${parentId}-01`, prefer: 'wait=20' }
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
