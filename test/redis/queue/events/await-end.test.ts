import { pino } from 'pino'
import { expect, test } from 'vitest'
import { JobEventHub } from '../../../../src/queue/events/event-hub.ts'
import { JobEventWriter } from '../../../../src/queue/events/event-writer.ts'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { JobControl } from '../../../../src/queue/store/cancel-and-retry.ts'
import { JobQueue } from '../../../../src/queue/store/job-queue.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'
import { waitFor } from '../../../helpers/wait-for.ts'

const log = pino({ level: 'silent' })

/** A queued job whose end is awaited by the process that stored it. */
async function world() {
  const [redis, subscriber] = [await redisClient(), await redisClient('subscriber')]
  const keys = new Keys(keyPrefix())
  const hub = new JobEventHub({ subscriber, client: redis, keys, log })
  const queue = new JobQueue({ client: redis, keys, queues: ['io'] })
  const ref = newJobRef('io', Date.now())
  let ends = 0
  const stop = await hub.awaitEnd(ref, () => {
    ends += 1
  })
  const job = { ref, type: 'echo', record: { tenant: '-', input: 1 }, attempts: 1, createdAt: Date.now() }
  const stored = await queue.add({ ...job, replyChannel: hub.replyChannel })
  const untilCalled = (count: number) =>
    waitFor(
      'the listener to be called',
      () => ends,
      (seen) => seen === count,
    )
  return { redis, subscriber, keys, hub, queue, ref, stored, stop, untilCalled }
}

test('the end of an awaited job is published for a cancel, and not for the next run', async () => {
  const { redis, keys, hub, ref, stored, stop, untilCalled } = await world()
  const control = new JobControl({ redis, keys })
  expect(await control.cancel(stored, 1000, Date.now())).toBe('ended')
  expect(await untilCalled(1)).toBe(1)
  expect(await control.reopen({ ...stored, state: 'canceled' }, Date.now())).toBe('reopened')
  expect(await redis.hexists(keys.job(ref), 'waiter')).toBe(0)
  stop()
  expect(hub.watched).toBe(0)
})

test('the end of an awaited job is published when its worker announces it', async () => {
  const { redis, keys, hub, ref, untilCalled } = await world()
  new JobEventWriter({ redis, keys, log }).announce(ref, 'end', hub.replyChannel)
  expect(await untilCalled(1)).toBe(1)
})

test('after a lost connection the listener is called to read again, and hears later ends', async () => {
  const { redis, subscriber, keys, stored, untilCalled } = await world()
  await redis.client('KILL', 'ID', await subscriber.client('ID'))
  expect(await untilCalled(1)).toBe(1)
  await new JobControl({ redis, keys }).cancel(stored, 1000, Date.now())
  expect(await untilCalled(2)).toBe(2)
})
