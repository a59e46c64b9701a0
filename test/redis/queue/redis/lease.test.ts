import { expect, test } from 'vitest'
import { Lease } from '../../../../src/queue/redis/lease.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'
import { waitFor } from '../../../helpers/wait-for.ts'

async function twoLeases(ms: number) {
  const redis = await redisClient()
  const options = { redis, key: `${keyPrefix()}:lease`, ms }
  return { redis, key: options.key, one: new Lease(options), other: new Lease(options) }
}

test('a holder renews its lease until it releases it', async () => {
  const { redis, key, one, other } = await twoLeases(60_000)
  expect([await one.hold(), await other.hold(), await one.hold()]).toEqual([true, false, true])
  expect(await redis.pttl(key)).toBeGreaterThan(59_000)
  await other.release()
  expect(await other.hold()).toBe(false)
  await one.release()
  expect([await other.hold(), await one.hold()]).toEqual([true, false])
})

test('a lease that is not renewed is taken by another process', async () => {
  const { one, other } = await twoLeases(50)
  expect(await one.hold()).toBe(true)
  await waitFor('the lease to expire', () => other.hold(), Boolean)
  expect(await one.hold()).toBe(false)
})
