import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { Keys } from '../../src/queue/redis/keys.ts'
import { patience, startScenario } from '../ledger/scenario.ts'

// With a hundred jobs, some are redelivered just when their first start is given up.
test.each([
  { on: 'event-loop', deaf: false, workers: 2, jobs: 10, lockMs: 1000 },
  { on: 'event-loop', deaf: true, workers: 1, jobs: 100, lockMs: 1130 },
  { on: 'thread', deaf: true, workers: 1, jobs: 2, lockMs: 1000 },
  { on: 'process', deaf: true, workers: 1, jobs: 2, lockMs: 1000 },
] as const)(
  'a job whose lease is deleted while it runs is started once more and ends once: $on, deaf $deaf, workers $workers',
  patience,
  async ({ on, deaf, workers, jobs, lockMs }) => {
    const name = `lock deleted, ${on}, deaf ${deaf}, workers ${workers}, lock ${lockMs} ms`
    const scenario = await startScenario(name, { workers, lockMs })
    const redis = new Redis(scenario.stack.env['REDIS_URL'] ?? '')
    onTestFinished(() => redis.disconnect())
    const keys = new Keys(scenario.stack.env['KEY_PREFIX'] ?? '')
    const queue = on === 'event-loop' ? 'io' : 'cpu'
    for (let n = 0; n < jobs; n++) {
      const id = await scenario.mustSubmit(on, { ms: 1500, deaf })
      await scenario.started(id)
      const deleted = await scenario.fault('lock_deleted', { id }, () => redis.del(keys.lock({ queue, id })))
      expect(deleted).toBe(1)
    }

    const report = await scenario.finish()
    expect(report.problems).toEqual([])
    expect(report).toMatchObject({ endedOnce: jobs, states: { succeeded: jobs }, maxStarts: 2, maxAttempts: 1 })
  },
)

test(
  'a job that blocks the event loop for longer than the lease ends once, and the other jobs of its worker succeed',
  patience,
  async () => {
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
    expect(report).toMatchObject({ endedOnce: 7, maxAttempts: 1 })
    expect(report.states['succeeded']).toBeGreaterThanOrEqual(6)
    expect(report.maxStarts).toBeLessThanOrEqual(5)
    for (const id of neighbours) expect(await scenario.read(id)).toMatchObject({ body: { state: 'succeeded' } })
  },
)
