import { expect, test, vi } from 'vitest'
import type { TenantLimits } from '../../src/api/access/keys-file.ts'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import type { DeliveryResource } from '../../src/api/webhooks/delivery-resource.ts'
import { read, send, submit } from '../helpers/client.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { receiveWebhooks, verify, webhookSecret } from '../helpers/webhook-receiver.ts'

// Some tests start two stacks, some wait for real time.
vi.setConfig({ testTimeout: 60_000 })

const secret = webhookSecret('a')
const env = { WEBHOOK_SECRETS: secret }

async function deliveries(apiUrl: string, id: string): Promise<DeliveryResource[]> {
  return (await send<{ items: DeliveryResource[] }>('GET', `${apiUrl}/v1/jobs/${id}/deliveries`)).body.items
}

/** Waits for the latest delivery of a job to be accepted by a predicate. */
async function delivery(apiUrl: string, id: string, accept: (one: DeliveryResource) => boolean) {
  const [latest] = await waitFor(
    'the delivery',
    () => deliveries(apiUrl, id),
    ([one]) => one !== undefined && accept(one),
  )
  return latest
}

test('every end of a job sends one signed webhook with the job', async () => {
  const { api } = await startStack({ env })
  const receiver = await receiveWebhooks()
  const webhook = { url: receiver.url }
  const steer = (id: string) => send('POST', `${api.url}/v1/jobs/${id}/cancel`)
  const succeeded = await submit(api.url, 'echo', { a: 1 }, { webhook, tags: ['t'], metadata: { order: '42' } })
  const failed = await submit(api.url, 'sleep', { duration_ms: 1, fail_at: 0 }, { webhook })
  const waiting = await submit(api.url, 'echo', 1, { webhook, delay_ms: 60_000 })
  expect((await steer(waiting.body.id)).status).toBe(200)
  const running = await submit(api.url, 'sleep', { duration_ms: 60_000 }, { webhook })
  await waitFor(
    'the job to run',
    () => read(api.url, running.body.id),
    ({ body }) => body.state === 'running',
  )
  expect((await steer(running.body.id)).status).toBe(202)
  const overdue = { run_at: new Date(Date.now() - 60_000).toISOString(), start_within_ms: 100 }
  const expired = await submit(api.url, 'echo', 1, { webhook, ...overdue })

  const messages = await receiver.received(5)
  const byJob = new Map(messages.map((message) => [message.payload.data['id'], message]))
  const ends = [
    [succeeded, 'succeeded', { output: { a: 1 }, tags: ['t'], metadata: { order: '42' }, error: null }],
    [failed, 'failed', { output: null, error: { code: 'job_failed' } }],
    [waiting, 'canceled', { error: { code: 'canceled', stopped: 'never_started' } }],
    [running, 'canceled', { attempt: 1, error: { code: 'canceled' } }],
    [expired, 'expired', { error: { code: 'not_started_in_time' } }],
  ] as const
  for (const [{ body }, state, data] of ends) {
    const message = byJob.get(body.id)
    if (!message) throw new Error(`no webhook of ${state}`)
    expect(verify(message, secret)).toEqual(message.payload)
    expect(() => verify(message, webhookSecret('b'))).toThrow('No matching signature')
    const job = await read(api.url, body.id)
    expect(message.payload).toMatchObject({ type: `job.${state}`, timestamp: job.body.finished_at })
    expect(message.payload.data).toMatchObject({ type: body.type, state, run: 1, output_bytes: null, ...data })
    expect(message.payload.data).not.toHaveProperty('input')
    const [one, ...others] = await deliveries(api.url, body.id)
    expect(others).toEqual([])
    expect(one?.id).toBe(message.id)
    await delivery(api.url, body.id, ({ done }) => done)
  }
  expect(messages).toHaveLength(5)
})

