import { setImmediate as nextTurn } from 'node:timers/promises'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { JobStore } from '../../../../src/queue/bullmq/add-jobs.ts'
import { openBullWorker } from '../../../../src/queue/bullmq/bull-worker.ts'
import type { TakenJob } from '../../../../src/queue/bullmq/complete-and-fetch.ts'
import { JobTaker } from '../../../../src/queue/consume/job-fetcher.ts'
import { settleJob } from '../../../../src/queue/consume/settle-job.ts'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import { recordVersion } from '../../../../src/queue/model/job-record.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'
import { waitFor } from '../../../helpers/wait-for.ts'

/** A taker whose jobs end when they are told. */
async function world(concurrency: number) {
  const [client, redis] = [await redisClient(), await redisClient('worker')]
  const keys = new Keys(keyPrefix())
  const log = pino({ level: 'silent' })
  const common = { queue: 'jobs', redis, keys, workerName: 'w', lockMs: 10_000 }
  const bull = openBullWorker({ ...common, mostCrashes: 3 })
  const running = new Map<string, () => Promise<void>>()
  const seen = { started: [] as string[], most: 0, putBack: 0, onStart: (): unknown => undefined }
  const start = (job: TakenJob) => {
    seen.started.push(job.id)
    running.set(job.id, async () => {
      running.delete(job.id)
      const { id, token } = job
      const success = { id, token, attempt: 1, output: 'null', flow: undefined, waiter: undefined, length: 100 }
      expect(await taker.end(success)).toBe('ended')
    })
    seen.most = Math.max(seen.most, running.size)
    seen.onStart()
  }
  const putBack = async (job: TakenJob) => {
    seen.putBack += 1
    await settleJob({ redis, keys, bull }, job, { status: 'put_back', hasStarted: false })
  }
  const taker = new JobTaker({ ...common, concurrency, bull, start, putBack, log })
  const endAll = () => Promise.all(Array.from(running.values(), (end) => end()))
  onTestFinished(async () => {
    await Promise.all([taker.stop(), endAll()])
    await bull.close()
  })
  const jobs = new JobStore({ redis: client, keys, isListed: false })
  const add = async (count: number, delayMs?: number) => {
    const now = Date.now()
    const record = { v: recordVersion, tenant: '-', input: null } as const
    const dueAt = delayMs === undefined ? undefined : now + delayMs
    const all = Array.from({ length: count }, () => ({ ref: newJobRef('jobs', now), type: 'x', record, attempts: 1 }))
    await Promise.all(all.map((job) => jobs.store({ ...job, createdAt: now, dueAt })))
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
  return { client, redis, keys, taker, running, seen, add, endAll, untilRunning, counts }
}

test('a worker runs as many as it may, each once, and fills up as jobs end', async () => {
  const { taker, running, seen, add, untilRunning, counts } = await world(10)
  await add(60)
  taker.start()
  for (let ended = 0; ended < 60; ) {
    await untilRunning(Math.min(10, 60 - ended))
    const some = [...running.values()].slice(0, 7)
    await Promise.all(some.map((end) => end()))
    ended += some.length
  }
  expect(await counts()).toEqual({ waiting: 0, active: 0, completed: 60 })
  expect(new Set(seen.started).size).toBe(60)
  expect(seen.started).toHaveLength(60)
  expect(seen.most).toBe(10)
})

test('jobs that come and end together take a few calls', async () => {
  const { redis, taker, add, endAll, untilRunning, counts } = await world(100)
  let calls = 0
  const send = redis.sendCommand.bind(redis)
  redis.sendCommand = (command, stream) => {
    calls += 1
    return send(command, stream)
  }
  await add(64)
  taker.start()
  await untilRunning(64)
  await endAll()
  expect(await counts()).toEqual({ waiting: 0, active: 0, completed: 64 })
  // Sixteen at once, the script's text, and what BullMQ asks of a new connection.
  expect(calls).toBeLessThan(20)
})

test('an idle worker takes a job at once, and a delayed one when it is due', async () => {
  const { taker, add, untilRunning } = await world(10)
  taker.start()
  const from = performance.now()
  await add(1)
  await untilRunning(1)
  await add(1, 300)
  await untilRunning(2)
  expect(performance.now() - from).toBeGreaterThanOrEqual(290)
  expect(performance.now() - from).toBeLessThan(2500)
})

test('a place that was left otherwise is filled', async () => {
  const { taker, running, seen, add, untilRunning } = await world(1)
  await add(2)
  taker.start()
  await untilRunning(1)
  running.clear()
  taker.leave()
  await untilRunning(1)
  expect(seen.started).toHaveLength(2)
})

test('what starts alone starts when no job is on its way, and jobs are taken again afterwards', async () => {
  const { taker, running, add, untilRunning } = await world(100)
  await add(5)
  taker.start()
  const before = await taker.startAlone(async () => running.size)
  // Two had been asked for, which bring word of the others, or none.
  expect([0, 2, 5]).toContain(before)
  await nextTurn()
  await add(5)
  await untilRunning(10)
})

test('a worker that closes while jobs are on their way puts them back', async () => {
  const { taker, seen, add, endAll, counts } = await world(100)
  await add(50)
  seen.onStart = () => seen.started.length === 3 && void taker.stop()
  taker.start()
  await waitFor(
    'the third',
    () => seen.started.length,
    (count) => count === 3,
  )
  await Promise.all([taker.stop(), endAll()])
  expect(seen).toMatchObject({ started: expect.objectContaining({ length: 3 }), putBack: 3 })
  expect(await counts()).toEqual({ waiting: 47, active: 0, completed: 3 })
})

test('a worker that closes while it asks loses no job', async () => {
  for (let round = 0; round < 10; round++) {
    const { taker, running, seen, add, endAll, counts } = await world(100)
    await add(50)
    taker.start()
    await waitFor(
      'the first',
      () => running.size,
      (size) => size > 0,
    )
    const stopped = taker.stop()
    while (running.size > 0) {
      await endAll()
      await nextTurn()
    }
    await stopped
    const completed = seen.started.length
    expect(await counts()).toEqual({ waiting: 50 - completed, active: 0, completed })
  }
})
