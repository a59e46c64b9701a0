import { expect, test } from 'vitest'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { readStats } from '../../../../src/queue/stats/read-stats.ts'
import { StatsCache } from '../../../../src/queue/stats/stats-cache.ts'
import { StatsRecorder } from '../../../../src/queue/stats/stats-recorder.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'

const log = { debug: () => undefined }

async function world() {
  const redis = await redisClient()
  const keys = new Keys(keyPrefix())
  const recorder = () =>
    new StatsRecorder({ redis, keys, queueOf: (type) => (type.startsWith('type') ? 'io' : undefined), log })
  const cache = new StatsCache({ redis, keys })
  const read = async (only: { type?: string } = {}) => {
    const to = Date.now() + 60_000
    return readStats(cache, { from: Math.floor(to / 60_000) * 60_000 - 600_000, to, stepMs: 60_000, ...only })
  }
  return { redis, keys, recorder, read }
}

test('counts of several processes are added up by type, and a type that a process does not know is "other"', async () => {
  const { recorder, read } = await world()
  const [one, two] = [recorder(), recorder()]
  for (const each of [one, two]) {
    each.ended('type-a', 'succeeded')
    each.started('type-a', 100)
    each.ended('type-b', 'failed')
  }
  two.ended('strange', 'canceled')
  await Promise.all([one.stop(), two.stop()])
  const { points, queues, types } = await read()
  expect(queues).toMatchObject([
    { queue: 'io', succeeded: 2, failed: 2, started: 2 },
    { queue: 'other', canceled: 1 },
  ])
  expect(types.map(({ type }) => type).toSorted()).toEqual(['other', 'type-a', 'type-b'])
  expect(points.reduce((sum, { succeeded }) => sum + succeeded, 0)).toBe(2)
  const only = await read({ type: 'type-a' })
  expect(only.types).toMatchObject([{ type: 'type-a', succeeded: 2, waitP50Ms: expect.closeTo(100, -1.5) }])
})

test('a minute has a limit of fields: types beyond it are counted together', async () => {
  const { redis, keys, recorder, read } = await world()
  const many = recorder()
  for (let n = 0; n < 1500; n++) many.ended(`type-${n}`, 'succeeded')
  await many.stop()
  const { types, queues } = await read()
  expect(queues).toMatchObject([{ queue: 'io', succeeded: 1500 }])
  expect(types.find(({ type }) => type === 'other')).toMatchObject({ succeeded: 500 })
  const [minute = ''] = await redis.keys(`${keys.statsOf(0).slice(0, -1)}*`)
  expect(await redis.hlen(minute)).toBe(1001)
  expect(await redis.pttl(minute)).toBeGreaterThan(86_400_000)
})

test('nothing is written where nothing was counted', async () => {
  const { redis, keys, recorder } = await world()
  await recorder().stop()
  expect(await redis.keys(`${keys.statsOf(0).slice(0, -1)}*`)).toEqual([])
})

test('a day is read once: what is over comes from memory, and what was added late to the last hour is seen', async () => {
  const { redis, keys } = await world()
  const cache = new StatsCache({ redis, keys })
  const to = Math.floor(Date.now() / 60_000) * 60_000
  const range = { from: to - 86_400_000, to, stepMs: 3_600_000 }
  const [old, late] = [to / 60_000 - 1000, to / 60_000 - 30]
  await redis.hset(keys.statsOf(old), { 'io type-a s': '3', 'io type-a w4': '3', 'io type-b f': '1', 'not ours': '1' })
  await redis.hset(keys.statsOf(late), { 'io type-a s': '2' })
  const succeeded = async () => {
    const { points, queues, types } = await readStats(cache, range)
    expect(points).toHaveLength(24)
    expect(points.reduce((sum, point) => sum + point.succeeded, 0)).toBe(queues[0]?.succeeded)
    expect(types.map(({ type }) => type)).toEqual(['type-a', 'type-b'])
    return queues[0]?.succeeded
  }
  expect(await succeeded()).toBe(5)
  await redis.hset(keys.statsOf(old), 'io type-a s', '300')
  const calls = async () => Number(/cmdstat_hgetall:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0)
  const before = await calls()
  expect(await succeeded()).toBe(5)
  expect((await calls()) - before).toBeLessThan(1440)
  // A process that could not reach Redis adds to a minute of the last hour.
  await redis.hset(keys.statsOf(late), 'io type-a s', '4')
  const [next] = await cache
    .read(late, late + 1, Date.now() + 61_000)
    .then(({ minutes }) => minutes.map(({ counts }) => [...counts]))
  expect(next).toEqual([4])
})
