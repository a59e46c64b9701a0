import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { Keys } from '../../src/queue/redis/keys.ts'
import { watchToEnd } from '../helpers/client.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { patience, type Scenario, startScenario } from '../ledger/scenario.ts'

const kinds = ['event-loop', 'thread', 'process'] as const

/** The messages of all stored progress and log events: a ledger job puts the id of its start into both. */
async function storedWords(scenario: Scenario, id: string): Promise<unknown[]> {
  const events = await watchToEnd(scenario.apiUrl, id, 0)
  return events.filter(({ event }) => event === 'progress' || event === 'log').map(({ data }) => Object(data).message)
}

test.each(kinds)(
  'the writes of a worker that was frozen for longer than its lease are refused: %s',
  patience,
  async (on) => {
    const scenario = await startScenario(`worker frozen, ${on}`)
    const id = await scenario.mustSubmit(on, { ms: 1200, deaf: true })
    const first = await scenario.started(id)
    const zombie = scenario.workers.find(({ pid }) => pid === first.worker)
    const other = scenario.workers.find(({ pid }) => pid !== first.worker)
    if (!zombie || !other) throw new Error('one of the two runs it')
    await scenario.fault('worker_frozen', { worker: zombie.pid }, async () => {
      zombie.signal('SIGSTOP')
      expect(await scenario.started(id, 2)).toMatchObject({ worker: other.pid })
      await scenario.read(id, 10)
      zombie.signal('SIGCONT')
    })
    other.signal('SIGTERM')
    expect(await other.ended).toBe(0)
    // The first start was over by the clock before its worker woke up. After another job on that worker it has written everything.
    const next = await scenario.mustSubmit(on, { ms: 300 }, { waitS: 10 })
    expect(await scenario.started(next)).toMatchObject({ worker: zombie.pid })

    const report = await scenario.finish()
    expect(report.problems).toEqual([])
    expect(report).toMatchObject({ endedOnce: 2, states: { succeeded: 2 }, maxStarts: 2, maxAttempts: 1 })
    const second = await scenario.started(id, 2)
    expect(await storedWords(scenario, id)).toEqual([second.run, second.run])
  },
)

test.each(kinds)(
  'the only worker, after it was frozen, starts its job again and ends it once: %s',
  patience,
  async (on) => {
    const scenario = await startScenario(`only worker frozen, ${on}`, { workers: 1 })
    const redis = new Redis(scenario.stack.env['REDIS_URL'] ?? '')
    onTestFinished(() => redis.disconnect())
    const id = await scenario.mustSubmit(on, { ms: 1200, deaf: true })
    const { worker: pid } = await scenario.started(id)
    const [worker] = scenario.workers
    const lock = new Keys(scenario.stack.env['KEY_PREFIX'] ?? '').lock({
      queue: on === 'event-loop' ? 'io' : 'cpu',
      id,
    })
    await scenario.fault('worker_frozen', { worker: pid }, async () => {
      worker?.signal('SIGSTOP')
      await waitFor(
        'the lease to expire',
        () => redis.exists(lock),
        (exists) => exists === 0,
      )
      worker?.signal('SIGCONT')
    })

    const report = await scenario.finish()
    expect(report.problems).toEqual([])
    expect(report).toMatchObject({ endedOnce: 1, states: { succeeded: 1 }, maxStarts: 2, maxAttempts: 1 })
  },
)
