import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { BullQueues } from '../../../../src/queue/bullmq/bull-queues.ts'
import { type FetchedJob, Success } from '../../../../src/queue/bullmq/fetched-job.ts'
import { putBack } from '../../../../src/queue/bullmq/put-back.ts'
import { QueueWorker } from '../../../../src/queue/bullmq/queue-worker.ts'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import { type JobLease, UnprotectedLease } from '../../../../src/queue/model/job-lease.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'
import { waitFor } from '../../../helpers/wait-for.ts'

/** The holds of a worker on its jobs. */
function countHolds() {
  const held = new Set<JobLease>()
  const hold = (): JobLease => {
    const lease = new UnprotectedLease(0)
    const release = lease.release.bind(lease)
    lease.release = () => {
      held.delete(lease)
      release()
    }
    held.add(lease)
    return lease
  }
  return { held, hold }
}

/** A worker whose jobs end on request; while it closes it puts back what arrives. */
async function world(concurrency: number) {
  const [client, redis] = [await redisClient(), await redisClient('worker')]
  const keys = new Keys(keyPrefix())
  const running = new Map<string, (result: 'succeeded' | 'put_back') => Promise<void>>()
  const { held, hold } = countHolds()
  const seen = { started: [] as string[], most: 0, putBack: 0, refused: 0, onStart: (): unknown => undefined }
  let isClosing = false
  const leave = async (job: FetchedJob) => {
    seen.putBack += 1
    await putBack({ redis, backend: worker.getBackend() }, job.id ?? '', job.lockToken, false)
  }
  const process = (job: FetchedJob) => {
    if (isClosing) return leave(job).then(() => undefined)
    const { promise, resolve } = Promise.withResolvers<Success | undefined>()
    const id = job.id ?? ''
    seen.started.push(id)
    running.set(id, async (result) => {
      running.delete(id)
      if (result === 'put_back') return resolve(await leave(job).then(() => undefined))
      const acknowledged = Promise.withResolvers<void>()
      resolve(
        new Success('null', (word) => {
          if (word !== 'ended') seen.refused += 1
          acknowledged.resolve()
        }),
      )
      await acknowledged.promise
    })
    seen.most = Math.max(seen.most, running.size)
    seen.onStart()
    return promise
  }
  const worker: QueueWorker = new QueueWorker({
    queue: 'jobs',
    concurrency,
    redis,
    keys,
    workerName: 'w',
    lockMs: 10_000,
    maxCrashes: 3,
    hold,
    process,
    onUntold: () => undefined,
    putBack: (job) => leave(job),
  })
  await worker.waitUntilReady()
  const start = () => void worker.run()
  const endAll = (result: 'succeeded' | 'put_back' = 'succeeded') =>
    Promise.all(Array.from(running.values(), (end) => end(result)))
  const stop = () => {
    isClosing = true
    return worker.close()
  }
  onTestFinished(async () => {
    await Promise.all([stop(), endAll()])
  })
  const queues = new BullQueues({ redis: client, keys, isListed: false })
  const add = async (count: number, delayMs?: number) => {
    const now = Date.now()
    const record = { tenant: '-', input: null }
    const runAt = delayMs === undefined ? undefined : now + delayMs
    const all = Array.from({ length: count }, () => ({ ref: newJobRef('jobs', now), type: 'x', record, attempts: 1 }))
    await queues.addBulk(
      'jobs',
      all.map((job) => ({ ...job, createdAt: now, runAt })),
    )
  }
  const untilRunning = (count: number) =>
    waitFor(
      `${count} to run`,
      () => running.size,
      (size) => size === count,
    )
  const counts = async () => ({
    waiting: await client.zcard(keys.bull('jobs', 'prioritized')),
    active: await client.llen(keys.bull('jobs', 'active')),
    completed: await client.zcard(keys.bull('jobs', 'completed')),
  })
  return { client, redis, keys, worker, held, start, stop, running, seen, add, endAll, untilRunning, counts }
}

test('a worker runs as many as it may, each once, and fills up as jobs end', async () => {
  const { start, running, seen, add, untilRunning, counts } = await world(10)
  await add(60)
  start()
  for (let ended = 0; ended < 60; ) {
    await untilRunning(Math.min(10, 60 - ended))
    const some = [...running.values()].slice(0, 7)
    await Promise.all(some.map((end) => end('succeeded')))
    ended += some.length
  }
  expect(await counts()).toEqual({ waiting: 0, active: 0, completed: 60 })
  expect(new Set(seen.started).size).toBe(60)
  expect(seen).toMatchObject({ started: { length: 60 }, most: 10, refused: 0, putBack: 0 })
})

test('jobs that come and end together take a few calls', async () => {
  const { redis, start, add, endAll, untilRunning, counts } = await world(100)
  let calls = 0
  const send = redis.sendCommand.bind(redis)
  redis.sendCommand = (command, stream) => {
    if (command.name === 'evalsha') calls += 1
    return send(command, stream)
  }
  await add(64)
  start()
  await untilRunning(64)
  // Two, four, eight, then sixteen at once; and the look for vanished workers.
  expect(calls).toBeLessThanOrEqual(9)
  await endAll()
  expect(await counts()).toEqual({ waiting: 0, active: 0, completed: 64 })
  expect(calls).toBeLessThan(20)
})