test('only the requested events are sent; a delivery is blocked before the end of its job', async () => {
  const { api, env: all, addWorker } = await startStack({ env, workers: 0 })
  const receiver = await receiveWebhooks()
  const onFailure = { url: receiver.url, events: ['failed'] }
  const quiet = await submit(api.url, 'echo', 1, { webhook: onFailure })
  const loud = await submit(api.url, 'sleep', { duration_ms: 1, fail_at: 0 }, { webhook: onFailure })
  const plain = await submit(api.url, 'echo', 1)
  expect(await deliveries(api.url, loud.body.id)).toMatchObject([
    { state: 'blocked', event: null, url: receiver.url, done: false, created_at: null, attempts: [] },
  ])
  await addWorker(all)
  await receiver.received(1)
  expect(await delivery(api.url, loud.body.id, ({ done }) => done)).toMatchObject({
    event: 'failed',
    state: 'succeeded',
    status: 204,
    error: null,
    attempts: [{ attempt: 1, status: 204, error: null }],
  })
  await read(api.url, quiet.body.id, 10)
  expect(
    await waitFor(
      'no debt',
      () => deliveries(api.url, quiet.body.id),
      ({ length }) => length === 0,
    ),
  ).toEqual([])
  expect(await deliveries(api.url, plain.body.id)).toEqual([])
  expect(receiver.messages).toHaveLength(1)
})

test('a webhook that cannot be signed, or has no valid URL, is refused', async () => {
  const { api } = await startStack({ workers: 0 })
  const receiver = { url: 'https://example.com/' }
  expect(await submit(api.url, 'echo', 1, { webhook: receiver })).toMatchObject({
    status: 400,
    body: {
      code: 'invalid_request',
      errors: [{ pointer: '/webhook', detail: expect.stringContaining('WEBHOOK_SECRETS') }],
    },
  })
  const signing = await startStack({ env, workers: 0 })
  const wrong = [
    [{ url: 'ftp://example.com/' }, '/webhook/url'],
    [{ url: 'https://user:word@example.com/' }, '/webhook/url'],
    [{ url: `https://example.com/${'a'.repeat(2048)}` }, '/webhook/url'],
    [{}, '/webhook/url'],
    [{ ...receiver, events: [] }, '/webhook/events'],
    [{ ...receiver, events: ['done'] }, '/webhook/events/0'],
    [{ ...receiver, secret: 'mine' }, '/webhook/secret'],
  ] as const
  for (const [webhook, pointer] of wrong) {
    const refused = await submit(signing.api.url, 'echo', 1, { webhook })
    expect(refused, pointer).toMatchObject({ status: 400, body: { errors: [{ pointer }] } })
  }
})

test('each tenant has its own signing secret and standing webhooks', async () => {
  const [acme, other] = [makeKey('acme'), makeKey('other')]
  const receiver = await receiveWebhooks()
  const url = receiver.url
  const webhooks: TenantLimits['webhooks'] = [
    { url: `${url}?standing=type`, types: ['sleep'] },
    { url: `${url}?standing=all`, events: ['failed', 'succeeded'] },
  ]
  const { path } = await keysFile([acme, other], { acme: { webhooks } })
  const secrets = `${webhookSecret('n')},acme=${webhookSecret('t')}`
  const { api } = await startStack({ env: { WEBHOOK_SECRETS: secrets, API_KEYS_FILE: path } })
  const body = { type: 'echo', input: 1, webhook: { url } }
  for (const [key, own, foreign] of [
    [acme, 't', 'n'],
    [other, 'n', 't'],
  ] as const) {
    const { body: job } = await send<JobResource>('POST', `${api.url}/v1/jobs`, { body, headers: key.headers })
    const messages = await waitFor(
      'the webhook',
      () => receiver.messages.filter(({ payload }) => payload.data['id'] === job.id),
      ({ length }) => length > 0,
    )
    for (const message of messages) {
      expect(verify(message, webhookSecret(own))).toEqual(message.payload)
      expect(() => verify(message, webhookSecret(foreign))).toThrow('No matching signature')
    }
  }
  const post = async (key: typeof acme, at: string, sent: object) =>
    (await send<JobResource>('POST', `${api.url}/v1/${at}`, { body: sent, headers: key.headers })).body
  const echo = { type: 'echo', input: 1 }
  const plain = await post(acme, 'jobs', echo)
  expect(plain.webhook).toEqual({ url: `${url}?standing=all`, events: ['failed', 'succeeded'] })
  expect((await post(acme, 'jobs', { type: 'sleep', input: { duration_ms: 1 } })).webhook).toEqual({
    url: `${url}?standing=type`,
    events: ['succeeded', 'failed', 'canceled', 'expired'],
  })
  expect((await post(acme, 'jobs', body)).webhook).toMatchObject({ url })
  expect((await post(other, 'jobs', echo)).webhook).toBeNull()
  const flow = await post(acme, 'flows', { flow: { chain: [echo, echo] } })
  for (const { id } of [plain, flow])
    await waitFor(
      'the standing webhook',
      () => receiver.messages.filter(({ payload }) => payload.data['id'] === id),
      ({ length }) => length === 1,
    )
})

