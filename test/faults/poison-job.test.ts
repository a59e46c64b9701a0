import { expect, test } from 'vitest'
import { keepWorkers } from '../ledger/keep-workers.ts'
import { patience, startScenario } from '../ledger/scenario.ts'

/** Number of worker crashes after which a job is failed. */
const maxCrashes = 5

test.each([
  ['event-loop', 'kill-worker'],
  ['process', 'kill-worker'],
  ['event-loop', 'throw-outside'],
] as const)(
  'a job that crashes its worker fails after a few crashes, and the other jobs of the worker succeed: %s, %s',
  patience,
  async (on, how) => {
    const scenario = await startScenario(`poison job, ${on}, ${how}`, { env: { WORKER_QUEUES: 'io:10,cpu:3' } })
    const kept = keepWorkers(scenario)
    const work = Array.from({ length: 4 }, () => scenario.mustSubmit(on, { ms: 700 }))
    const innocents = await Promise.all(work)
    await Promise.all(innocents.map((id) => scenario.started(id)))
    const poison = await scenario.mustSubmit(on, { ms: 60_000, how })

    const report = await scenario.finish({ withinMs: 40_000 })
    await kept.stop()
    console.log(`  crashes ${kept.killed()}, error ${scenario.entries('read', poison).at(-1)?.error}`)
    expect(report.problems).toEqual([])
    for (const id of innocents) expect(await scenario.read(id)).toMatchObject({ body: { state: 'succeeded' } })
    expect(await scenario.read(poison)).toMatchObject({ body: { state: 'failed' } })
    expect(kept.killed()).toBeLessThanOrEqual(maxCrashes)
    expect(report).toMatchObject({ endedOnce: 5, states: { failed: 1, succeeded: 4 } })
  },
)
