import { expect, test } from 'vitest'
import { redisClient } from '../helpers/redis-client.ts'
import { startLoad } from '../ledger/load.ts'
import { patience, startScenario } from '../ledger/scenario.ts'

test(
  'scripts that are flushed again and again under load fail no call, and no job starts twice',
  patience,
  async () => {
    const scenario = await startScenario('SCRIPT FLUSH', {
      lockMs: 5000,
      // Redis compiles scripts all the time, beside other tests.
      env: { REDIS_COMMAND_TIMEOUT_MS: '10000' },
    })
    const redis = await redisClient('worker')
    const stopLoad = startLoad(scenario, {
      clients: 16,
      next: (n) => [n % 10 === 0 ? 'thread' : 'event-loop', { ms: (n * 37) % 60 }],
    })
    await scenario.moreAccepted(50)
    await scenario.fault('scripts_flushed', {}, async () => {
      const over = new AbortController()
      const flushing = async () => {
        while (!over.signal.aborted) await redis.script('FLUSH')
      }
      const flushed = flushing()
      try {
        for (let n = 0; n < 4; n++) await scenario.moreAccepted(60)
      } finally {
        over.abort()
        await flushed
      }
    })
    await stopLoad()

    const report = await scenario.finish()
    expect(report.problems).toEqual([])
    expect(report).toMatchObject({ lost: 0, endedTwice: 0, unanswered: 0, maxStarts: 1, maxAttempts: 1 })
    const logs = [scenario.stack.api, ...scenario.workers].flatMap((role) => role.logs)
    expect(logs.filter((line) => JSON.stringify(line).includes('NOSCRIPT'))).toEqual([])
    // The Redis of tests has no append-only file, and each process logs that. On a busy machine an event loop stands still, too.
    const faults = logs.filter(
      ({ level, code, blocked_ms: blockedMs }) =>
        Number(level) >= 40 && code !== 'redis_not_durable' && blockedMs === undefined,
    )
    expect(faults).toEqual([])
  },
)
