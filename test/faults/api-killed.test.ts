import { expect, test } from 'vitest'
import { startLoad } from '../ledger/load.ts'
import { patience, startScenario } from '../ledger/scenario.ts'

test(
  'every job that was answered with 202 exists after the API was killed under load, three times',
  patience,
  async () => {
    const scenario = await startScenario('API killed under load', { workers: 1 })
    let { api } = scenario.stack
    const stopLoad = startLoad(scenario, { clients: 12, next: (n) => ['event-loop', { ms: n % 100 }] })
    for (let round = 0; round < 3; round++) {
      await scenario.moreAccepted(50)
      await scenario.kill('api_killed', api)
      api = await scenario.stack.addApi()
      scenario.apiUrl = api.url
    }
    await scenario.moreAccepted(50)
    await stopLoad()

    const report = await scenario.finish()
    expect(report.problems).toEqual([])
    expect(report).toMatchObject({ lost: 0, endedTwice: 0, runTwice: 0, maxAttempts: 1 })
    expect(report.accepted).toBeGreaterThanOrEqual(200)
    expect(report.unanswered).toBeGreaterThan(0)
    expect(report.states).toEqual({ succeeded: report.endedOnce })
  },
)
