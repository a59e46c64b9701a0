import { expect, test } from 'vitest'
import { JobStore, type JobToStore } from '../../../../src/queue/bullmq/add-jobs.ts'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import { recordVersion } from '../../../../src/queue/model/job-record.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'

const now = Date.now()
const job = (more: Partial<JobToStore> = {}): JobToStore => ({
  ref: newJobRef('io', now),
  type: 'echo',
  record: { v: recordVersion, tenant: 'acme', input: 1 },
  attempts: 1,
  createdAt: now,
  dueAt: undefined,
  ...more,
})

async function world() {
  const redis = await redisClient()
  const keys = new Keys(keyPrefix())
  return { redis, keys, store: new JobStore({ redis, keys, isListed: true }) }
}

test('jobs of one turn are stored by few calls, in the order in which they came', async () => {
  const { redis, keys, store } = await world()
  await store.store(job())
  const send = redis.sendCommand.bind(redis)
  let calls = 0
  redis.sendCommand = (...sent) => {
    calls += 1
    return send(...sent)
  }
  const jobs = Array.from({ length: 40 }, () => job())
  await Promise.all(jobs.map((one) => store.store(one)))
  expect(calls).toBe(3)
  const waiting = await redis.zrange(keys.bull('io', 'prioritized'), '0', '-1')
  expect(waiting.slice(1)).toEqual(jobs.map(({ ref }) => ref.id))
  expect(await redis.zcard(keys.index('io'))).toBe(41)
})

test('a job of an id that is there is not stored again, nor queued again', async () => {
  const { redis, keys, store } = await world()
  const first = job()
  await store.store(first)
  await store.store({ ...first, record: { ...first.record, input: 2 } })
  await redis.zrem(keys.bull('io', 'prioritized'), first.ref.id)
  await store.store(first)
  expect(await redis.zcard(keys.bull('io', 'prioritized'))).toBe(0)
  expect(JSON.parse((await redis.hget(keys.job(first.ref), 'data')) ?? '')).toMatchObject({ input: 1 })
})

test('a job is stored with its due time, its limits and the webhook that it owes', async () => {
  const { redis, keys, store } = await world()
  const dueAt = now + 60_000
  const webhook = { url: 'http://example.com', events: ['succeeded' as const] }
  const limited = job({ dueAt })
  Object.assign(limited.record, { startWithinMs: 1000, deadlineMs: 5000, countsFrom: dueAt, priority: 9, webhook })
  await store.store(limited)
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
  expect(await redis.hmget(keys.job(limited.ref), 'delay', 'priority', 'timestamp')).toEqual([
    '60000',
    '1',
    String(now),
  ])
})