test('during a rotation of secrets a message carries a signature of each', async () => {
  const both = `${webhookSecret('n')},${webhookSecret('o')},other=${webhookSecret('p')}`
  const { api } = await startStack({ env: { WEBHOOK_SECRETS: both } })
  const receiver = await receiveWebhooks()
  await submit(api.url, 'echo', 1, { webhook: { url: receiver.url } })
  const [message] = await receiver.received(1)
  if (!message) throw new Error('it was received')
  expect(verify(message, webhookSecret('n'))).toEqual(message.payload)
  expect(verify(message, webhookSecret('o'))).toEqual(message.payload)
  expect(() => verify(message, webhookSecret('p'))).toThrow('No matching signature')
  expect(message.headers['webhook-signature']?.split(' ')).toHaveLength(2)
})

test('a refused message is sent again under the same id, at the time that the receiver requests', async () => {
  const { api } = await startStack({ env })
  const receiver = await receiveWebhooks((response, nth) => {
    if (nth < 2) response.writeHead([503, 400][nth] ?? 500, { 'retry-after': '1' }).end('x'.repeat(100_000))
    else response.writeHead(200).end('thanks')
  })
  const { body } = await submit(api.url, 'echo', 1, { webhook: { url: receiver.url } })
  const messages = await receiver.received(3)
  expect(new Set(messages.map(({ id }) => id)).size).toBe(1)
  expect(new Set(messages.map((message) => message.body)).size).toBe(1)
  for (const message of messages) verify(message, secret)
  const gaps = messages.slice(1).map(({ at }, n) => at - (messages[n]?.at ?? 0))
  for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(950)
  expect(await delivery(api.url, body.id, ({ done }) => done)).toMatchObject({
    state: 'succeeded',
    status: 200,
    attempts: [
      { attempt: 1, status: 503, error: { code: 'http_503' } },
      { attempt: 2, status: 400, error: { code: 'http_400' } },
      { attempt: 3, status: 200, error: null },
    ],
  })
})

test('410 stops the attempts; a redirect is not followed and is a failure; private addresses are refused', async () => {
  const stack = await startStack({ env })
  const { api } = stack
  const elsewhere = await receiveWebhooks()
  const moved = await receiveWebhooks((response) => response.writeHead(307, { location: elsewhere.url }).end())
  const gone = await receiveWebhooks((response) => response.writeHead(410).end())
  const [movedJob, goneJob] = await Promise.all(
    [moved, gone].map(({ url }) => submit(api.url, 'echo', 1, { webhook: { url } })),
  )
  expect(await delivery(api.url, goneJob?.body.id ?? '', ({ done }) => done)).toMatchObject({
    state: 'failed',
    status: 410,
    error: { code: 'http_410' },
    next_attempt_at: null,
    attempts: [{ attempt: 1, status: 410 }],
  })
  const again = await delivery(api.url, movedJob?.body.id ?? '', ({ state }) => state === 'scheduled')
  expect(again).toMatchObject({ status: 307, error: { code: 'http_307' }, done: false })
  const waitMs = Date.parse(again?.next_attempt_at ?? '') - Date.parse(again?.attempts[0]?.ended_at ?? '')
  expect(waitMs).toBeGreaterThanOrEqual(3900)
  expect(waitMs).toBeLessThanOrEqual(8000)
  expect(elsewhere.messages).toEqual([])

  const guarded = await startStack({ env: { ...env, EGRESS_ALLOW_CIDRS: '' } })
  const { body } = await submit(guarded.api.url, 'echo', 1, { webhook: { url: elsewhere.url } })
  expect(await delivery(guarded.api.url, body.id, ({ done }) => done)).toMatchObject({
    state: 'failed',
    status: null,
    error: { code: 'egress_refused' },
  })
  expect(elsewhere.messages).toEqual([])
})

