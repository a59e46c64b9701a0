import { expect, test } from 'vitest'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { readStats } from '../../../../src/queue/stats/read-stats.ts'
import { StatsRecorder } from '../../../../src/queue/stats/stats-recorder.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'

const log = { debug: () => undefined }

async function world() {
  const redis = await redisClient()
  const keys = new Keys(keyPrefix())
  const recorder = () =>
    new StatsRecorder({ redis, keys, queueOf: (type) => (type.startsWith('type') ? 'io' : undefined), log })
  const read = async (only: { type?: string } = {}) => {
    const to = Date.now() + 60_000
    return readStats({ redis, keys }, { from: Math.floor(to / 60_000) * 60_000 - 600_000, to, stepMs: 60_000, ...only })
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
