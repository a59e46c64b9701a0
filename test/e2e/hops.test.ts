import { expect, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { send, submit } from '../helpers/client.ts'
import { serve } from '../helpers/local-site.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { receiveWebhooks, webhookSecret } from '../helpers/webhook-receiver.ts'

const hops = (count: number) => ({ 'drover-hops': String(count) })

test('a job that submits a job, and so on, comes to an end', async () => {
  const { api } = await startStack()
  const submitting = (job: unknown) => ({
    type: 'http-request',
    attempts: 1,
    input: { url: `${api.url}/v1/jobs`, method: 'POST', body: job },
  })
  let job: unknown = { type: 'echo', input: 'reached' }
  for (let n = 0; n < 12; n++) job = submitting(job)
  await send('POST', `${api.url}/v1/jobs`, { body: job })
  // The jobs of the hops 0 to 10; the last cannot submit another.
  const list = () => send<{ items: JobResource[] }>('GET', `${api.url}/v1/jobs`)
  const { body } = await waitFor('the chain to end', list, ({ body: { items } }) =>
    items.some(({ state }) => state === 'failed'),
  )
  expect(body.items.map(({ state }) => state)).toEqual(['failed', ...Array.from({ length: 10 }, () => 'succeeded')])
  expect(body.items[0]?.error).toMatchObject({ message: expect.stringContaining('answered 400'), retryable: false })
})

test('requests and webhooks of jobs and flows carry the hops of their submission, plus one', async () => {
  const { api } = await startStack({ env: { WEBHOOK_SECRETS: webhookSecret('a') } })
  const seen: unknown[] = []
  const site = await serve((request, response) => {
    seen.push(request.headers['drover-hops'])
    response.end()
  })
  const receiver = await receiveWebhooks()
  const node = { type: 'http-request', input: { url: site.url } }
  const webhook = { url: receiver.url }
  await send('POST', `${api.url}/v1/jobs`, { body: { ...node, webhook } })
  await send('POST', `${api.url}/v1/jobs`, { body: { ...node, webhook }, headers: hops(3) })
  await send('POST', `${api.url}/v1/flows`, { body: { flow: { chain: [node] }, webhook }, headers: hops(7) })
  const messages = await receiver.received(3)
  expect(new Set(seen)).toEqual(new Set(['1', '4', '8']))
  expect(new Set(messages.map(({ headers }) => headers['drover-hops']))).toEqual(new Set(['1', '4', '8']))
})

test('a submission after more than ten hops is refused', async () => {
  const { api } = await startStack({ workers: 0 })
  const job = { type: 'echo', input: 1 }
  const requests: [string, string, unknown][] = [
    ['POST', '/v1/jobs', job],
    ['POST', '/v1/flows', { flow: { gather: [job] } }],
    ['PUT', '/v1/schedules/s', { every_ms: 60_000, job }],
  ]
  for (const [method, path, body] of requests) {
    const refused = await send(method, api.url + path, { body, headers: hops(11) })
    expect(refused, path).toMatchObject({ status: 400, body: { code: 'too_many_hops' } })
    const taken = await send(method, api.url + path, { body, headers: hops(10) })
    expect(taken.status, path).toBeLessThan(300)
  }
  expect(await send('POST', `${api.url}/v1/jobs`, { body: job, headers: { 'drover-hops': 'many' } })).toMatchObject({
    status: 202,
  })
})

test('the input of http-request cannot set the hops', async () => {
  const { api } = await startStack({ workers: 0 })
  const refused = await submit(api.url, 'http-request', { url: 'http://127.0.0.1/', headers: { 'Drover-Hops': '0' } })
  expect(refused).toMatchObject({
    status: 400,
    body: { errors: [{ pointer: '/input/headers/Drover-Hops', detail: 'is set by the service itself' }] },
  })
})
