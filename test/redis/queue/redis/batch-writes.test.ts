import { once } from 'node:events'
import { createServer, connect as open, type Socket } from 'node:net'
import { Redis } from 'ioredis'
import { expect, inject, onTestFinished, test } from 'vitest'
import { batchWrites, type WriteWhen } from '../../../../src/queue/redis/batch-writes.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'

/** A way to the run's Redis that counts in how many pieces commands arrive. */
async function countedWay() {
  const to = new URL(inject('redisUrl'))
  const seen = { pieces: 0 }
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const redis = open(Number(to.port), to.hostname)
    for (const socket of [client, redis]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
    }
    client.on('data', () => {
      seen.pieces += 1
    })
    client.pipe(redis).pipe(client)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port')
  return { port: address.port, seen }
}

async function connected(port: number, when: WriteWhen = 'turn'): Promise<Redis> {
  const redis = new Redis(port, '127.0.0.1')
  batchWrites(redis, when)
  onTestFinished(() => redis.disconnect())
  await once(redis, 'ready')
  await redis.ping()
  return redis
}

test('the commands of one turn arrive in one piece, in their order, and so do the replies', async () => {
  const { port, seen } = await countedWay()
  const redis = await connected(port)
  const key = `${keyPrefix()}:list`
  seen.pieces = 0
  const lengths = await Promise.all(Array.from({ length: 50 }, (_, n) => redis.rpush(key, n)))
  expect(lengths).toEqual(Array.from({ length: 50 }, (_, n) => n + 1))
  expect(seen.pieces).toBe(1)
  expect(await redis.lrange(key, 0, -1)).toEqual(Array.from({ length: 50 }, (_, n) => String(n)))
})

test('a pipeline between other commands keeps its place', async () => {
  const { port } = await countedWay()
  const redis = await connected(port)
  const key = `${keyPrefix()}:list`
  const before = redis.rpush(key, 'a')
  const pipeline = redis.pipeline().rpush(key, 'b').rpush(key, 'c').exec()
  const after = redis.rpush(key, 'd')
  await Promise.all([before, pipeline, after])
  expect(await redis.lrange(key, 0, -1)).toEqual(['a', 'b', 'c', 'd'])
})

test('commands that were held back when the connection was lost are sent on the next one, or rejected', async () => {
  const { port } = await countedWay()
  const redis = await connected(port)
  const key = `${keyPrefix()}:counter`
  const held = redis.incr(key)
  redis.stream.destroy()
  await Promise.allSettled([held])
  await redis.ping()
  expect(['1', null]).toContain(await redis.get(key))
})
