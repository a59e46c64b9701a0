import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { canOwnRedis, type OwnRedis, startOwnRedis } from '../helpers/own-redis.ts'
import { startLoad } from '../ledger/load.ts'
import { patience, startScenario } from '../ledger/scenario.ts'

const outages = {
  async 'shut down and restarted'(redis: OwnRedis, ms: number) {
    await redis.stop()
    await sleep(ms)
    await redis.start()
  },
  async 'killed and restarted'(redis: OwnRedis, ms: number) {
    await redis.kill()
    await sleep(ms)
    await redis.start()
  },
  async frozen(redis: OwnRedis, ms: number) {
    redis.freeze()
    await sleep(ms)
    redis.thaw()
  },
}

test.skipIf(!canOwnRedis).each([
  { how: 'shut down and restarted', ms: 0, lockMs: 3000 },
  { how: 'killed and restarted', ms: 1000, lockMs: 3000 },
  { how: 'frozen', ms: 1000, lockMs: 3000 },
  { how: 'killed and restarted', ms: 2500, lockMs: 1000 },
  { how: 'frozen', ms: 2500, lockMs: 1000 },
] as const)(
  'no job is lost or ends twice when Redis is $how under load, for $ms ms with leases of $lockMs ms',
  patience,
  async ({ how, ms, lockMs }) => {
    const redis = await startOwnRedis()
    onTestFinished(() => redis.close())
    const name = `Redis ${how}, away ${ms} ms, lock ${lockMs} ms`
    const scenario = await startScenario(name, { lockMs, env: { REDIS_URL: redis.url } })
    const kinds = ['event-loop', 'thread', 'process'] as const
    const long = await Promise.all(kinds.map((on) => scenario.mustSubmit(on, { ms: ms + 700 })))
    await Promise.all(long.map((id) => scenario.started(id)))
    const stopLoad = startLoad(scenario, { clients: 8, next: (n) => ['event-loop', { ms: (n * 37) % 300 }] })
    await scenario.moreAccepted(25)
    await scenario.fault('redis_away', {}, () => outages[how](redis, ms))
    await scenario.moreAccepted(25)
    await stopLoad()

    const report = await scenario.finish()
    expect(report.problems).toEqual([])
    expect(report).toMatchObject({ lost: 0, endedTwice: 0, maxAttempts: 1, states: { succeeded: report.endedOnce } })
    // A lease is renewed after half of its time: after a shorter outage every job is still with its worker, after a longer one it may
    // be started once more. On a busy machine an outage takes longer than planned.
    const [outage] = scenario.entries('fault')
    const outageMs = (outage?.until ?? 0) - (outage?.from ?? 0)
    expect(report.maxStarts).toBeLessThanOrEqual(outageMs < lockMs / 2 ? 1 : 2)
  },
)
