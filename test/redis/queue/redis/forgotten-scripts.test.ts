import { setImmediate as nextTurn } from 'node:timers/promises'
import { pino } from 'pino'
import { expect, inject, onTestFinished, test } from 'vitest'
import { connectRedis } from '../../../../src/queue/redis/connection.ts'
import { loadScript } from '../../../../src/queue/redis/load-script.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'

const releaseLease = loadScript('redis/release-lease')

test.each(['client', 'worker'] as const)(
  'no call of a script fails while scripts are flushed again and again: %s',
  async (role) => {
    const redis = await connectRedis({ url: inject('redisUrl'), role, name: 'test', log: pino({ level: 'silent' }) })
    onTestFinished(() => redis.disconnect())
    const key = keyPrefix()
    const calls: Promise<unknown>[] = []
    for (let round = 0; round < 300; round++) {
      // On one connection, so that some calls that are sent again meet the next flush.
      for (let n = 0; n < 5; n++) calls.push(releaseLease(redis, [key], ['nobody']), redis.script('FLUSH'))
      if (round % 3 === 0) await nextTurn()
    }
    const answers = await Promise.allSettled(calls)
    expect(answers.filter(({ status }) => status === 'rejected')).toEqual([])
  },
)