test('a receiver that does not answer delays no other', async () => {
  const { api } = await startStack({ env: { ...env, WEBHOOKS_AT_ONCE: '10' } })
  const slow = await receiveWebhooks(() => {})
  const fast = await receiveWebhooks()
  const many = Array.from({ length: 30 }, () => submit(api.url, 'echo', 1, { webhook: { url: slow.url } }))
  const held = await Promise.all(many)
  await slow.received(1)
  const submitted = await Promise.all(
    Array.from({ length: 20 }, () => submit(api.url, 'echo', 1, { webhook: { url: fast.url } })),
  )
  await Promise.all(submitted.map(({ body }) => delivery(api.url, body.id, ({ done }) => done)))
  // One message at a time goes to each origin, and all other slots were free: much faster than the timeout of the slow one.
  expect(new Set(fast.messages.map(({ id }) => id)).size).toBe(20)
  expect(slow.messages).toHaveLength(1)
  const states = await waitFor(
    'slots that do not wait for the slow one',
    () => Promise.all(held.map(async ({ body }) => (await deliveries(api.url, body.id))[0]?.state)),
    (all) => all.filter((state) => state === 'running').length <= 2,
  )
  expect(states).not.toContain('failed')
})

test('a delivery can be resent; each run has its own deliveries', async () => {
  const { api } = await startStack({ env })
  let answer = 204
  const receiver = await receiveWebhooks((response) => response.writeHead(answer).end())
  const webhook = { url: receiver.url }
  const { body } = await submit(api.url, 'sleep', { duration_ms: 1, fail_at: 0 }, { webhook })
  const first = await delivery(api.url, body.id, ({ done }) => done)
  const again = await send<DeliveryResource>('POST', api.url + first?.links.resend)
  expect(again).toMatchObject({ status: 202, body: { id: first?.id, done: false } })
  const [one, two] = await receiver.received(2)
  expect(two).toMatchObject({ id: one?.id, body: one?.body })
  const sent = await delivery(api.url, body.id, ({ done }) => done)
  const [before, after] = sent?.attempts ?? []
  expect(sent?.attempts).toHaveLength(2)
  expect(before).toEqual(first?.attempts[0])
  expect(before).toMatchObject({ attempt: 1, status: 204, error: null })
  expect(after).toMatchObject({ attempt: 1, status: 204, ended_at: sent?.finished_at })

  answer = 410
  await send('POST', `${api.url}/v1/jobs/${body.id}/retry`)
  await receiver.received(3)
  const failed = await delivery(api.url, body.id, ({ state }) => state === 'failed')
  expect(failed).toMatchObject({ run: 2, error: { code: 'http_410' } })
  answer = 200
  expect((await send('POST', api.url + failed?.links.resend)).status).toBe(202)
  expect(await delivery(api.url, body.id, ({ done }) => done)).toMatchObject({
    run: 2,
    state: 'succeeded',
    attempts: [
      { ...failed?.attempts[0], status: 410 },
      { status: 200, error: null },
    ],
  })
  expect(receiver.messages.map(({ payload }) => payload.data['run'])).toEqual([1, 1, 2, 2])
  expect((await deliveries(api.url, body.id)).map(({ run, done }) => [run, done])).toEqual([
    [2, true],
    [1, true],
  ])

  const path = `${api.url}/v1/jobs/${body.id}/deliveries`
  for (const id of ['whd_nothing', `whd_${body.id}_9`, `whd_${body.id}_01`]) {
    expect(await send('POST', `${path}/${id}/resend`)).toMatchObject({
      status: 404,
      body: { code: 'delivery_not_found' },
    })
  }
  const open = await receiveWebhooks(() => {})
  const held = await submit(api.url, 'echo', 1, { webhook: { url: open.url } })
  await open.received(1)
  const [running] = await deliveries(api.url, held.body.id)
  expect(await send('POST', api.url + running?.links.resend)).toMatchObject({
    status: 409,
    body: { code: 'delivery_not_done' },
  })
})