test.each([1, 2])(
  '%i jobs that come together are fetched by one call, which also says that there is no other',
  async (count) => {
    const { redis, start, add, untilRunning } = await world(100)
    start()
    await add(1)
    await untilRunning(1)
    let fetches = 0
    const send = redis.sendCommand.bind(redis)
    redis.sendCommand = (command, stream) => {
      if (command.name === 'evalsha') fetches += 1
      return send(command, stream)
    }
    await add(count)
    await untilRunning(1 + count)
    await nextTurn()
    expect(fetches).toBe(1)
  },
)

test('an idle worker takes a job at once, and a delayed one when it is due', async () => {
  const { start, add, untilRunning } = await world(10)
  start()
  const from = performance.now()
  await add(1)
  await untilRunning(1)
  await add(1, 300)
  await untilRunning(2)
  expect(performance.now() - from).toBeGreaterThanOrEqual(290)
  // Not only when it looks again.
  expect(performance.now() - from).toBeLessThan(4500)
})

test('a place whose job was settled otherwise is filled', async () => {
  const { start, running, seen, add, endAll, untilRunning } = await world(1)
  await add(2)
  start()
  await untilRunning(1)
  await endAll('put_back')
  await untilRunning(1)
  await Promise.all([...running.values()].map((end) => end('succeeded')))
  await untilRunning(1)
  expect(seen.started).toHaveLength(3)
})

test('what starts alone starts when no job is on its way, and jobs are taken again afterwards', async () => {
  const { worker, start, running, add, untilRunning } = await world(100)
  await add(5)
  start()
  const before = await worker.getBackend().startAlone(async () => running.size)
  expect([0, 2, 5]).toContain(before)
  await nextTurn()
  await add(5)
  await untilRunning(10)
})

test('what ends while another starts alone takes no job, and its place is filled afterwards', async () => {
  const { worker, start, seen, add, endAll, untilRunning } = await world(3)
  await add(6)
  start()
  await untilRunning(3)
  const alone = worker.getBackend().startAlone(async () => seen.started.length)
  await endAll()
  expect(await alone).toBe(3)
  await untilRunning(3)
})

test('a worker that closes while jobs are on their way puts them back', async () => {
  const { start, stop, seen, add, endAll, counts } = await world(100)
  await add(50)
  seen.onStart = () => seen.started.length === 3 && void stop()
  start()
  await waitFor(
    'the third',
    () => seen.started.length,
    (count) => count === 3,
  )
  await Promise.all([stop(), endAll()])
  expect(seen.started).toHaveLength(3)
  // A worker that has closed has put back everything.
  expect(await counts()).toEqual({ waiting: 47, active: 0, completed: 3 })
})

test('a worker that closes while it asks loses no job', async () => {
  for (let round = 0; round < 10; round++) {
    const { worker, start, stop, running, seen, add, endAll, counts } = await world(100)
    await add(50)
    start()
    for (let turn = 0; turn < round; turn++) await nextTurn()
    const stopped = stop()
    while (running.size > 0 || worker.isRunning()) {
      await endAll()
      await nextTurn()
    }
    await stopped
    const completed = seen.started.length
    expect(await counts()).toEqual({ waiting: 50 - completed, active: 0, completed })
  }
})

test('a job that BullMQ drops, since its scheduler fails, is held no more and takes no place', async () => {
  const { client, keys, worker, held, start, running, add, untilRunning } = await world(1)
  const errors: string[] = []
  worker.on('error', ({ message }) => errors.push(message))
  await add(2)
  const [first = ''] = await client.zrange(keys.bull('jobs', 'prioritized'), '0', '0')
  await client.hset(keys.job({ queue: 'jobs', id: first }), 'rjk', 'every-hour')
  start()
  await untilRunning(1)
  expect([...running.keys()]).not.toContain(first)
  expect(errors.at(-1)).toContain('repeatable job')
  expect(held.size).toBe(1)
})

test('a close while the worker reconnects leaves no connection', async () => {
  const { client, keys, worker } = await world(1)
  const backend = worker.getBackend()
  const connections = async () =>
    String(await client.client('LIST'))
      .split('\n')
      .filter((line) => line.includes(`name=${keys.bullPrefix('jobs')}:`))
  await waitFor('the connection', connections, ({ length }) => length === 1)
  await backend.disconnectBlocking()
  await waitFor('its end', connections, ({ length }) => length === 0)
  const reconnecting = backend.reconnectBlocking().catch(() => 'closed')
  await backend.disconnectBlocking()
  await reconnecting
  await waitFor('no connection', connections, ({ length }) => length === 0)
  await backend.close()
  await backend.reconnectBlocking()
  expect(await connections()).toEqual([])
})
