import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Job, Queue } from 'bullmq'
import { expect, onTestFinished, test } from 'vitest'
import { PrefetchingWorker } from '../../src/queue/prefetching-worker.ts'
import { keyPrefix } from '../helpers/key-prefix.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { waitFor } from '../helpers/wait-for.ts'

/** A worker whose jobs end when they are told. */
async function world(concurrency: number) {
  const connection = await redisClient()
  // A worker waits for Redis as long as it takes.
  const patient = connection.duplicate({ maxRetriesPerRequest: null, commandTimeout: undefined })
  onTestFinished(() => patient.disconnect())
  const prefix = keyPrefix()
  const queue = new Queue('jobs', { connection, prefix })
  const running = new Map<string, () => void>()
  const seen = { started: [] as string[], most: 0, putBack: 0 }
  const run = (job: Job) => {
    seen.started.push(job.id ?? '')
    const { promise, resolve } = Promise.withResolvers<void>()
    running.set(job.id ?? '', resolve)
    seen.most = Math.max(seen.most, running.size)
    return promise.finally(() => running.delete(job.id ?? ''))
  }
  const putBack = async (job: Job) => {
    seen.putBack += 1
    await job.moveToWait(job.token)
  }
  const options = { connection: patient, prefix, concurrency, autorun: false }
  const worker = new PrefetchingWorker('jobs', run, options, putBack)
  worker.on('error', (error) => expect.unreachable(String(error)))
  onTestFinished(async () => {
    for (const end of running.values()) end()
    await worker.close()
    await queue.close()
  })
  const add = (count: number) => queue.addBulk(Array.from({ length: count }, (_, n) => ({ name: 'x', data: n })))
  return { patient, queue, worker, running, seen, add }
}

test('a worker runs as many as it may, each once, and fills up as jobs end', async () => {
  const { queue, worker, running, seen, add } = await world(10)
  await add(60)
  void worker.run()
  for (let ended = 0; ended < 60; ) {
    await waitFor(
      'a full worker',
      () => running.size,
      (size) => size === Math.min(10, 60 - ended),
    )
    for (const end of [...running.values()].slice(0, 7)) {
      end()
      ended += 1
    }
  }
  await waitFor(
    'all to end',
    () => queue.getCompletedCount(),
    (count) => count === 60,
  )
  expect(new Set(seen.started).size).toBe(60)
  expect(seen.started).toHaveLength(60)
  expect(seen.most).toBe(10)
})

test('jobs that come together take a few round trips', async () => {
  const { patient, worker, running, add } = await world(100)
  const send = patient.sendCommand.bind(patient)
  let [underWay, roundTrips] = [0, 0]
  patient.sendCommand = (command, stream) => {
    if (underWay === 0) roundTrips += 1
    underWay += 1
    const answered = () => {
      underWay -= 1
    }
    command.promise.then(answered, answered)
    return send(command, stream)
  }
  await add(64)
  void worker.run()
  await waitFor(
    'all to run',
    () => running.size,
    (size) => size === 64,
  )
  // Doubling from two up to sixteen at once, and a few to begin with.
  expect(roundTrips).toBeLessThan(20)
})

test('what starts alone starts when no job is on its way, and jobs are taken again afterwards', async () => {
  const { worker, running, add } = await world(100)
  await add(5)
  void worker.run()
  const before = await worker.startAlone(async () => running.size)
  // All five had been asked for, or none.
  expect([0, 5]).toContain(before)
  await nextTurn()
  await add(5)
  await waitFor(
    'all ten',
    () => running.size,
    (size) => size === 10,
  )
})

test('a worker that closes while it asks loses no job', async () => {
  for (let round = 0; round < 10; round++) {
    const { queue, worker, running, seen, add } = await world(100)
    await add(50)
    void worker.run()
    await waitFor(
      'the first',
      () => running.size,
      (size) => size > 0,
    )
    const closed = worker.close()
    while (running.size > 0) {
      for (const end of running.values()) end()
      await nextTurn()
    }
    await closed
    const counts = await queue.getJobCounts('wait', 'prioritized', 'active', 'completed')
    expect(counts).toMatchObject({ active: 0 })
    expect((counts['wait'] ?? 0) + (counts['prioritized'] ?? 0) + (counts['completed'] ?? 0)).toBe(50)
    expect(counts['completed']).toBe(seen.started.length)
  }
})
