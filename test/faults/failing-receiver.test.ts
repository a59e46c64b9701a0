import type { ServerResponse } from 'node:http'
import { setInterval } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Keys } from '../../src/queue/redis/keys.ts'
import { deliveryQueue } from '../../src/queue/webhooks/delivery.ts'
import { submit } from '../helpers/client.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { type Stack, startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { type Receiver, receiveWebhooks, webhookSecret } from '../helpers/webhook-receiver.ts'

/** Deliveries that the bad receiver is owed at the same time. */
const owed = 1000
const measured = 100
const paceMs = 10
/** Below this a delay is noise of a busy machine. */
const floorMs = 100

async function submitMany(stack: Stack, receiver: Receiver, count: number): Promise<void> {
  let left = count
  const client = async () => {
    while (left-- > 0) {
      const { status } = await submit(stack.api.url, 'echo', 1, { webhook: { url: receiver.url } })
      expect(status).toBe(202)
    }
  }
  await Promise.all(Array.from({ length: 16 }, client))
}

/** The median delay from the end of a job to its webhook, of jobs that are submitted at a steady pace. */
async function medianDelay(stack: Stack, receiver: Receiver): Promise<number> {
  const before = receiver.messages.length
  const submitted: Promise<unknown>[] = []
  for await (const _ of setInterval(paceMs)) {
    submitted.push(submit(stack.api.url, 'echo', 1, { webhook: { url: receiver.url } }))
    if (submitted.length === measured) break
  }
  await Promise.all(submitted)
  const messages = (await receiver.received(before + measured, 20_000)).slice(before)
  const delays = messages.map(({ at, payload }) => at - Date.parse(String(payload.data['finished_at'])))
  return delays.toSorted((a, b) => a - b)[Math.floor(measured / 2)] ?? Number.NaN
}

const bad: [string, (response: ServerResponse) => void][] = [
  ['answers 500', (response) => void response.writeHead(500).end()],
  ['never answers', () => undefined],
]

test.each(bad)(
  'a receiver that %s to a thousand webhooks delays those of another by at most three times',
  { timeout: 120_000 },
  async (how, answer) => {
    const env = { WEBHOOK_SECRETS: webhookSecret('a'), WORKER_QUEUES: 'io:100' }
    const stack = await startStack({ env, workers: 0 })
    // Runs the jobs and sends no webhook.
    await stack.addWorker({ WEBHOOKS_AT_ONCE: '0' })
    const good = await receiveWebhooks()
    const failing = await receiveWebhooks(answer)
    const sender = await stack.addWorker({ WORKER_QUEUES: 'cpu:1' })
    await medianDelay(stack, good)
    const alone = await medianDelay(stack, good)
    sender.signal('SIGTERM')
    await sender.ended
    await submitMany(stack, failing, owed)
    const redis = await redisClient()
    const waiting = new Keys(stack.env['KEY_PREFIX'] ?? '').bull(deliveryQueue, 'prioritized')
    await waitFor(
      'all webhooks to wait',
      () => redis.zcard(waiting),
      (count) => count === owed,
    )
    await stack.addWorker({ WORKER_QUEUES: 'cpu:1' })
    const beside = await medianDelay(stack, good)
    console.log(`median delay of a webhook: ${alone} ms alone, ${beside} ms beside a receiver that ${how}`)
    expect(beside).toBeLessThanOrEqual(3 * Math.max(alone, floorMs))
  },
)
