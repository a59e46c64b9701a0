import { pino } from 'pino'
import { expect, test } from 'vitest'
import { JobEventHub } from '../../../../src/queue/events/event-hub.ts'
import { JobEventWriter } from '../../../../src/queue/events/event-writer.ts'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { JobSteering } from '../../../../src/queue/store/cancel-and-retry.ts'
import { JobQueue } from '../../../../src/queue/store/job-queue.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'
import { waitFor } from '../../../helpers/wait-for.ts'

const log = pino({ level: 'silent' })

/** A job that waits, stored by who waits for its end. */
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
  const stored = await queue.add({ ...job, waiter: hub.waiter })
  const untilTold = (count: number) =>
    waitFor(
      'to be told',
      () => ends,
      (seen) => seen === count,
    )
  return { redis, subscriber, keys, hub, queue, ref, stored, stop, untilTold }
}

test('who waits for a job is told of a cancel, and not of the end of its next run', async () => {
  const { redis, keys, hub, ref, stored, stop, untilTold } = await world()
  const steering = new JobSteering({ redis, keys })
  expect(await steering.cancel(stored, 1000, Date.now())).toBe('ended')
  expect(await untilTold(1)).toBe(1)
  expect(await redis.hget(keys.job(ref), 'waiter')).toBe(hub.waiter)
  expect(await steering.reopen({ ...stored, state: 'canceled' }, Date.now())).toBe('reopened')
  expect(await redis.hexists(keys.job(ref), 'waiter')).toBe(0)
  stop()
  expect(hub.watched).toBe(0)
})

test('… of an end that its worker announces', async () => {
  const { redis, keys, hub, ref, untilTold } = await world()
  new JobEventWriter({ redis, keys, log }).announce(ref, 'end', hub.waiter)
  expect(await untilTold(1)).toBe(1)
})

test('… to look again, when the connection was away; and hears what comes then', async () => {
  const { redis, subscriber, keys, stored, untilTold } = await world()
  await redis.client('KILL', 'ID', await subscriber.client('ID'))
  expect(await untilTold(1)).toBe(1)
  await new JobSteering({ redis, keys }).cancel(stored, 1000, Date.now())
  expect(await untilTold(2)).toBe(2)
})
