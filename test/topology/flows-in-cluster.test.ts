import { expect, onTestFinished, test } from 'vitest'
import { read, send, submit } from '../helpers/client.ts'
import { echo, fails, job, readFlow, results, sleep, steerFlow, submitFlow } from '../helpers/flows.ts'
import { canOwnRedis } from '../helpers/own-redis.ts'
import { startStack } from '../helpers/stack.ts'
import { startCluster } from './cluster.ts'
import { addUser, documentedAdditions, documentedRules, refusals } from './documented-user.ts'

test.skipIf(!canOwnRedis)(
  'flows over queues on different nodes of a cluster work with the rights of the documented user',
  { timeout: 180_000 },
  async () => {
    const cluster = await startCluster(onTestFinished)
    await addUser(cluster.clients, [...documentedRules(), ...documentedAdditions('cluster')], 'secret')
    const env = {
      REDIS_URL: cluster.url.replace('//', '//drover:secret@'),
      KEY_PREFIX: 'drover',
      RESULT_TTL_MS: '5000',
    }
    const { api } = await startStack({ env })
    const flow = {
      chain: [
        echo([5, 10]),
        { map: { over: { $output: '' }, node: job('count-primes', { limit: { $item: '' } }) } },
        { gather: [echo({ $output: '/0/count' }), echo({ $output: '/1/largest' }), fails()], on_failure: 'continue' },
        echo({ $output: '' }),
      ],
    }
    const { body } = await submitFlow(api.url, flow, { waitS: 30, key: 'k' })
    expect(body).toMatchObject({ state: 'succeeded', counts: { succeeded: 6, failed: 1 } })
    expect((await results(api.url, body.id)).at(-1)?.output).toMatchObject([2, 7, { code: 'job_failed' }])

    // Limits and turns, with what the sweep does for them, need no more rights.
    const concurrency = { key: 'account', limit: 1 }
    const rate = { key: 'api', limit: 20, per_ms: 1000, burst: 2 }
    const keyed = await Promise.all(
      Array.from({ length: 6 }, (_, n) =>
        submit(api.url, 'sleep', { duration_ms: 50 }, { concurrency, fairness_key: `k${n}`, ...(n < 3 && { rate }) }),
      ),
    )
    const { status } = await send('PUT', `${api.url}/v1/queues/io/limits/concurrency/account`, { body: { limit: 2 } })
    expect(status).toBe(200)
    for (const { body: one } of keyed) expect((await read(api.url, one.id, 30)).body.state).toBe('succeeded')
    const unique = { key: 'report' }
    const [holder, joined] = [
      await submit(api.url, 'echo', 1, { unique, delay_ms: 500 }),
      await submit(api.url, 'echo', 2, { unique }),
    ]
    expect([joined.status, joined.body.id]).toEqual([200, holder.body.id])

    const slow = await submitFlow(api.url, {
      gather: [sleep(30_000), job('count-primes', { limit: 10 }, { delay_ms: 30_000 })],
    })
    expect((await steerFlow(api.url, slow.body.id, 'cancel')).status).toBeOneOf([200, 202])
    expect((await readFlow(api.url, slow.body.id, 20)).body.state).toBe('canceled')
    expect((await steerFlow(api.url, slow.body.id, 'retry')).status).toBe(202)
    expect((await steerFlow(api.url, slow.body.id, 'cancel')).status).toBeOneOf([200, 202])
    expect((await readFlow(api.url, slow.body.id, 20)).body).toMatchObject({ state: 'canceled', run: 2 })
    const gone = async () => (await readFlow(api.url, slow.body.id)).status
    await expect.poll(gone, { timeout: 120_000 }).toBe(404)
    expect(await refusals(cluster.clients)).toEqual([])
  },
)
