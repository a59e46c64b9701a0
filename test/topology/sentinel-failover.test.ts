import { expect, test } from 'vitest'
import { canOwnRedis } from '../helpers/own-redis.ts'
import { startLoad } from '../ledger/load.ts'
import { patience, startScenario } from '../ledger/scenario.ts'
import { outage } from './outage.ts'
import { startSentinelGroup } from './sentinels.ts'

test.skipIf(!canOwnRedis)(
  'no job is lost or ends twice when the master is killed under load and the sentinels name another',
  patience,
  async () => {
    const group = await startSentinelGroup()
    const [master] = group.servers
    const scenario = await startScenario('sentinels, master killed', { lockMs: 3000, env: { REDIS_URL: group.url } })
    const kinds = ['event-loop', 'thread', 'process'] as const
    const long = await Promise.all(kinds.map((on) => scenario.mustSubmit(on, { ms: 3000 })))
    await Promise.all(long.map((id) => scenario.started(id)))
    const stopLoad = startLoad(scenario, { clients: 8, next: (n) => ['event-loop', { ms: (n * 37) % 300 }] })
    await scenario.moreAccepted(50)

    const { refusedMs, refused, slowestAnswerMs } = await outage(scenario, () => master.kill())
    console.log(`refused for ${refusedMs} ms: ${refused} requests, the slowest answer after ${slowestAnswerMs} ms`)
    expect(await group.masterPort()).not.toBe(master.port)
    expect(refused).toBeGreaterThan(0)
    expect(slowestAnswerMs).toBeLessThan(1500)
    await scenario.moreAccepted(25)
    // Back as a replica: nobody may take it for the master that it was.
    await master.start()
    await scenario.moreAccepted(25)
    await stopLoad()

    const report = await scenario.finish()
    expect(report.problems).toEqual([])
    expect(report).toMatchObject({ lost: 0, endedTwice: 0, mostAttempts: 1, states: { succeeded: report.endedOnce } })
    expect(await group.masterPort()).not.toBe(master.port)
  },
)
