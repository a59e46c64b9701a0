import { expect, onTestFinished, test } from 'vitest'
import { Keys } from '../../src/queue/redis/keys.ts'
import { canOwnRedis } from '../helpers/own-redis.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { startLoad } from '../ledger/load.ts'
import { patience, type Scenario, startScenario } from '../ledger/scenario.ts'
import { startCluster } from './cluster.ts'
import { addUser, documentedAdditions, ledgersUser, refusals } from './documented-user.ts'
import { outage, unexplained } from './outage.ts'

const kinds = ['event-loop', 'thread', 'process'] as const

/** Load on both queues, which are on different nodes. */
function loadOnBothQueues(scenario: Scenario): () => Promise<number> {
  return startLoad(scenario, {
    clients: 8,
    next: (n) => [n % 4 === 0 ? 'thread' : 'event-loop', { ms: n % 4 === 0 ? 5 : (n * 37) % 300 }],
  })
}

test.skipIf(!canOwnRedis)(
  'when the node of a queue is killed under load and its replica takes over, no replicated job is lost or ends twice',
  patience,
  async () => {
    const cluster = await startCluster(onTestFinished)
    const scenario = await startScenario('cluster, master killed', { lockMs: 3000, env: { REDIS_URL: cluster.url } })
    const key = new Keys(scenario.stack.env['KEY_PREFIX'] ?? '').bull('io', 'meta')
    const long = await Promise.all(kinds.map((on) => scenario.mustSubmit(on, { ms: 3000 })))
    await Promise.all(long.map((id) => scenario.started(id)))
    const stopLoad = loadOnBothQueues(scenario)
    await scenario.moreAccepted(25)

    const master = await cluster.masterOf(key)
    const found = await outage(scenario, () => master.redis.kill())
    const { refusedMs, refused, slowestAnswerMs } = found
    console.log(`refused for ${refusedMs} ms: ${refused} requests, the slowest answer after ${slowestAnswerMs} ms`)
    expect((await cluster.masterOf(key)).id).not.toBe(master.id)
    expect(refused).toBeGreaterThan(0)
    expect(slowestAnswerMs).toBeLessThan(5000)
    await scenario.moreAccepted(25)
    await master.redis.start()
    await scenario.moreAccepted(25)
    await stopLoad()

    const report = await scenario.finish()
    expect(unexplained(report, found)).toEqual([])
    expect(report.endedOnce).toBeGreaterThan(report.accepted / 2)
  },
)

test.skipIf(!canOwnRedis)(
  'when the slot of a queue moves to another node and back under load, no job is lost, started twice or ended twice',
  patience,
  async () => {
    const cluster = await startCluster(onTestFinished)
    // As the documented user, to check that its rights suffice.
    await addUser(cluster.clients, [...ledgersUser, ...documentedAdditions('cluster')], 'secret')
    const env = { REDIS_URL: cluster.url.replace('//', '//drover:secret@'), KEY_PREFIX: 'drover' }
    const scenario = await startScenario('cluster, slot moved', { lockMs: 3000, env })
    const key = new Keys(scenario.stack.env['KEY_PREFIX'] ?? '').bull('io', 'meta')
    const stopLoad = loadOnBothQueues(scenario)
    await scenario.moreAccepted(40)
    for (const _ of ['there', 'back']) {
      const to = await cluster.otherMaster(key)
      const started = performance.now()
      const moved = await cluster.moveSlot(key, to)
      console.log(`moved ${moved} keys in ${Math.round(performance.now() - started)} ms`)
      expect(moved).toBeGreaterThan(40)
      expect((await cluster.masterOf(key)).id).toBe(to.id)
      await scenario.moreAccepted(25)
    }
    await stopLoad()

    const report = await scenario.finish()
    expect(report.problems).toEqual([])
    expect(report).toMatchObject({ lost: 0, endedTwice: 0, maxAttempts: 1, states: { succeeded: report.endedOnce } })
    expect(report.maxStarts).toBe(1)
    expect(await refusals(cluster.clients)).toEqual([])
  },
)

test.skipIf(!canOwnRedis)(
  'a slot move that stops half-way makes the queue unavailable, but harms no job',
  patience,
  async () => {
    const cluster = await startCluster(onTestFinished)
    const scenario = await startScenario('cluster, slot half-way', { lockMs: 3000, env: { REDIS_URL: cluster.url } })
    const key = new Keys(scenario.stack.env['KEY_PREFIX'] ?? '').bull('io', 'meta')
    const stopLoad = loadOnBothQueues(scenario)
    await scenario.moreAccepted(40)
    const refused = () => scenario.entries('unanswered').length
    const halfWay = () =>
      waitFor('several requests to be refused', refused, (count) => count >= 10, { withinMs: 60_000 })
    await scenario.fault('redis_away', {}, async () => cluster.moveSlot(key, await cluster.otherMaster(key), halfWay))
    await scenario.moreAccepted(25)
    await stopLoad()

    const report = await scenario.finish()
    expect(report.problems).toEqual([])
    expect(report).toMatchObject({ lost: 0, endedTwice: 0, maxAttempts: 1, states: { succeeded: report.endedOnce } })
  },
)
