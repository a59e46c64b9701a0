import { expect, test } from 'vitest'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { loadScript } from '../../../../src/queue/redis/load-script.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'

const markUnknown = loadScript('bullmq/mark-unknown')

test('a job counts as unknown since the first worker that did not know it, and anew once another has run it', async () => {
  const redis = await redisClient()
  const keys = new Keys(keyPrefix())
  const ref = newJobRef('io', Date.now())
  const [job, unknown] = [keys.job(ref), keys.unknownJobs('io')]
  const unknownSince = async (now: number) => Number(await markUnknown(redis, [job, unknown], [now, ref.id, 500]))
  // As BullMQ counts starts: those of workers that do not know the job are taken back behind the mark.
  await redis.hset(job, 'ats', 1)
  expect(await unknownSince(1000)).toBe(1000)
  expect(await redis.zscore(unknown, ref.id)).toBe('500')
  expect(await unknownSince(3000)).toBe(1000)
  // Its second start was an attempt of a worker that knew it.
  await redis.hset(job, 'ats', 2)
  expect(await unknownSince(900_000)).toBe(900_000)
  expect(await unknownSince(902_000)).toBe(900_000)
  await redis.unlink(job, unknown)
  expect(await unknownSince(903_000)).toBe(903_000)
  expect(await redis.exists(job, unknown)).toBe(0)
})
