import { expect, test } from 'vitest'
import { failFlow } from '../../../../src/queue/flows/finish-flow.ts'
import { FlowJobs } from '../../../../src/queue/flows/flow-jobs.ts'
import { planFlow } from '../../../../src/queue/flows/flows.ts'
import { FlowJobIds } from '../../../../src/queue/flows/model/flow-job-id.ts'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import { chain, job } from '../../../unit/queue/flows/trees.ts'
import { ownQueue } from '../bullmq/own-queue.ts'
import { ownFlows } from './own-flows.ts'

/** A flow whose first of three steps runs. */
async function running() {
  const { redis, keys, queues, fetch, succeed } = await ownQueue()
  const { flows, registry, outbox, log } = await ownFlows({ redis, keys })
  const { id } = newJobRef('flow', Date.now())
  const options = { tenant: '-', tags: [], metadata: {}, webhook: undefined, deadlineMs: undefined }
  await flows.add({ ...options, id, plan: planFlow(chain(job, job, job)), createdAt: Date.now() })
  const [first] = await fetch(1)
  if (!first) throw new Error('the first step is not ready')
  const jobs = new FlowJobs({ redis, keys, registry, bull: queues })
  return {
    redis,
    keys,
    flows,
    succeed,
    deps: { store: flows.store, jobs, outbox, log },
    id,
    first,
    ids: new FlowJobIds(id),
  }
}

test('a cancel records the end of a step that released the next one before the ends of those that it cancels', async () => {
  const { redis, keys, flows, succeed, id, first, ids } = await running()
  const { next } = await succeed(first, { fetchNext: true })
  expect(next?.id).toBe(ids.ref('io', 2).id)
  expect(await flows.cancel(id, Date.now())).toBe('stopping')
  // The second step runs until its worker has heard of the cancel.
  expect((await flows.store.ends(id, 0, 10)).ends.map(({ node, state }) => [node, state])).toEqual([
    [1, 'succeeded'],
    [3, 'canceled'],
  ])
  const startedAt = [1, 2, 3].map((n) => redis.hget(keys.job(ids.ref('io', n)), 'processedOn'))
  expect(await Promise.all(startedAt)).toEqual([expect.any(String), expect.any(String), null])
})

test('no step starts after the end of a flow that cannot be driven', async () => {
  const { redis, keys, flows, succeed, deps, id, first, ids } = await running()
  // Nobody can read its ends.
  await redis.set(keys.flowOrder(id), 'damaged')
  await failFlow(deps, id)
  expect((await flows.store.head(id))?.finished).toMatchObject({ state: 'failed' })
  expect((await succeed(first, { fetchNext: true })).next).toBeUndefined()
  const startedAt = [1, 2, 3].map((n) => redis.hget(keys.job(ids.ref('io', n)), 'processedOn'))
  expect(await Promise.all(startedAt)).toEqual([expect.any(String), null, null])
})
