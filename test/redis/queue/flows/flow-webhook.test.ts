import { expect, onTestFinished, test } from 'vitest'
import { FlowCoordinator } from '../../../../src/queue/flows/coordinator.ts'
import { flowOwner, settleFlowWebhook } from '../../../../src/queue/flows/flow-webhook.ts'
import { planFlow } from '../../../../src/queue/flows/flows.ts'
import type { FlowNode } from '../../../../src/queue/flows/model/document.ts'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'
import { waitFor } from '../../../helpers/wait-for.ts'
import { ownFlows } from './own-flows.ts'

/** A flow of one job with a webhook, and coordinators that are started on demand. */
async function world() {
  const [redis, subscriber] = await Promise.all([redisClient(), redisClient()])
  const keys = new Keys(keyPrefix())
  const { flows, registry, outbox, door, log } = await ownFlows({ redis, keys })
  const { store } = flows
  const tree: FlowNode = { job: { type: 'echo', queue: 'io', attempts: 1, record: { tenant: '-', input: 1 } } }
  const webhook = { url: 'https://example.com/hook', events: ['failed' as const, 'canceled' as const] }
  const { id } = newJobRef('flow', Date.now())
  await flows.add({
    id,
    plan: planFlow(tree),
    tenant: '-',
    tags: [],
    metadata: {},
    webhook,
    createdAt: Date.now(),
    deadlineMs: undefined,
  })
  const head = async () => {
    const flow = await store.head(id)
    if (!flow) throw new Error('the flow is gone')
    return flow
  }
  /** The runs whose deliveries are stored. */
  const delivered = async (): Promise<number[]> => {
    const known = await outbox.list(flowOwner(await head()))
    return known.filter(({ delivery }) => delivery).map(({ run }) => run)
  }
  const coordinate = (resultTtlMs: number) => {
    const coordinator = new FlowCoordinator({ redis, subscriber, keys, registry, outbox, door, resultTtlMs, log })
    onTestFinished(() => coordinator.stop())
    coordinator.start()
  }
  /** Writes what a process has written that dies just after the end of the flow. */
  const dieAfterEnd = async () => {
    const flow = await head()
    const error = { code: 'job_failed', message: 'it failed', job_id: null, path: '/flow' }
    await store.finish(flow, 'failed', error, Date.now())
  }
  const openFlows = () => redis.zrange(keys.openFlows, '0', '-1')
  return { redis, keys, store, outbox, flows, id, head, delivered, coordinate, dieAfterEnd, openFlows }
}

test('the delivery that an ended flow owes is stored by the next coordinator', async () => {
  const { id, head, delivered, coordinate, dieAfterEnd, openFlows } = await world()
  await dieAfterEnd()
  expect(await delivered()).toEqual([])
  expect(await openFlows()).toEqual([`${id} 1`])
  coordinate(60_000)
  await waitFor('the flow to be closed', openFlows, ({ length }) => length === 0)
  expect(await delivered()).toEqual([1])
  expect((await head()).notifiedRun).toBe(1)
})

test('a process that died between storing a delivery and marking the flow causes no second delivery', async () => {
  const { redis, keys, store, outbox, id, delivered, dieAfterEnd } = await world()
  await dieAfterEnd()
  await settleFlowWebhook({ store, outbox }, id)
  const before = await redis.hgetall(keys.job({ queue: '_webhooks', id: `whd_${id}_1` }))
  await redis.hdel(keys.flow(id), 'toldRun')
  await settleFlowWebhook({ store, outbox }, id)
  expect(await delivered()).toEqual([1])
  expect(await redis.hgetall(keys.job({ queue: '_webhooks', id: `whd_${id}_1` }))).toEqual(before)
  expect(await redis.zcard(keys.bull('_webhooks', 'prioritized'))).toBe(1)
})

test('a retry first stores the delivery of the ended run; a late mark does not count for the next run', async () => {
  const { store, flows, id, head, delivered, dieAfterEnd } = await world()
  await dieAfterEnd()
  const door = { admit: async () => undefined, leave: async () => undefined }
  expect(await flows.retry(id, Date.now(), { door })).toEqual({ status: 'retried' })
  expect(await delivered()).toEqual([1])
  expect(await head()).toMatchObject({ run: 2, notifiedRun: 1, finished: undefined })
  await store.markNotified(id, 1)
  await flows.cancel(id, Date.now())
  expect(await delivered()).toEqual([2, 1])
  // A process that was frozen since the end of the first run.
  await store.markNotified(id, 1)
  expect((await head()).notifiedRun).toBe(2)
})

test('no delivery is owed for an event without a subscription', async () => {
  const { store, outbox, id, head, delivered } = await world()
  await store.finish(await head(), 'succeeded', undefined, Date.now())
  await settleFlowWebhook({ store, outbox }, id)
  expect(await delivered()).toEqual([])
  expect((await head()).notifiedRun).toBe(1)
})

test('a flow that owes a delivery is not removed before it is stored, however old the flow is', async () => {
  const { redis, keys, store, id, coordinate, dieAfterEnd } = await world()
  await dieAfterEnd()
  // A retry that died had left it on the list of the ended; and of the open list nothing is left.
  await redis.zadd(keys.endedFlows, 1, id)
  await store.openList.remove(id, 1)
  const deliveryKey = keys.job({ queue: '_webhooks', id: `whd_${id}_1` })
  coordinate(1)
  await waitFor(
    'the flow to be removed',
    () => redis.exists(keys.flow(id)),
    (there) => there === 0,
  )
  expect(await redis.exists(deliveryKey)).toBe(1)
})
