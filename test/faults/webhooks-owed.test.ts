import { expect, test, vi } from 'vitest'
import type { DeliveryResource } from '../../src/api/webhooks/delivery-resource.ts'
import { Keys } from '../../src/queue/redis/keys.ts'
import { read, send, submit } from '../helpers/client.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { receiveWebhooks, verify, webhookSecret } from '../helpers/webhook-receiver.ts'

const secret = webhookSecret('a')
vi.setConfig({ testTimeout: 180_000 })

test('a worker that is killed between the end of jobs and their webhooks loses no webhook', async () => {
  const { api, workers, env, addWorker } = await startStack({ env: { WEBHOOK_SECRETS: secret, LOCK_MS: '1000' } })
  const redis = await redisClient()
  const keys = new Keys(env['KEY_PREFIX'] ?? '')
  const receiver = await receiveWebhooks()
  const endedAndOwed = () => redis.zinter(2, keys.bull('io', 'completed'), keys.webhookDebts('io'))
  let [worker] = workers
  const ids: string[] = []
  let owed = 0
  // Jobs that end at the same time are ended by several calls, and the worker has not received all answers: some round hits the gap.
  for (let round = 0; round < 10 && owed === 0; round++) {
    const jobs = await Promise.all(
      Array.from({ length: 100 }, () =>
        submit(api.url, 'sleep', { duration_ms: 300 }, { webhook: { url: receiver.url } }),
      ),
    )
    ids.push(...jobs.map(({ body }) => body.id))
    await waitFor('the first end', endedAndOwed, ({ length }) => length > 0, { everyMs: 0 })
    worker?.signal('SIGKILL')
    await worker?.ended
    owed = (await endedAndOwed()).length
    worker = await addWorker()
    // A job that loses a second worker is quarantined, which takes long for so many jobs.
    const ends = await Promise.all(jobs.map(({ body }) => read(api.url, body.id, 60)))
    expect(ends.every(({ body }) => body.state === 'succeeded')).toBe(true)
  }
  expect(owed).toBeGreaterThan(0)
  await waitFor(
    'a webhook of each job',
    () => new Set(receiver.messages.map(({ payload }) => payload.data['id'])),
    (received) => received.size === ids.length,
    { withinMs: 60_000 },
  )
  expect(new Set(receiver.messages.map(({ id }) => id)).size).toBe(ids.length)
  for (const message of receiver.messages) verify(message, secret)
  await waitFor(
    'no owed webhook',
    () => redis.zcard(keys.webhookDebts('io')),
    (count) => count === 0,
  )
})

test('the webhook of a canceled job whose API is killed immediately is sent by another process', async () => {
  const { api, addApi } = await startStack({ env: { WEBHOOK_SECRETS: secret } })
  const receiver = await receiveWebhooks()
  const { body } = await submit(api.url, 'echo', 1, { webhook: { url: receiver.url }, delay_ms: 600_000 })
  const cancel = await send('POST', `${api.url}/v1/jobs/${body.id}/cancel`)
  api.signal('SIGKILL')
  expect(cancel.status).toBe(200)
  const [message] = await receiver.received(1)
  expect(message?.payload).toMatchObject({ type: 'job.canceled', data: { id: body.id } })
  const other = await addApi()
  expect((await send('GET', `${other.url}/v1/jobs/${body.id}/deliveries`)).body).toMatchObject({
    items: [{ id: message?.id, event: 'canceled' }],
  })
})

test('an owed webhook is sent once a worker can send it, even after the retention of its job', async () => {
  const { api, env, addWorker } = await startStack({
    env: { WEBHOOK_SECRETS: secret, RESULT_TTL_MS: '1000', WEBHOOKS_AT_ONCE: '0' },
  })
  const receiver = await receiveWebhooks()
  const { body } = await submit(api.url, 'echo', 'kept', { webhook: { url: receiver.url }, waitS: 10 })
  await waitFor(
    'the job to be gone',
    () => read(api.url, body.id),
    ({ status }) => status === 404,
  )
  expect(receiver.messages).toEqual([])
  await addWorker({ ...env, WEBHOOKS_AT_ONCE: '10' })
  const [message] = await receiver.received(1)
  expect(message?.payload).toMatchObject({ type: 'job.succeeded', data: { id: body.id, output: 'kept' } })
})

test('a delivery whose worker is killed while it waits for the answer is sent again with the same id', async () => {
  const { api, workers, addWorker } = await startStack({ env: { WEBHOOK_SECRETS: secret, LOCK_MS: '1000' } })
  const receiver = await receiveWebhooks((response, nth) => {
    if (nth > 0) response.writeHead(204).end()
  })
  const { body } = await submit(api.url, 'echo', 1, { webhook: { url: receiver.url } })
  await receiver.received(1)
  workers[0]?.signal('SIGKILL')
  await addWorker()
  const [first, second] = await receiver.received(2)
  expect(second).toMatchObject({ id: first?.id, body: first?.body })
  const one = await waitFor(
    'the delivery to be done',
    () => send<{ items: DeliveryResource[] }>('GET', `${api.url}/v1/jobs/${body.id}/deliveries`),
    (answer) => answer.body.items[0]?.done === true,
  )
  expect(one.body.items).toMatchObject([{ state: 'succeeded', attempts: [{ attempt: 1, status: 204 }] }])
})

test('a stopping worker returns the deliveries that it was sending', async () => {
  const { api, workers, addWorker } = await startStack({ env: { WEBHOOK_SECRETS: secret, SHUTDOWN_GRACE_MS: '200' } })
  const receiver = await receiveWebhooks((response, nth) => {
    if (nth > 0) response.writeHead(204).end()
  })
  await submit(api.url, 'echo', 1, { webhook: { url: receiver.url } })
  await receiver.received(1)
  workers[0]?.signal('SIGTERM')
  expect(await workers[0]?.ended).toBe(0)
  await addWorker()
  const [first, second] = await receiver.received(2, 3000)
  expect(second?.id).toBe(first?.id)
})
