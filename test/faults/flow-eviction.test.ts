import { expect, test } from 'vitest'
import { Keys } from '../../src/queue/redis/keys.ts'
import { loadScript } from '../../src/queue/redis/load-script.ts'
import { send } from '../helpers/client.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

const beginRemoval = loadScript('flows/begin-flow-removal')

test("when a process crashes behind the first step of a flow's eviction, another completes it, and its key runs nothing again", async () => {
  const { api, env } = await startStack()
  const redis = await redisClient()
  const keys = new Keys(env['KEY_PREFIX'] ?? '')
  const submit = () =>
    send<{ id: string; state: string; code: string; tree: { chain: { id: string }[] } }>(
      'POST',
      `${api.url}/v1/flows`,
      {
        body: {
          flow: {
            chain: [
              { type: 'echo', input: 1 },
              { type: 'echo', input: 2 },
            ],
          },
        },
        headers: { prefer: 'wait=50', 'idempotency-key': 'order-1' },
      },
    )
  const { body } = await submit()
  expect(body.state).toBe('succeeded')
  // As evictFlow begins; then the process is gone.
  expect(await beginRemoval(redis, [keys.flow(body.id)], ['evicted', 1])).toMatchObject(['evicted', expect.any(String)])
  await redis.zadd(keys.endedFlows, 0, body.id)
  await waitFor(
    'the end of the eviction',
    () => send<{ code: string }>('GET', `${api.url}/v1/flows/${body.id}`),
    (answer) => answer.status === 410 && answer.body.code === 'flow_evicted',
  )
  for (const { id } of body.tree.chain)
    expect(await send('GET', `${api.url}/v1/jobs/${id}`)).toMatchObject({ status: 410, body: { code: 'job_evicted' } })
  expect(await submit()).toMatchObject({ status: 410, body: { code: 'flow_evicted' } })
})
