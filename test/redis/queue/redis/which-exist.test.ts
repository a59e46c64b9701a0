import { expect, test } from 'vitest'
import { whichExist } from '../../../../src/queue/redis/which-exist.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'

test('of many groups of keys those are found that have a key, and none costs one command', async () => {
  const redis = await redisClient()
  const prefix = keyPrefix()
  const groups = Array.from({ length: 200 }, (_, n) => [`${prefix}:${n}:a`, `${prefix}:${n}:b`])
  const sent: string[] = []
  const sendCommand = redis.sendCommand.bind(redis)
  redis.sendCommand = (...args: Parameters<typeof sendCommand>) => {
    sent.push(args[0].name)
    return sendCommand(...args)
  }
  expect(await whichExist(redis, groups)).toEqual(groups.map(() => false))
  expect(sent).toEqual(['exists'])
  const some = [0, 7, 8, 199]
  for (const n of some) await redis.set(`${prefix}:${n}:${n % 2 === 0 ? 'a' : 'b'}`, '1')
  sent.length = 0
  expect(await whichExist(redis, groups)).toEqual(groups.map((_, n) => some.includes(n)))
  expect(sent.length).toBeLessThan(60)
  for (let n = 0; n < 200; n++) await redis.set(`${prefix}:${n}:b`, '1')
  sent.length = 0
  expect(await whichExist(redis, groups)).toEqual(groups.map(() => true))
  expect(sent.length).toBeLessThan(400)
  expect(await whichExist(redis, [])).toEqual([])
})
