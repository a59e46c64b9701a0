import { expect, onTestFinished, test } from 'vitest'
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
    const slow = await submitFlow(api.url, {
      gather: [sleep(30_000), job('count-primes', { limit: 10 }, { delay_ms: 30_000 })],
    })
    expect((await steerFlow(api.url, slow.body.id, 'cancel')).status).toBeOneOf([200, 202])
    expect((await readFlow(api.url, slow.body.id, 20)).body.state).toBe('canceled')
    expect((await steerFlow(api.url, slow.body.id, 'retry')).status).toBe(202)
    expect((await steerFlow(api.url, slow.body.id, 'cancel')).status).toBeOneOf([200, 202])
    expect((await readFlow(api.url, slow.body.id, 20)).body).toMatchObject({ state: 'canceled', run: 2 })
    const gone = async () => (await readFlow(api.url, slow.body.id)).status
    await expect.poll(gone, { timeout: 30_000 }).toBe(404)
    expect(await refusals(cluster.clients)).toEqual([])
  },
)
