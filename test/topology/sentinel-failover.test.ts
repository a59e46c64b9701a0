import { expect, onTestFinished, test } from 'vitest'
import { canOwnRedis } from '../helpers/own-redis.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { startLoad } from '../ledger/load.ts'
import { patience, startScenario } from '../ledger/scenario.ts'
import { addUser, documentedAdditions, ledgersUser, refusals } from './documented-user.ts'
import { outage, unexplained } from './outage.ts'
import { startSentinelGroup } from './sentinels.ts'

test.skipIf(!canOwnRedis)(
  'when the master is killed under load and the sentinels elect another, no replicated job is lost or ends twice',
  patience,
  async () => {
    const group = await startSentinelGroup(onTestFinished)
    const [master] = group.servers
    // As the documented user, to check that its rights suffice.
    await addUser(group.clients, ledgersUser, 'secret')
    await addUser(group.sentinels, documentedAdditions('sentinels'), 'other')
    const login = '?sentinel_username=drover&sentinel_password=other'
    const env = { REDIS_URL: group.url.replace('//', '//drover:secret@') + login, KEY_PREFIX: 'drover' }
    const scenario = await startScenario('sentinels, master killed', { lockMs: 3000, env })
    const kinds = ['event-loop', 'thread', 'process'] as const
    const long = await Promise.all(kinds.map((on) => scenario.mustSubmit(on, { ms: 3000 })))
    await Promise.all(long.map((id) => scenario.started(id)))
    const stopLoad = startLoad(scenario, { clients: 8, next: (n) => ['event-loop', { ms: (n * 37) % 300 }] })
    await scenario.moreAccepted(25)

    const found = await outage(scenario, () => master.kill())
    const { refusedMs, refused, slowestAnswerMs } = found
    console.log(`refused for ${refusedMs} ms: ${refused} requests, the slowest answer after ${slowestAnswerMs} ms`)
    expect(await group.masterPort()).not.toBe(master.port)
    expect(refused).toBeGreaterThan(0)
    expect(slowestAnswerMs).toBeLessThan(5000)
    await scenario.moreAccepted(25)
    // It returns as a replica: no client may use it as the master.
    await master.start()
    await addUser(group.clients, ledgersUser, 'secret')
    await scenario.moreAccepted(25)
    await stopLoad()

    const report = await scenario.finish()
    expect(unexplained(report, found)).toEqual([])
    expect(report.endedOnce).toBeGreaterThan(report.accepted / 2)
    expect(await group.masterPort()).not.toBe(master.port)
    expect(await refusals([...group.clients, ...group.sentinels])).toEqual([])
  },
)

test.skipIf(!canOwnRedis)(
  'clients leave a hanging master for the one that the sentinels elect, and ignore its late answers',
  patience,
  async () => {
    const group = await startSentinelGroup(onTestFinished)
    const [master] = group.servers
    const scenario = await startScenario('sentinels, master frozen', { lockMs: 3000, env: { REDIS_URL: group.url } })
    const stopLoad = startLoad(scenario, { clients: 8, next: (n) => ['event-loop', { ms: (n * 37) % 300 }] })
    await scenario.moreAccepted(25)

    const found = await outage(scenario, async () => {
      master.freeze()
      await waitFor(
        'another master',
        () => group.masterPort(),
        (port) => port !== master.port,
        { withinMs: 60_000 },
      )
    })
    const id = await scenario.mustSubmit('event-loop', {})
    const waited = performance.now()
    // Workers wait longer for an answer than the API: until the old master has been silent for too long.
    expect(await scenario.read(id, 30)).toMatchObject({ body: { state: 'succeeded' } })
    const silentMs = Math.round(performance.now() - waited)
    console.log(`refused for ${found.refusedMs} ms; workers came ${silentMs} ms later`)
    scenario.recordFault({ what: 'redis_away', from: Date.now() - silentMs, until: Date.now() })
    master.thaw()
    await scenario.moreAccepted(25)
    await stopLoad()

    const report = await scenario.finish()
    expect(unexplained(report, found)).toEqual([])
    expect(report.endedOnce).toBeGreaterThan(report.accepted / 2)
    expect(await group.masterPort()).not.toBe(master.port)
  },
)
