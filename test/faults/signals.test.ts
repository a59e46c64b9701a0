import { expect, test } from 'vitest'
import { Keys } from '../../src/queue/redis/keys.ts'
import { read, send, submit } from '../helpers/client.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { waitingJobs } from '../helpers/waiting-jobs.ts'
import { patience } from '../ledger/scenario.ts'

test('whatever moment a worker is killed at, each job gets the first signal of each name', patience, async () => {
  const stack = await startStack({ env: { JOBS_DIR: await waitingJobs(), LOCK_MS: '2000', WORKER_QUEUES: 'io:8' } })
  const { api, workers, env, addWorker } = stack
  const { url } = api
  const signal = async (id: string, name: string, payload: unknown) =>
    (await send('POST', `${url}/v1/jobs/${id}/signals/${name}`, { body: JSON.stringify(payload) })).status
  const submitted = Array.from({ length: 24 }, async (_, n) => {
    const { body } = await submit(url, 'wait-event-loop', {
      names: ['a', 'b'],
      together: n % 2 === 0,
      before_ms: n % 4 === 0 ? 20 : 0,
      ...(n % 3 === 0 && { timeout_ms: 3_600_000 }),
      ...(n % 2 === 1 && { group: 'one' }),
    })
    return body.id
  })
  const ids = await Promise.all(submitted)
  // Two clients at once, while jobs wait, run, park and come back, and a worker is killed twice.
  const first = new Map<string, unknown>()
  const give = async (id: string, name: string, payload: string) => {
    const status = await signal(id, name, payload)
    expect([200, 202]).toContain(status)
    if (status === 202) first.set(`${id} ${name}`, payload)
  }
  const killed = (async () => {
    await waitFor(
      'a park',
      () => read(url, ids[0] ?? ''),
      ({ body }) => body.attempts.length > 0,
      { withinMs: 60_000 },
    )
    workers[0]?.signal('SIGKILL')
    workers.push(await addWorker())
    workers[1]?.signal('SIGKILL')
    await addWorker()
  })()
  for (const name of ['b', 'a'])
    for (const id of ids) await Promise.all([give(id, name, `1 ${name}`), give(id, name, `2 ${name}`)])
  await killed
  for (const id of ids) {
    const { body } = await waitFor(
      'the end',
      () => read(url, id, 20),
      (answer) => answer.body.done,
      { withinMs: 120_000 },
    )
    expect(body).toMatchObject({
      state: 'succeeded',
      attempt: 1,
      output: { received: [first.get(`${id} a`), first.get(`${id} b`)] },
    })
  }
  const redis = await redisClient()
  const keys = new Keys(env['KEY_PREFIX'] ?? '')
  const left = ['waiting-children', 'active', 'prioritized', 'held'].map((set) => keys.bull('io', set))
  expect(await redis.exists(...left, keys.parked('io'))).toBe(0)
  expect(await redis.exists(...ids.map((id) => keys.checkpoint({ queue: 'io', id })))).toBe(0)
  expect((await redis.hgetall(keys.busy('io'))) ?? {}).toEqual({})
})
