import { expect, test } from 'vitest'
import { BullQueues } from '../../../../src/queue/bullmq/bull-queues.ts'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import type { NewJob } from '../../../../src/queue/model/new-job.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'

const now = Date.now()
const job = (more: Partial<NewJob> = {}): NewJob => ({
  ref: newJobRef('io', now),
  type: 'echo',
  record: { tenant: 'acme', input: 1 },
  attempts: 1,
  createdAt: now,
  ...more,
})

async function world() {
  const redis = await redisClient()
  const keys = new Keys(keyPrefix())
  return { redis, keys, queues: new BullQueues({ redis, keys, isListed: true }) }
}

test('jobs of one turn are added by few calls, in the order in which they came', async () => {
  const { redis, keys, queues } = await world()
  await queues.add(job())
  const send = redis.sendCommand.bind(redis)
  let calls = 0
  redis.sendCommand = (...sent) => {
    calls += 1
    return send(...sent)
  }
  const jobs = Array.from({ length: 40 }, () => job())
  const more = Array.from({ length: 40 }, () => job())
  await Promise.all([...jobs.map((one) => queues.add(one)), queues.addBulk('io', more)])
  expect(calls).toBe(5)
  const waiting = await redis.zrange(keys.bull('io', 'prioritized'), '0', '-1')
  expect(waiting.slice(1)).toEqual([...jobs, ...more].map(({ ref }) => ref.id))
  expect(await redis.zcard(keys.index('io'))).toBe(81)
})

test('a job of an id that is there is not added again, nor queued again', async () => {
  const { redis, keys, queues } = await world()
  const first = job()
  await queues.add(first)
  await queues.add({ ...first, record: { ...first.record, input: 2 } })
  await redis.zrem(keys.bull('io', 'prioritized'), first.ref.id)
  await queues.add(first)
  expect(await redis.zcard(keys.bull('io', 'prioritized'))).toBe(0)
  expect(JSON.parse((await redis.hget(keys.job(first.ref), 'data')) ?? '')).toMatchObject({ input: 1 })
})

test('a job is stored with its due time, its limits and the webhook that it owes', async () => {
  const { redis, keys, queues } = await world()
  const dueAt = now + 60_000
  const webhook = { url: 'http://example.com', events: ['succeeded' as const] }
  const limited = job({ runAt: dueAt, replyChannel: 'a channel' })
  Object.assign(limited.record, { startWithinMs: 1000, deadlineMs: 5000, countsFrom: dueAt, priority: 9, webhook })
  await queues.add(limited)
  const { id } = limited.ref
  // BullMQ's score: the due time in ms, shifted left by 12 bits.
  expect(Number(await redis.zscore(keys.bull('io', 'delayed'), id)) / 4096).toBe(dueAt)
  expect(await redis.zcard(keys.bull('io', 'prioritized'))).toBe(0)
  expect(await redis.zrange(keys.timeLimits('io'), '0', '-1', 'WITHSCORES')).toEqual([
    `s:${id}`,
    String(dueAt + 1000),
    `d:${id}`,
    String(dueAt + 5000),
  ])
  expect(await redis.zscore(keys.webhookDebts('io'), id)).toBe(String(dueAt))
  expect(await redis.hmget(keys.job(limited.ref), 'delay', 'priority', 'timestamp', 'waiter')).toEqual([
    '60000',
    '1',
    String(now),
    'a channel',
  ])
  const stored = JSON.parse((await redis.hget(keys.job(limited.ref), 'opts')) ?? '')
  expect(stored).toEqual({ backoff: { type: 'drover' }, delay: 60_000 })
})

test('a blocked job is in no set from which workers take jobs, and its limits do not count yet', async () => {
  const { redis, keys, queues } = await world()
  const blocked = job({ flow: { id: 'f1', run: 1, isBlocked: true } })
  Object.assign(blocked.record, { deadlineMs: 5000, countsFrom: now })
  await queues.addBulk('io', [blocked])
  expect(await redis.zrange(keys.bull('io', 'waiting-children'), '0', '-1')).toEqual([blocked.ref.id])
  expect(await redis.hmget(keys.job(blocked.ref), 'blocked', 'flow')).toEqual(['1', 'f1'])
  const sets = ['prioritized', 'wait', 'delayed', 'marker'].map((set) => keys.bull('io', set))
  expect(await redis.exists(...sets, keys.timeLimits('io'))).toBe(0)
  expect(await redis.zcard(keys.index('io'))).toBe(1)
})