test('resends are limited for a tenant in a minute, and for a delivery at all', async () => {
  const [acme, other] = [makeKey('acme'), makeKey('other')]
  const { path } = await keysFile([acme, other], {
    acme: { resends_per_minute: 1000 },
    other: { resends_per_minute: 2 },
  })
  const { api } = await startStack({ env: { ...env, API_KEYS_FILE: path } })
  const receiver = await receiveWebhooks()
  const submitBy = async ({ headers }: typeof acme) => {
    const job = { type: 'echo', input: 1, webhook: { url: receiver.url } }
    const { body } = await send<JobResource>('POST', `${api.url}/v1/jobs`, { headers, body: job })
    return `${api.url}/v1/jobs/${body.id}/deliveries`
  }
  const resend = async ({ headers }: typeof acme, at: string) => {
    const [one] = await waitFor(
      'the delivery to be done',
      async () => (await send<{ items: DeliveryResource[] }>('GET', at, { headers })).body.items,
      ([item]) => item?.done === true,
    )
    return send<{ code: string }>('POST', `${at}/${one?.id}/resend`, { headers })
  }
  const at = await submitBy(acme)
  for (let n = 0; n < 100; n++) expect((await resend(acme, at)).status).toBe(202)
  expect(await resend(acme, at)).toMatchObject({ status: 409, body: { code: 'too_many_resends' } })
  const theirs = await submitBy(other)
  expect((await resend(other, theirs)).status).toBe(202)
  expect((await resend(other, theirs)).status).toBe(202)
  const refused = await resend(other, theirs)
  expect(refused).toMatchObject({ status: 429, body: { code: 'quota_exceeded' } })
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(receiver.messages).toHaveLength(104)
}, 120_000)

test('a removed job leaves no key of its webhooks, by deletion or retention', async () => {
  const { api, env: all } = await startStack({ env: { ...env, RESULT_TTL_MS: '1500' } })
  const redis = await redisClient()
  const receiver = await receiveWebhooks()
  const refusing = await receiveWebhooks((response) => response.writeHead(500).end())
  const deleted = await submit(api.url, 'echo', 1, { webhook: { url: refusing.url } })
  await delivery(api.url, deleted.body.id, ({ state }) => state === 'scheduled')
  expect((await send('DELETE', `${api.url}/v1/jobs/${deleted.body.id}`)).status).toBe(204)
  const expiring = await submit(api.url, 'echo', 1, { webhook: { url: receiver.url } })
  await receiver.received(1)
  const leftOf = async (): Promise<string[]> => {
    const left = await redis.keys(`${all['KEY_PREFIX']}:*`)
    const inSets = await Promise.all(
      left.map(async (key) => ((await redis.type(key)) === 'zset' ? redis.zrange(key, '0', '-1') : [])),
    )
    return [...left, ...inSets.flat()].filter((name) => /(whd|io)_/.test(name))
  }
  expect((await leftOf()).some((name) => name.includes(deleted.body.id))).toBe(false)
  expect((await leftOf()).some((name) => name.includes(expiring.body.id))).toBe(true)
  expect(await waitFor('nothing to be left', leftOf, ({ length }) => length === 0)).toEqual([])
})
