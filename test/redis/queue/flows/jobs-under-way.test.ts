import { expect, test } from 'vitest'
import { readUnderWay, readUnderWayOf } from '../../../../src/queue/flows/jobs-under-way.ts'
import { FlowJobIds } from '../../../../src/queue/flows/model/flow-job-id.ts'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import { ownQueue } from '../bullmq/own-queue.ts'

test.each([0, 1500])(
  'beside %i other running jobs a flow knows which of its own run and which are scheduled',
  async (others) => {
    const { queues, fetch, redis, keys, bull } = await ownQueue()
    const now = Date.now()
    const flow = { id: newJobRef('flow', now).id, tenant: '-', queues: ['io'] }
    const ids = new FlowJobIds(flow.id)
    const job = (node: number) => ({
      ref: ids.ref('io', node),
      type: 'echo',
      record: { v: 1, tenant: '-', input: null, flow: { id: flow.id, node } } as const,
      attempts: 1,
      createdAt: now,
      flow: { id: flow.id, run: 1, isBlocked: node === 4 },
    })
    await queues.addBulk('io', [job(0), job(1)])
    const fetched = await fetch(2)
    await queues.addBulk('io', [job(2), { ...job(3), runAt: now + 60_000 }, job(4)])
    const [, left] = fetched
    // Its worker has vanished: it runs until somebody finds that.
    await redis.del(keys.lock(left?.ref ?? ids.ref('io', 1)))
    if (others > 0) await redis.lpush(bull('active'), ...Array.from({ length: others }, () => newJobRef('io', now).id))

    const underWay = { running: new Set([0, 1]), scheduled: new Set([3]), parked: new Set() }
    expect(await readUnderWay({ redis, keys }, flow)).toEqual(underWay)
    expect((await readUnderWayOf({ redis, keys }, [flow])).get(flow.id)).toEqual(underWay)
  },
)
