import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { canOwnRedis, type OwnRedis, startOwnRedis } from '../helpers/own-redis.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { startLoad } from '../ledger/load.ts'
import { startScenario } from '../ledger/scenario.ts'

const outages: Record<string, (redis: OwnRedis, ms: number) => Promise<void>> = {
  async 'shut down and started again'(redis, ms) {
    await redis.stop()
    await sleep(ms)
    await redis.start()
  },
  async 'killed and started again'(redis, ms) {
    await redis.kill()
    await sleep(ms)
    await redis.start()
  },
  async frozen(redis, ms) {
    redis.freeze()
    await sleep(ms)
    redis.thaw()
  },
}

test.skipIf(!canOwnRedis).each([
  { how: 'shut down and started again', ms: 0, lockMs: 3000 },
  { how: 'killed and started again', ms: 0, lockMs: 3000 },
  { how: 'killed and started again', ms: 1000, lockMs: 3000 },
  { how: 'frozen', ms: 1000, lockMs: 3000 },
  { how: 'killed and started again', ms: 2500, lockMs: 1000 },
  { how: 'frozen', ms: 2500, lockMs: 1000 },
])(
  'no job is lost or ends twice when Redis is $how under load, away for $ms ms at a lock of $lockMs ms',
  async (row) => {
    const { how, ms, lockMs } = row
    const redis = await startOwnRedis()
    onTestFinished(() => redis.close())
    const name = `Redis ${how}, away ${ms} ms, lock ${lockMs} ms`
    const scenario = await startScenario(name, { lockMs, env: { REDIS_URL: redis.url } })
    const work = (['event-loop', 'thread', 'process'] as const).map((on) => scenario.mustSubmit(on, { ms: ms + 1500 }))
    const long = await Promise.all(work)
    await Promise.all(long.map((id) => scenario.started(id)))
    const stopLoad = startLoad(scenario, { clients: 8, next: (n) => ['event-loop', { ms: (n * 37) % 300 }] })
    const acceptMore = async (more: number): Promise<void> => {
      const before = scenario.entries('accepted').length
      await waitFor(
        `${more} more jobs to be accepted`,
        () => scenario.entries('accepted').length - before,
        (seen) => seen >= more,
      )
    }
    await acceptMore(40)
    await scenario.fault('redis_away', {}, () => outages[how]?.(redis, ms))
    await acceptMore(40)
    await stopLoad()

    const report = await scenario.finish()
    expect(report.problems).toEqual([])
    expect(report).toMatchObject({ lost: 0, endedTwice: 0, mostAttempts: 1, states: { succeeded: report.endedOnce } })
    // Away for less than the lock leaves every job with its worker.
    if (ms < lockMs) expect(report.mostStarts).toBe(1)
  },
)
