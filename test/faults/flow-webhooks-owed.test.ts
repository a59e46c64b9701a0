import { expect, test, vi } from 'vitest'
import { Keys } from '../../src/queue/redis/keys.ts'
import { echo, readFlow, sleep, steerFlow, submitFlow } from '../helpers/flows.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { receiveWebhooks, verify, webhookSecret } from '../helpers/webhook-receiver.ts'

const secret = webhookSecret('a')
vi.setConfig({ testTimeout: 120_000 })

test('when the flow coordinator crashes between the ends of flows and their webhooks, another process stores the deliveries', async () => {
  // Alone at first, so that the API is the coordinator.
  const { api, env, addApi, addWorker } = await startStack({ workers: 0, env: { WEBHOOK_SECRETS: secret } })
  const redis = await redisClient()
  const keys = new Keys(env['KEY_PREFIX'] ?? '')
  const receiver = await receiveWebhooks()
  await waitFor(
    'the API to be the coordinator',
    () => api.logs,
    (logs) => logs.some(({ msg }) => msg === 'became flow coordinator'),
    { withinMs: 60_000 },
  )
  const [, other] = await Promise.all([addWorker(), addApi()])
  const ids: string[] = []
  const count = async () => {
    const values = await Promise.all(ids.map((id) => redis.hmget(keys.flow(id), 'finishedAt', 'toldRun')))
    const ended = values.filter(([at]) => at)
    return { ended: ended.length, owing: ended.filter(([, toldRun]) => !toldRun).length }
  }
  const more = { webhook: { url: receiver.url } }
  let owing = 0
  // Flows that end at the same time owe their webhooks at the same time: the coordinator is frozen until that state is seen.
  for (let round = 0; round < 5 && owing === 0; round++) {
    const submitted = await Promise.all(Array.from({ length: 50 }, () => submitFlow(other.url, sleep(500), { more })))
    ids.push(...submitted.map(({ body }) => body.id))
    for (let isOver = false; !isOver && owing === 0; ) {
      const seen = await waitFor('an owed webhook', count, (now) => now.owing > 0 || now.ended === ids.length, {
        everyMs: 0,
        withinMs: 60_000,
      })
      isOver = seen.ended === ids.length
      api.signal('SIGSTOP')
      // Redis answers the commands that it had sent before this one.
      owing = (await count()).owing
      if (owing === 0) api.signal('SIGCONT')
    }
  }
  api.signal('SIGKILL')
  await api.ended
  expect((await count()).owing).toBeGreaterThan(0)

  const flows = await Promise.all(ids.map((id) => readFlow(other.url, id, 60)))
  expect(new Set(flows.map(({ body }) => body.state))).toEqual(new Set(['succeeded']))
  await waitFor(
    'a webhook of each flow',
    () => new Set(receiver.messages.map(({ payload }) => payload.data['id'])),
    (received) => received.size === ids.length,
    { withinMs: 60_000 },
  )
  expect(new Set(receiver.messages.map(({ id }) => id)).size).toBe(ids.length)
  for (const message of receiver.messages) verify(message, secret)
  await waitFor(
    'no flow to be open',
    () => redis.zcard(keys.openFlows),
    (open) => open === 0,
  )
})

test('the webhook of a canceled flow whose API is killed immediately is sent by another process', async () => {
  const { api, addApi } = await startStack({ env: { WEBHOOK_SECRETS: secret } })
  const receiver = await receiveWebhooks()
  const flow = { chain: [echo(1, { delay_ms: 600_000 }), echo(2)] }
  const { body } = await submitFlow(api.url, flow, { more: { webhook: { url: receiver.url } } })
  const cancel = await steerFlow(api.url, body.id, 'cancel')
  api.signal('SIGKILL')
  expect(cancel.status).toBe(200)
  const [message] = await receiver.received(1, 30_000)
  expect(message?.payload).toMatchObject({ type: 'flow.canceled', data: { id: body.id } })
  const other = await addApi()
  expect((await readFlow(other.url, body.id, 10)).body.state).toBe('canceled')
})
