import { expect, test } from 'vitest'
import { readJobResult } from '../../../../src/queue/flows/read-job-result.ts'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'

test('a large output that is stored beside its job is not read for an event, only its size', async () => {
  const redis = await redisClient()
  const keys = new Keys(keyPrefix())
  const ref = newJobRef('io', Date.now())
  const output = (outputBytes: number) =>
    redis.hset(keys.job(ref), { finishedOn: 1, returnvalue: '"one"', outputName: 'one', outputBytes })
  await output(20_000)
  expect(await readJobResult({ redis, keys }, ref, 'small')).toEqual({ status: 'large', bytes: 20_000 })
  // Its pieces are not there: it was looked for.
  expect(await readJobResult({ redis, keys }, ref)).toEqual({ status: 'missing' })
  await output(1000)
  expect(await readJobResult({ redis, keys }, ref, 'small')).toEqual({ status: 'missing' })
})
