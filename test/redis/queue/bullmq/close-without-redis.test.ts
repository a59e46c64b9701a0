import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { BullQueues } from '../../../../src/queue/bullmq/bull-queues.ts'
import { Success } from '../../../../src/queue/bullmq/fetched-job.ts'
import { QueueWorker } from '../../../../src/queue/bullmq/queue-worker.ts'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import { connectRedis } from '../../../../src/queue/redis/connection.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { canOwnRedis, startOwnRedis } from '../../../helpers/own-redis.ts'
import { waitFor } from '../../../helpers/wait-for.ts'

/** A worker on a Redis of its own, with one job that runs until the test ends it. */
async function world() {
  const server = await startOwnRedis()
  onTestFinished(() => server.close())
  const at = { url: server.url, name: 'test', log: pino({ level: 'silent' }) }
  const [client, redis] = [await connectRedis({ ...at, role: 'client' }), await connectRedis({ ...at, role: 'worker' })]
  onTestFinished(() => {
    client.disconnect()
    redis.disconnect()
  })
  const keys = new Keys(keyPrefix())
  const started = Promise.withResolvers<void>()
  const mayEnd = Promise.withResolvers<void>()
  const acknowledged = Promise.withResolvers<string>()
  const worker = new QueueWorker({
    queue: 'io',
    concurrency: 10,
    redis,
    keys,
    workerName: 'w',
    lockMs: 30_000,
    maxCrashes: 3,
    process: async () => {
      started.resolve()
      await mayEnd.promise
      return new Success('"done"', acknowledged.resolve)
    },
    onUntold: () => undefined,
    putBack: async () => undefined,
  })
  worker.on('error', () => undefined)
  await worker.waitUntilReady()
  void worker.run()
  const now = Date.now()
  const record = { tenant: '-', input: null }
  const job = { ref: newJobRef('io', now), type: 'x', record, attempts: 1, createdAt: now }
  await new BullQueues({ redis: client, keys, isListed: false }).add(job)
  await started.promise
  const idle = () =>
    waitFor(
      'the worker to wait',
      async () => Number(/blocked_clients:(\d+)/.exec(await client.info('clients'))?.[1]),
      (blocked) => blocked === 1,
    )
  return { server, worker, client, keys, job, idle, mayEnd, acknowledged }
}

test.skipIf(!canOwnRedis)(
  'the end of a running job is recorded when the worker closes while Redis is away',
  async () => {
    const { server, worker, client, keys, job, idle, mayEnd, acknowledged } = await world()
    await idle()
    const wentAway = new Promise((resolve) => void client.once('close', resolve))
    await server.stop()
    await wentAway
    const closed = worker.close()
    mayEnd.resolve()
    await server.start()
    expect(await acknowledged.promise).toBe('ended')
    await closed
    await waitFor(
      'the client',
      () => client.status,
      (status) => status === 'ready',
    )
    expect(await client.zrange(keys.bull('io', 'completed'), '0', '-1')).toEqual([job.ref.id])
  },
)

test.skipIf(!canOwnRedis)('a worker without jobs closes while Redis is away', async () => {
  const { server, worker, idle, mayEnd, acknowledged } = await world()
  mayEnd.resolve()
  await acknowledged.promise
  await idle()
  await server.stop()
  await worker.close()
  expect(worker.isRunning()).toBe(false)
})
