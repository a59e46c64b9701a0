import { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { canOwnRedis, startOwnRedis } from '../../helpers/own-redis.ts'
import { waitFor } from '../../helpers/wait-for.ts'

describe.skipIf(!canOwnRedis)('a dedicated Redis', () => {
  test('keeps acknowledged writes through a shutdown and a crash', async () => {
    const own = await startOwnRedis()
    const redis = new Redis(own.url, { maxRetriesPerRequest: null })
    redis.on('error', () => {})
    try {
      await redis.set('key', 'before the shutdown')
      await own.stop()
      await own.start()
      expect(await redis.get('key')).toBe('before the shutdown')

      await redis.set('key', 'before the crash')
      await own.kill()
      await own.start()
      expect(await redis.get('key')).toBe('before the crash')
    } finally {
      redis.disconnect()
      await own.close()
    }
  })

  test('does not answer while it is frozen', async () => {
    const own = await startOwnRedis()
    const redis = new Redis(own.url)
    try {
      await redis.ping()
      own.freeze()
      let answered = false
      const answer = redis.ping().finally(() => {
        answered = true
      })
      await expect(waitFor('an answer', () => answered, Boolean, { withinMs: 200 })).rejects.toThrow('last seen: false')
      own.thaw()
      expect(await answer).toBe('PONG')
    } finally {
      redis.disconnect()
      await own.close()
    }
  })
})
