import { expect, test } from 'vitest'
import { FlowCache } from '../../../../src/queue/flows/flow-cache.ts'
import { FlowStore } from '../../../../src/queue/flows/flow-store.ts'
import type { FlowNode } from '../../../../src/queue/flows/model/document.ts'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'

/** A stored flow of one job, created at `createdAt`. */
async function world(createdAt: number) {
  const redis = await redisClient()
  const store = new FlowStore({ redis, keys: new Keys(keyPrefix()) })
  const { id } = newJobRef('flow', Date.now())
  const tree: FlowNode = { job: { type: 'echo', queue: 'io', attempts: 1, record: { tenant: '-', input: 1 } } }
  const options = { tenant: '-', tags: [], metadata: {}, webhook: undefined, deadlineMs: undefined }
  await store.create({ ...options, id, tree, createdAt, expansions: [], nodes: 1, jobs: 1, ready: 1 })
  return { store, id, cache: new FlowCache(store) }
}

test('a cached flow is used while it is up to date, and read again after a stop and after its end', async () => {
  const { store, id, cache } = await world(Date.now())
  const first = await cache.get(id)
  expect(first?.loaded.flow).toMatchObject({ id, run: 1, stop: undefined })
  await store.markStored(id)
  expect(await cache.getCurrent(id)).toBe(first)
  expect(first?.loaded.flow.isStored).toBe(true)
  await store.stop(id, 'canceled', 5)
  expect(await cache.get(id)).toBe(first)
  const stopped = await cache.getCurrent(id)
  expect(stopped?.loaded.flow.stop).toEqual({ why: 'canceled', at: 5 })
  await store.finish({ id, run: 1 }, 'succeeded', undefined, 7)
  expect((await cache.getCurrent(id))?.loaded.flow.finished).toMatchObject({ state: 'canceled', at: 7 })
})

test('a flow that is read again keeps its place in the check of its jobs', async () => {
  const { id, cache } = await world(Date.now() - 60_000)
  const flow = await cache.get(id)
  // An old flow is due at once: hints may have been missed before it was read.
  expect(flow).toMatchObject({ checkedAt: Number.NEGATIVE_INFINITY, cursor: 0 })
  if (flow) flow.cursor = 5
  expect(await cache.read(id)).toMatchObject({ checkedAt: Number.NEGATIVE_INFINITY, cursor: 5 })
  cache.delete(id)
  expect(cache.peek(id)).toBeUndefined()
  expect((await cache.get(id))?.cursor).toBe(0)
})

test('a new flow is not due for a check, unless hints were missed; a flow that does not exist is not cached', async () => {
  const { id, cache } = await world(Date.now())
  const flow = await cache.get(id)
  expect(flow?.checkedAt).toBeGreaterThan(0)
  cache.expireChecks()
  expect(flow?.checkedAt).toBe(Number.NEGATIVE_INFINITY)
  expect(await cache.get('flow_missing')).toBeUndefined()
  expect(cache.peek('flow_missing')).toBeUndefined()
})
