import { expect, test, vi } from 'vitest'
import type { FlowResource } from '../../src/api/flows/flow-resource.ts'
import type { DeliveryResource } from '../../src/api/webhooks/delivery-resource.ts'
import { send } from '../helpers/client.ts'
import { echo, fails, job, readFlow, sleep, steerFlow, submitFlow } from '../helpers/flows.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { onceFailing } from '../helpers/once-failing.ts'
import { lastingKeys, redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { receiveWebhooks, verify, webhookSecret } from '../helpers/webhook-receiver.ts'

vi.setConfig({ testTimeout: 60_000 })

const secret = webhookSecret('a')
const env = { WEBHOOK_SECRETS: secret }
/** A flow whose hints are lost with their senders advances after 5 seconds each. */
const patienceMs = 30_000

async function deliveries(apiUrl: string, id: string): Promise<DeliveryResource[]> {
  return (await send<{ items: DeliveryResource[] }>('GET', `${apiUrl}/v1/flows/${id}/deliveries`)).body.items
}

/** The latest delivery of a flow, once it is done. */
async function lastDelivery(apiUrl: string, id: string): Promise<DeliveryResource | undefined> {
  const [latest] = await waitFor(
    'the delivery to be done',
    () => deliveries(apiUrl, id),
    ([one]) => one?.done === true,
    { withinMs: patienceMs },
  )
  return latest
}

test('every end of a flow sends one signed webhook with the flow as the API shows it, without its tree', async () => {
  // No worker consumes `cpu`.
  const { api } = await startStack({ env: { ...env, WORKER_QUEUES: 'io:100' } })
  const receiver = await receiveWebhooks()
  const more = { webhook: { url: receiver.url }, tags: ['t'], metadata: { order: '42' } }
  const submitted = {
    succeeded: await submitFlow(api.url, { chain: [echo([1, 2]), { gather: [echo(3), echo(4)] }] }, { more }),
    failed: await submitFlow(api.url, { chain: [echo(1), { gather: [fails(), sleep(60_000)] }, echo(2)] }, { more }),
    canceled: await submitFlow(api.url, { gather: [sleep(60_000), echo(1, { delay_ms: 60_000 })] }, { more }),
    expired: await submitFlow(api.url, job('burn-cpu', { duration_ms: 1 }, { start_within_ms: 100 }), { more }),
    late: await submitFlow(api.url, sleep(60_000), { more: { ...more, deadline_ms: 500 } }),
  }
  await steerFlow(api.url, submitted.canceled.body.id, 'cancel')
  const messages = await receiver.received(5, patienceMs)
  for (const [name, { body }] of Object.entries(submitted)) {
    const message = messages.find(({ payload }) => payload.data['id'] === body.id)
    if (!message) throw new Error(`no webhook of ${name}`)
    expect(verify(message, secret)).toEqual(message.payload)
    expect(() => verify(message, webhookSecret('b'))).toThrow('No matching signature')
    const { body: flow } = await readFlow(api.url, body.id)
    expect(flow.state).toBe(name === 'late' ? 'failed' : name)
    const { tree: _, expires_at: __, held_back: ___, ...data } = flow
    expect(message.payload).toEqual({ type: `flow.${flow.state}`, timestamp: flow.finished_at, data })
    for (const left of ['tree', 'expires_at']) expect(message.payload.data).not.toHaveProperty(left)
    expect(await lastDelivery(api.url, body.id)).toMatchObject({
      id: message.id,
      run: 1,
      event: flow.state,
      state: 'succeeded',
    })
  }
  // All deliveries are done, so no more messages can arrive.
  expect(receiver.messages).toHaveLength(5)
})

test('a flow whose webhook cannot be signed, or belongs to a member, is refused with a pointer', async () => {
  const [{ api }, signing] = await Promise.all([startStack({ workers: 0 }), startStack({ env, workers: 0 })])
  const webhook = { url: 'https://example.com/hook' }
  const refused = await submitFlow(api.url, echo(1), { more: { webhook } })
  expect(refused).toMatchObject({
    status: 400,
    body: { code: 'invalid_request', errors: [{ pointer: '/webhook', detail: expect.stringContaining('SECRETS') }] },
  })
  const wrong = [
    [{ url: 'ftp://example.com' }, '/webhook/url'],
    [{ url: 'https://a:b@example.com' }, '/webhook/url'],
    [{ ...webhook, events: ['ended'] }, '/webhook/events/0'],
    [{ ...webhook, secret: 'x' }, '/webhook/secret'],
  ] as const
  for (const [webhook, pointer] of wrong) {
    const answer = await submitFlow(signing.api.url, echo(1), { more: { webhook } })
    expect(answer, pointer).toMatchObject({ status: 400, body: { errors: [{ pointer }] } })
  }
  const members = [
    [echo(1, { webhook }), '/flow/webhook'],
    [{ chain: [echo(1), { gather: [echo(2), echo(3, { webhook })] }] }, '/flow/chain/1/gather/1/webhook'],
    [{ map: { over: [1], node: echo(1, { webhook }) } }, '/flow/map/node/webhook'],
  ] as const
  for (const [flow, pointer] of members) {
    const answer = await submitFlow(signing.api.url, flow, { more: { webhook } })
    const errors = [{ pointer, detail: 'a job of a flow has no webhook of its own: set the webhook of the flow' }]
    expect(answer, pointer).toMatchObject({ status: 400, body: { errors } })
  }
  const redis = await redisClient()
  expect(await redis.keys(`${signing.env['KEY_PREFIX']}:*flow*:open`)).toEqual([])
})

test('only the requested events are sent; a delivery is blocked before the end of its flow', async () => {
  const { api, addWorker } = await startStack({ env, workers: 0 })
  const receiver = await receiveWebhooks()
  const more = { webhook: { url: receiver.url, events: ['failed', 'failed'] } }
  const quiet = await submitFlow(api.url, echo(1), { more })
  const loud = await submitFlow(api.url, fails(), { more })
  const plain = await submitFlow(api.url, echo(1))
  expect(await deliveries(api.url, loud.body.id)).toMatchObject([
    { state: 'blocked', event: null, url: receiver.url, done: false, created_at: null, attempts: [] },
  ])
  await addWorker()
  expect(await lastDelivery(api.url, loud.body.id)).toMatchObject({ event: 'failed', state: 'succeeded' })
  await Promise.all([quiet, plain].map(({ body }) => readFlow(api.url, body.id, 10)))
  expect(await deliveries(api.url, quiet.body.id)).toEqual([])
  expect(await deliveries(api.url, plain.body.id)).toEqual([])
  expect(receiver.messages.map(({ payload }) => payload.data['id'])).toEqual([loud.body.id])
})

test('each run of a retried flow has its own webhook, which can be resent', async () => {
  const failing = await onceFailing()
  const { api } = await startStack({ env: { ...env, JOBS_DIR: failing.dir } })
  const receiver = await receiveWebhooks()
  const flow = { chain: [echo(1), job('once-failing', 2)] }
  const { body } = await submitFlow(api.url, flow, { more: { webhook: { url: receiver.url } } })
  const first = await lastDelivery(api.url, body.id)
  expect(first).toMatchObject({ run: 1, event: 'failed' })
  await failing.repair()
  expect((await steerFlow(api.url, body.id, 'retry')).status).toBe(202)
  await receiver.received(2, patienceMs)
  const second = await waitFor(
    'the second delivery to be done',
    () => deliveries(api.url, body.id),
    (all) => all.length === 2 && all.every(({ done }) => done),
    { withinMs: patienceMs },
  )
  expect(second).toMatchObject([{ run: 2, event: 'succeeded' }, { id: first?.id }])
  const again = await send<DeliveryResource>('POST', api.url + first?.links.resend)
  expect(again).toMatchObject({ status: 202, body: { id: first?.id, done: false } })
  const messages = await receiver.received(3)
  expect(messages.map(({ payload }) => [payload.type, payload.data['run']])).toEqual([
    ['flow.failed', 1],
    ['flow.succeeded', 2],
    ['flow.failed', 1],
  ])
  expect(messages[2]).toMatchObject({ id: messages[0]?.id, body: messages[0]?.body })
  expect(messages[1]?.id).not.toBe(messages[0]?.id)
  expect(await send('POST', `${api.url}/v1/flows/${body.id}/deliveries/whd_${body.id}_3/resend`)).toMatchObject({
    status: 404,
    body: { code: 'delivery_not_found' },
  })
})

test('another tenant sees no deliveries of a flow; each tenant has its own secret', async () => {
  const [acme, other] = [makeKey('acme'), makeKey('other')]
  const { path } = await keysFile([acme, other])
  const secrets = `${webhookSecret('n')},acme=${webhookSecret('t')}`
  const { api } = await startStack({ env: { WEBHOOK_SECRETS: secrets, API_KEYS_FILE: path } })
  const receiver = await receiveWebhooks()
  const body = { flow: echo(1), webhook: { url: receiver.url } }
  const submitted = await send<FlowResource>('POST', `${api.url}/v1/flows`, { body, headers: acme.headers })
  const [message] = await receiver.received(1, patienceMs)
  if (!message) throw new Error('it was received')
  expect(verify(message, webhookSecret('t'))).toEqual(message.payload)
  expect(() => verify(message, webhookSecret('n'))).toThrow('No matching signature')
  const at = api.url + submitted.body.links.deliveries
  expect(await send('GET', at, { headers: acme.headers })).toMatchObject({ body: { items: [{ id: message.id }] } })
  for (const [method, url] of [
    ['GET', at],
    ['POST', `${at}/${message.id}/resend`],
  ] as const) {
    const answer = await send(method, url, { headers: other.headers })
    expect(answer).toMatchObject({ status: 404, body: { code: 'flow_not_found' } })
  }
})

// The id of a flow that had an idempotency key stays taken for half a minute.
test('a removed flow leaves no key of its webhook', { timeout: 120_000 }, async () => {
  const { api, env: all } = await startStack({ env: { ...env, RESULT_TTL_MS: '1500' } })
  const redis = await redisClient()
  const receiver = await receiveWebhooks()
  const more = { webhook: { url: receiver.url } }
  const { body } = await submitFlow(api.url, { gather: [echo(1), echo(2)] }, { more, key: 'once' })
  await receiver.received(1, patienceMs)
  const leftOf = async (): Promise<string[]> => {
    const left = await lastingKeys(redis, all['KEY_PREFIX'] ?? '')
    const inSets = await Promise.all(
      left.map(async (key) => ((await redis.type(key)) === 'zset' ? redis.zrange(key, '0', '-1') : [])),
    )
    return [...left, ...inSets.flat()].filter((name) => /(whd|io|flow)_|:claim:/.test(name))
  }
  expect((await leftOf()).some((name) => name.includes(`whd_${body.id}_1`))).toBe(true)
  await waitFor('nothing to be left', leftOf, ({ length }) => length === 0)
  expect(receiver.messages).toHaveLength(1)
})
