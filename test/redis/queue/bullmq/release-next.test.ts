import { expect, test } from 'vitest'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import { redisClient } from '../../../helpers/redis-client.ts'
import { idsOf, ownQueue } from './own-queue.ts'

const flow = 'flow_01jd0000000000000000000000'

/** A queue with the first two steps of a chain, of which the second is blocked. */
async function twoSteps() {
  const queue = await ownQueue()
  const { queues, keys, redis } = queue
  const createdAt = Date.now() - 1000
  const [first, second] = [newJobRef('io', createdAt), newJobRef('io', createdAt)]
  const add = (ref: typeof first, more: { isBlocked: boolean; next?: string }, priority?: number) => {
    const record = {
      tenant: 'acme',
      ...(priority !== undefined && { priority }),
      flow: { id: flow, node: 1 },
      input: { "it's": '"' },
    }
    return queues.add({ ref, type: 'echo', record, attempts: 1, createdAt, flow: { id: flow, run: 1, ...more } })
  }
  await add(first, { isBlocked: false, next: second.id })
  await add(second, { isBlocked: true }, 7)
  const hints: string[] = []
  const subscriber = await redisClient('subscriber')
  await subscriber.subscribe(keys.flowHints)
  subscriber.on('message', (_, message) => hints.push(message))
  const heard = async () => {
    // Messages of one connection arrive in order.
    await redis.publish(keys.flowHints, 'last')
    while (hints.at(-1) !== 'last') await new Promise(setImmediate)
    return hints.slice(0, -1)
  }
  return { ...queue, first, second, heard }
}

test('the success of a step releases the next one, which the same call may fetch', async () => {
  const { fetch, succeed, redis, keys, bull, first, second, heard } = await twoSteps()
  const [job] = await fetch(4)
  expect(job?.id).toBe(first.id)
  if (!job) return
  const endedFrom = Date.now()
  const { word, next } = await succeed(job, { fetchNext: true })
  expect(word).toBe('ended')
  expect(next?.id).toBe(second.id)
  expect(next?.data).toMatchObject({
    tenant: 'acme',
    priority: 7,
    input: { "it's": '"' },
    reopenedAt: expect.any(Number),
  })
  const [blocked, releasedAt] = await redis.hmget(keys.job(second), 'blocked', 'releasedAt')
  expect(blocked).toBeNull()
  expect(Number(releasedAt)).toBeGreaterThanOrEqual(endedFrom - 50)
  expect(await redis.zcard(bull('waiting-children'))).toBe(0)
  expect(await redis.hget(keys.job(first), 'finishedOn')).toBe(releasedAt)
  expect(await heard()).toEqual([`${flow} ${first.id} released`])
})

test('a worker that asks for no other job wakes one for the step that it releases', async () => {
  const { fetch, succeed, redis, bull, second } = await twoSteps()
  const [job] = await fetch(1)
  await redis.del(bull('marker'))
  if (job) await succeed(job)
  expect(await redis.zscore(bull('marker'), '0')).toBe('0')
  expect(idsOf(await fetch(1))).toEqual([second.id])
})

test('a step is not released that was canceled, is of another run of the flow, or is not stored', async () => {
  for (const change of ['canceled', 'of another run', 'missing']) {
    const { fetch, succeed, redis, keys, bull, first, second, heard } = await twoSteps()
    if (change === 'canceled') await redis.hdel(keys.job(second), 'blocked')
    else if (change === 'of another run') await redis.hset(keys.job(second), 'flowRun', 2)
    else await redis.del(keys.job(second))
    const [job] = await fetch(1)
    if (job) expect(await succeed(job, { fetchNext: true })).toEqual({ word: 'ended', next: undefined })
    expect(await redis.zcard(bull('prioritized')), change).toBe(0)
    expect(await redis.exists(keys.job(second)), change).toBe(change === 'missing' ? 0 : 1)
    expect(await heard(), change).toEqual([`${flow} ${first.id}`])
  }
})
