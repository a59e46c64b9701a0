import { expect, test } from 'vitest'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { JobControl } from '../../../../src/queue/store/cancel-and-retry.ts'
import { JobQueue } from '../../../../src/queue/store/job-queue.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'

test('a canceled job is ended by the worker that held it then, not by one that lost it before', async () => {
  const redis = await redisClient()
  const keys = new Keys(keyPrefix())
  const queue = new JobQueue({ client: redis, keys, queues: ['io'] })
  const control = new JobControl({ redis, keys })
  const ref = newJobRef('io', Date.now())
  await queue.add({ ref, type: 'echo', record: { tenant: '-', input: 1 }, attempts: 1, createdAt: Date.now() })
  // As a worker takes it that is not the first.
  await redis.zrem(keys.bull('io', 'prioritized'), ref.id)
  await redis.lpush(keys.bull('io', 'active'), ref.id)
  await redis.set(keys.lock(ref), 'worker:0', 'PX', 60_000)
  const job = await queue.read(ref)
  if (!job) throw new Error('the job is gone')

  const runs = [
    { ref, token: 'worker:0' },
    { ref, token: 'zombie:0' },
  ]
  expect(await control.standing(runs)).toEqual(['held', 'lost'])
  expect(await control.cancel(job, 2000, Date.now())).toBe('signaled')
  expect(await control.standing(runs)).toEqual(['canceled', 'lost'])
  // Its handler ends with the first look at its signal, while the other's goes on for all of its grace.
  expect(await control.finishCanceled(ref, { token: 'zombie:0', attempt: 1 }, 'cooperatively')).toBe(false)
  expect(await queue.read(ref)).toMatchObject({ state: 'running' })
  expect(await control.finishCanceled(ref, { token: 'worker:0', attempt: 1 }, 'killed')).toBe(true)
  expect(await queue.read(ref)).toMatchObject({ state: 'canceled', failure: { stopped: 'killed' } })
})
