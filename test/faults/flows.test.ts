import { expect, onTestFinished, test } from 'vitest'
import { read } from '../helpers/client.ts'
import { echo, jobIds, readFlow, results, sleep, submitFlow } from '../helpers/flows.ts'
import { canOwnRedis, startOwnRedis } from '../helpers/own-redis.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

const patience = { timeout: 120_000 }
const leads = ({ logs }: { logs: Record<string, unknown>[] }) =>
  logs.some(({ msg }) => msg === 'became flow coordinator')

test('when an API crashes between storing a flow and its jobs, another process stores the jobs', patience, async () => {
  const { api, addApi, addWorker, env } = await startStack({ workers: 0 })
  const redis = await redisClient()
  const open = `${env['KEY_PREFIX']}:{flows}:open`
  const members = 3000
  const lost = submitFlow(api.url, {
    chain: [{ gather: Array.from({ length: members }, (_, n) => echo(n)) }, echo({ $output: '/7' })],
  }).catch(() => 'unanswered')
  const [entry = ''] = await waitFor(
    'some of its jobs',
    async () => ((await redis.zcard(`${env['KEY_PREFIX']}:{io}:index`)) > 0 ? redis.zrange(open, 0, '0') : []),
    (entries) => entries.length > 0,
    { everyMs: 1 },
  )
  api.signal('SIGKILL')
  expect(await lost).toBe('unanswered')
  const stored = await redis.zcard(`${env['KEY_PREFIX']}:{io}:index`)
  expect(stored).toBeGreaterThan(0)
  expect(stored).toBeLessThan(members + 1)

  await addWorker()
  const other = await addApi()
  const [id = ''] = entry.split(' ')
  const ended = await readFlow(other.url, id, 60)
  expect(ended.body).toMatchObject({ state: 'succeeded', counts: { succeeded: members + 1 } })
  const ids = jobIds(ended.body.tree)
  expect(new Set(ids).size).toBe(members + 1)
  expect((await read(other.url, ids.at(-1) ?? '')).body).toMatchObject({ output: 7, run: 1, attempt: 1 })
})

test('a repeated submission whose first request got no answer is the same flow', patience, async () => {
  const { api, addApi, addWorker, env } = await startStack({ workers: 0, env: { REDIS_COMMAND_TIMEOUT_MS: '10000' } })
  const flow = { gather: Array.from({ length: 2000 }, (_, n) => echo(n)) }
  const lost = submitFlow(api.url, flow, { key: 'again' }).catch(() => 'unanswered')
  const redis = await redisClient()
  await waitFor(
    'some of its jobs',
    () => redis.zcard(`${env['KEY_PREFIX']}:{io}:index`),
    (jobs) => jobs > 0,
    { everyMs: 1 },
  )
  api.signal('SIGKILL')
  expect(await lost).toBe('unanswered')
  const other = await addApi()
  await addWorker()
  const [first, second] = await Promise.all([1, 2].map(() => submitFlow(other.url, flow, { key: 'again' })))
  expect(first?.status).toBe(202)
  expect(second?.body.id).toBe(first?.body.id)
  const ended = await readFlow(other.url, first?.body.id ?? '', 60)
  expect(ended.body).toMatchObject({ state: 'succeeded', jobs: 2000, counts: { succeeded: 2000 } })
})

test('a worker that is killed while it runs jobs of flows only delays them', patience, async () => {
  const { api, workers, addWorker } = await startStack({ env: { LOCK_MS: '1000' } })
  const flows = await Promise.all(
    Array.from({ length: 10 }, (_, n) =>
      submitFlow(api.url, {
        chain: [sleep(50), { gather: [sleep(400), sleep(600), echo(n)] }, echo({ $output: '/2' })],
      }),
    ),
  )
  await waitFor(
    'a gather to run',
    () => readFlow(api.url, flows[0]?.body.id ?? ''),
    ({ body }) => body.counts.succeeded >= 1 && body.counts.running >= 1,
  )
  workers[0]?.signal('SIGKILL')
  await workers[0]?.ended
  await addWorker()
  for (const [n, { body }] of flows.entries()) {
    const ended = await readFlow(api.url, body.id, 60)
    expect(ended.body).toMatchObject({ state: 'succeeded', counts: { succeeded: 5 } })
    expect((await results(api.url, body.id)).at(-1)?.output).toBe(n)
  }
})

test('when the flow coordinator is killed repeatedly, another process continues', patience, async () => {
  const { addApi, addWorker, ...stack } = await startStack({ workers: 2, env: { LOCK_MS: '1000' } })
  const stable = await addApi()
  const spare = [stack.api, ...stack.workers]
  const flow = (n: number) => ({
    chain: [
      echo([n, n + 1]),
      { map: { over: { $output: '' }, node: sleep(100) } },
      ...Array.from({ length: 12 }, () => sleep(150)),
      echo(n),
    ],
  })
  const flows = await Promise.all(Array.from({ length: 20 }, (_, n) => submitFlow(stable.url, flow(n))))
  expect(flows.map(({ status }) => status)).toEqual(flows.map(() => 202))
  let killed = 0
  for (let round = 0; round < 2; round++) {
    const leader = spare.findLast(leads)
    if (!leader) break
    leader.signal('SIGKILL')
    await leader.ended
    spare.splice(spare.indexOf(leader), 1)
    spare.push(await addWorker())
    killed += 1
    await waitFor(
      'another coordinator',
      () => [...spare, stable],
      (all) => all.some((one) => leads(one)),
      { withinMs: 60_000 },
    )
  }
  for (const [n, { body }] of flows.entries()) {
    const ended = await readFlow(stable.url, body.id, 60)
    expect(ended.body, `flow ${n}`).toMatchObject({ state: 'succeeded', jobs: 16, counts: { succeeded: 16 } })
    const runs = await Promise.all(jobIds(ended.body.tree).map((id) => read(stable.url, id)))
    expect(runs.map((one) => one.body.run)).toEqual(runs.map(() => 1))
  }
  expect(killed).toBeGreaterThan(0)
})

test.skipIf(!canOwnRedis)('a restart of Redis only delays a flow', patience, async () => {
  const redis = await startOwnRedis()
  onTestFinished(() => redis.close())
  const { api } = await startStack({ env: { REDIS_URL: redis.url, LOCK_MS: '2000' } })
  const { body } = await submitFlow(api.url, {
    chain: [sleep(300), { gather: [sleep(1500), sleep(800)] }, echo('end')],
  })
  await waitFor(
    'the gather to run',
    () => readFlow(api.url, body.id),
    (flow) => flow.body.counts.running === 2,
  )
  await redis.kill()
  await redis.start()
  const ended = await waitFor(
    'the flow to end',
    () => readFlow(api.url, body.id),
    (flow) => flow.body.done,
    { withinMs: 60_000, everyMs: 200 },
  )
  expect(ended.body).toMatchObject({ state: 'succeeded', counts: { succeeded: 4 } })
})
