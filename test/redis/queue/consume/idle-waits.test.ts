import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { Success } from '../../../../src/queue/bullmq/fetched-job.ts'
import { QueueWorker } from '../../../../src/queue/bullmq/queue-worker.ts'
import { openIdleWaits } from '../../../../src/queue/consume/idle-waits.ts'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import type { JobRecord } from '../../../../src/queue/model/job-record.ts'
import { Keys } from '../../../../src/queue/redis/keys.ts'
import { JobQueue } from '../../../../src/queue/store/job-queue.ts'
import { keyPrefix } from '../../../helpers/key-prefix.ts'
import { redisClient } from '../../../helpers/redis-client.ts'
import { waitFor } from '../../../helpers/wait-for.ts'

const log = pino({ level: 'silent' })

/** Workers of the queues `io` and `b` as in one process, each idle until it is started. */
async function world({ lockMs = 30_000 } = {}) {
  const [client, redis] = [await redisClient(), await redisClient('worker')]
  const keys = new Keys(keyPrefix())
  const started: string[] = []
  const open = () => {
    const idle = openIdleWaits({ redis, keys, queues: ['io', 'b'], workerName: 'w', lockMs, log })
    onTestFinished(() => idle.markers?.close())
    return idle
  }
  const idle = open()
  const worker = (hasWaiting: () => Promise<boolean> = () => idle.looks.waiting.hasJobs('io')) => {
    const made = new QueueWorker({
      queue: 'io',
      concurrency: 2,
      redis,
      keys,
      workerName: 'w',
      lockMs,
      maxCrashes: 3,
      process: async (job) => {
        started.push(job.id ?? '')
        return new Success('null', () => undefined)
      },
      onUntold: () => undefined,
      putBack: async () => undefined,
      markers: idle.markers,
      hasWaiting,
    })
    onTestFinished(() => made.close())
    return made
  }
  const queue = new JobQueue({ client, keys, queues: ['io', 'b'] })
  const add = (record: Partial<JobRecord> = {}, runAt?: number) => {
    const ref = newJobRef('io', Date.now())
    return queue.add({
      ref,
      type: 'x',
      attempts: 1,
      createdAt: Date.now(),
      runAt,
      record: { tenant: '-', input: null, ...record },
    })
  }
  const markers = () => client.zcard(keys.bull('io', 'marker'))
  return { client, keys, idle, open, worker, started, add, markers }
}

test('an idle worker starts a job held by a rate when its time comes, also more than five seconds later', async () => {
  const { worker, started, add, idle } = await world()
  const running = worker()
  await running.waitUntilReady()
  void running.run()
  const rate = { key: 'k', limit: 1, perMs: 5500, burst: 1 }
  for (let n = 0; n < 2; n++) await add({ rate })
  expect(await idle.looks.waiting.hasJobs('io')).toBe(true)
  await waitFor(
    'both to start',
    () => started.length,
    (count) => count === 2,
    { withinMs: 60_000 },
  )
}, 120_000)

test('what waits is seen within a second, however long a lease lasts', async () => {
  const { idle, add } = await world({ lockMs: 600_000 })
  expect(await idle.looks.waiting.hasJobs('io')).toBe(false)
  await add({}, Date.now() + 60_000)
  await waitFor('the job to be seen', () => idle.looks.waiting.hasJobs('io'), Boolean)
})

test('a wait until a job is due ends with a fetch, whatever a look says; one for any job does not', async () => {
  const { worker } = await world()
  let looks = 0
  const backend = worker(async () => {
    looks += 1
    return looks === 3
  }).getBackend()
  backend.isDueKnown = true
  expect([await backend.waitForJob(0.01), looks]).toEqual([null, 0])
  backend.isDueKnown = false
  expect([await backend.waitForJob(0.01), looks]).toEqual([null, 3])
})

test('a worker that stops takes no marker from the others', async () => {
  const { client, keys, worker, open, markers } = await world()
  const look = Promise.withResolvers<boolean>()
  const asked = Promise.withResolvers<void>()
  const closing = worker(() => {
    asked.resolve()
    return look.promise
  }).getBackend()
  const wait = closing.waitForJob(0.01)
  await asked.promise
  await closing.disconnectBlocking()
  look.resolve(false)
  expect(await wait).toBeNull()
  const key = keys.bull('io', 'marker')
  const other = open().markers?.wait(key, 5000)
  await client.zadd(key, 0, '0')
  expect(await other).toEqual({ member: '0', score: 0 })

  // It has the marker, and has to stop before it asks for the job.
  const stopping = worker().getBackend()
  await client.zadd(key, 0, '0')
  expect(await stopping.waitForJob(5)).toEqual({ member: '0', score: 0 })
  expect(await markers()).toBe(0)
  await stopping.disconnectBlocking()
  await waitFor('the marker to be there', markers, (count) => count === 1)
})
