import { expect, test } from 'vitest'
import { startLoad } from '../ledger/load.ts'
import { patience, startScenario } from '../ledger/scenario.ts'

test('a rolling restart of workers under load loses no job and uses up no attempt', patience, async () => {
  const scenario = await startScenario('rolling SIGTERM', {
    env: { SHUTDOWN_GRACE_MS: '300', REDIS_COMMAND_TIMEOUT_MS: '10000' },
  })
  const stopLoad = startLoad(scenario, {
    clients: 10,
    next: (n) => [n % 5 === 0 ? 'thread' : 'event-loop', { ms: (n * 53) % 400 }],
  })
  for (const worker of [...scenario.workers]) {
    // Longer than the grace: these jobs must be returned.
    const kinds = ['event-loop', 'event-loop', 'thread', 'process'] as const
    const long = await Promise.all(kinds.map((on) => scenario.mustSubmit(on, { ms: 1200 })))
    await Promise.all(long.map((id) => scenario.started(id)))
    await scenario.fault('worker_stopped', { worker: worker.pid }, async () => {
      worker.signal('SIGTERM')
      expect(await worker.ended).toBe(0)
    })
    await scenario.addWorker()
  }
  await stopLoad()

  const report = await scenario.finish()
  expect(report.problems).toEqual([])
  expect(report).toMatchObject({ lost: 0, endedTwice: 0, unanswered: 0, maxAttempts: 1 })
  expect(report.states).toEqual({ succeeded: report.endedOnce })
  expect(report.runTwice).toBeGreaterThan(0)
})

test('a worker that stops without a grace also returns the jobs that it was fetching', patience, async () => {
  const scenario = await startScenario('SIGTERM without a grace', {
    workers: 1,
    env: { SHUTDOWN_GRACE_MS: '0', WORKER_QUEUES: 'io:1000' },
  })
  let [worker] = scenario.workers
  for (let round = 0; round < 4; round++) {
    const stopLoad = startLoad(scenario, { clients: 16, next: () => ['event-loop', { ms: 1000 }] })
    await scenario.moreAccepted(50)
    await scenario.fault('worker_stopped', { worker: worker?.pid ?? 0 }, async () => {
      worker?.signal('SIGTERM')
      expect(await worker?.ended).toBe(0)
    })
    worker = await scenario.addWorker()
    await stopLoad()
  }

  const report = await scenario.finish()
  expect(report.problems).toEqual([])
  expect(report).toMatchObject({ lost: 0, endedTwice: 0, maxAttempts: 1 })
  expect(report.states).toEqual({ succeeded: report.endedOnce })
})
