import { Redis } from 'ioredis'
import { pino } from 'pino'
import { inject, onTestFinished } from 'vitest'
import { type ConnectionRole, connectRedis } from '../../src/queue/redis/connection.ts'

/** A connection to the Redis of this run, to inspect what is stored. It is closed after its test. */
export async function redisClient(role: ConnectionRole = 'client'): Promise<Redis> {
  const redis = await connectRedis({ url: inject('redisUrl'), role, name: 'test', log: pino({ level: 'silent' }) })
  onTestFinished(() => redis.disconnect())
  if (!(redis instanceof Redis)) throw new TypeError('the Redis of a run is a single server')
  return redis
}

/** The keys that begin with `prefix`, without those that expire within half a minute by themselves. */
export async function lastingKeys(redis: Redis, prefix: string): Promise<string[]> {
  const keys = await redis.keys(`${prefix}:*`)
  const ttls = await Promise.all(keys.map((key) => redis.pttl(key)))
  // -1: for good, -2: gone by now.
  return keys.filter((_, index) => ttls[index] === -1 || (ttls[index] ?? 0) > 30_000)
}
