import { expect, test } from 'vitest'
import { patience, startScenario } from '../ledger/scenario.ts'

test.each(['event-loop', 'thread', 'process'] as const)(
  'a worker that is killed while it runs jobs loses none of them: %s',
  patience,
  async (on) => {
    const scenario = await startScenario(`worker killed, ${on}`)
    const how = on === 'event-loop' ? 'wait' : 'compute'
    const ids = await Promise.all(Array.from({ length: 4 }, () => scenario.mustSubmit(on, { ms: 1500, how })))
    const starts = await Promise.all(ids.map((id) => scenario.started(id)))
    const [first] = starts
    const victim = scenario.workers.find(({ pid }) => pid === first?.worker)
    if (!victim) throw new Error('one of the two runs it')
    await scenario.kill('worker_killed', victim)

    const report = await scenario.finish()
    expect(report.problems).toEqual([])
    expect(report).toMatchObject({ accepted: 4, endedOnce: 4, states: { succeeded: 4 }, maxAttempts: 1 })
    expect(report.runTwice).toBe(starts.filter(({ worker }) => worker === victim.pid).length)
    // Handlers of a killed worker end with it, those in their own process at most half a second later.
    const killedAt = scenario.entries('fault')[0]?.until ?? 0
    const late = scenario.entries('end').filter(({ worker, at }) => worker === victim.pid && at > killedAt + 1000)
    expect(late).toEqual([])
  },
)
