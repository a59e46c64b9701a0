import { expect, onTestFinished, test } from 'vitest'
import { openMarkers } from '../../../../src/queue/bullmq/marker-wait.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'
import { waitFor } from '../../../helpers/wait-for.ts'

/** Longer than a test: a wait that is over sooner got its marker. */
const longMs = 60_000

async function world() {
  const [redis, client] = [await redisClient('worker'), await redisClient()]
  let calls = 0
  const duplicate = redis.duplicate.bind(redis)
  Object.assign(redis, {
    duplicate: (...args: Parameters<typeof duplicate>) => {
      const blocking = duplicate(...args)
      const send = blocking.sendCommand.bind(blocking)
      blocking.sendCommand = (command, stream) => {
        if (command.name === 'bzpopmin') calls += 1
        return send(command, stream)
      }
      return blocking
    },
  })
  const keys = new Keys(keyPrefix())
  const workerName = keyPrefix()
  const markers = openMarkers({
    redis,
    keys,
    queues: ['a', 'b'],
    workerName,
    onError: (error) => {
      throw error
    },
  })
  if (!markers) throw new Error('a cluster')
  onTestFinished(() => markers.close())
  const key = (queue: string) => keys.bull(queue, 'marker')
  /** The blocking connections of this worker. */
  const blocking = async () => {
    const lines = String(await client.client('LIST')).split('\n')
    return lines.filter((line) => line.includes(`:w:${workerName}`) && line.includes('cmd=bzpopmin'))
  }
  /** Until a call of the connection is blocked; it has ended `calls` before. */
  const blocked = () =>
    waitFor('a blocking call', blocking, (lines) => lines.length === 1 && / flags=\w*b/.test(lines[0] ?? ''))
  const wake = (queue: string, score = 0) => client.zadd(key(queue), score, score === 0 ? '0' : '1')
  return { client, keys, markers, key, blocking, blocked, wake, calls: () => calls }
}

test('queues wait by one connection, each for its own marker, also one that begins to wait later', async () => {
  const { markers, key, blocking, blocked, wake } = await world()
  const a = markers.wait(key('a'), longMs)
  await blocked()
  // The call under way does not have it.
  const b = markers.wait(key('b'), longMs)
  await wake('b', 1_900_000_000_000)
  expect(await b).toEqual({ member: '1', score: 1_900_000_000_000 })
  await blocked()
  await wake('a')
  expect(await a).toEqual({ member: '0', score: 0 })
  const again = ['a', 'b'].map((queue) => markers.wait(key(queue), longMs))
  await Promise.all([wake('a'), wake('b')])
  expect(await Promise.all(again)).toHaveLength(2)
  expect((await blocking()).length).toBeLessThanOrEqual(1)
})

test('a wait ends by its own time, and a marker that comes then is left to other workers', async () => {
  const { client, markers, key, blocked, wake } = await world()
  const a = markers.wait(key('a'), longMs)
  const b = markers.wait(key('b'), longMs)
  await blocked()
  markers.leave(key('b'))
  expect(await b).toBeNull()
  await wake('b')
  const given = await waitFor(
    'the marker to be there',
    () => client.zrange(key('b'), 0, '-1'),
    (found) => found.length > 0,
  )
  expect(given).toEqual(['0'])
  const soon = markers.wait(key('c'), 30)
  expect(await soon).toBeNull()
  await wake('c')
  await waitFor(
    'the marker to be there',
    () => client.zcard(key('c')),
    (found) => found === 1,
  )
  await wake('a')
  expect(await a).toEqual({ member: '0', score: 0 })
})

test('closing ends all waits and the connection', async () => {
  const { client, keys, markers, key, blocking, blocked } = await world()
  const waits = ['a', 'b'].map((queue) => markers.wait(key(queue), longMs))
  await blocked()
  markers.close()
  markers.close()
  expect(await Promise.all(waits)).toEqual([null, null])
  expect([await markers.wait(key('a'), longMs), markers.isClosed]).toEqual([null, true])
  await waitFor('the connection to go', blocking, (lines) => lines.length === 0)
  expect(await client.keys(keys.wake('*'))).toEqual([])
})

test('a call that a lost connection has taken along is made again', async () => {
  const { client, markers, key, blocking, blocked, wake } = await world()
  const a = markers.wait(key('a'), longMs)
  await blocked()
  const [line = ''] = await blocking()
  await client.client('KILL', 'ID', /^id=(\d+)/.exec(line)?.[1] ?? '')
  await blocked()
  await wake('a')
  expect(await a).toEqual({ member: '0', score: 0 })
})

test('markers that come to many queues at one moment take a few calls', async () => {
  const { client, markers, key, blocked, calls } = await world()
  const queues = Array.from({ length: 50 }, (_, n) => `many-${n}`)
  const waits = queues.map((queue) => markers.wait(key(queue), longMs))
  await blocked()
  const before = calls()
  const all = client.multi()
  for (const queue of queues) all.zadd(key(queue), 0, '0')
  await all.exec()
  expect(await Promise.all(waits)).toEqual(queues.map(() => ({ member: '0', score: 0 })))
  expect(calls() - before).toBeLessThanOrEqual(3)
  expect(await client.exists(...queues.map(key))).toBe(0)
})
