import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { Keys } from '../../src/queue/keys.ts'
import { startScenario } from '../ledger/scenario.ts'

test.each([
  { on: 'event-loop', deaf: false, workers: 2 },
  { on: 'event-loop', deaf: true, workers: 1 },
  { on: 'thread', deaf: true, workers: 1 },
  { on: 'process', deaf: true, workers: 1 },
] as const)(
  'a job whose lock is deleted while it runs is run once more and ends once: $on, deaf: $deaf, workers: $workers',
  async ({ on, deaf, workers }) => {
    const scenario = await startScenario(`lock deleted, ${on}, deaf ${deaf}, workers ${workers}`, { workers })
    const redis = new Redis(scenario.stack.env['REDIS_URL'] ?? '')
    onTestFinished(() => redis.disconnect())
    const id = await scenario.mustSubmit(on, { ms: 1500, deaf })
    await scenario.started(id)
    const queue = on === 'event-loop' ? 'io' : 'cpu'
    const lock = new Keys(scenario.stack.env['KEY_PREFIX'] ?? '').lock({ queue, id })
    expect(await scenario.fault('lock_deleted', { id }, () => redis.del(lock))).toBe(1)

    const report = await scenario.finish()
    expect(report.problems).toEqual([])
    expect(report).toMatchObject({ endedOnce: 1, states: { succeeded: 1 }, mostStarts: 2, mostAttempts: 1 })
  },
)

test('a job that blocks the event loop for longer than the lock ends once, and takes no neighbour with it', async () => {
  const blockedMs = 2000
  const scenario = await startScenario('event loop blocked')
  const work = Array.from({ length: 6 }, () => scenario.mustSubmit('event-loop', { ms: 600 }))
  const neighbours = await Promise.all(work)
  await Promise.all(neighbours.map((id) => scenario.started(id)))
  const blocker = await scenario.mustSubmit('event-loop', { ms: blockedMs, how: 'compute' })
  await scenario.read(blocker, 20)
  for (const { worker, at } of scenario.entries('start', blocker)) {
    scenario.recordFault({ what: 'worker_frozen', worker, from: at, until: at + blockedMs })
  }

  const report = await scenario.finish()
  expect(report.problems).toEqual([])
  expect(report).toMatchObject({ endedOnce: 7, mostAttempts: 1 })
  expect(report.states['succeeded']).toBeGreaterThanOrEqual(6)
  expect(report.mostStarts).toBeLessThanOrEqual(5)
  for (const id of neighbours) expect(await scenario.read(id)).toMatchObject({ body: { state: 'succeeded' } })
})
