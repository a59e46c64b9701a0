import { expect, test } from 'vitest'
import { OpenFlowList } from '../../../../src/queue/flows/open-flow-list.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'

test('a flow whose next run has ended stays listed when the retry that opened it comes late', async () => {
  const redis = await redisClient()
  const keys = new Keys(keyPrefix())
  const list = new OpenFlowList({ redis, keys })
  const ended = () => redis.zrange(keys.endedFlows, '0', '-1', 'WITHSCORES')
  await list.close('flow', 1, 1000)
  await list.add('flow', 2, 2000)
  await list.reopen('flow', 2000)
  expect(await ended()).toEqual([])
  await list.close('flow', 2, 3000)
  // Another process opened the run, and was slow.
  await list.reopen('flow', 2000)
  expect(await ended()).toEqual(['flow', '3000'])
  expect(await list.read(0, 10)).toEqual([])
})
