import { expect, test } from 'vitest'
import { leaveToOthers, putBack } from '../../../../src/queue/bullmq/put-back.ts'
import { bullIdOf, type JobRef } from '../../../../src/queue/model/job-id.ts'
import { JobControl } from '../../../../src/queue/store/cancel-and-retry.ts'
import { JobQueue } from '../../../../src/queue/store/job-queue.ts'
import { waitFor } from '../../../helpers/wait-for.ts'
import { ownQueue } from './own-queue.ts'

async function world() {
  const queue = await ownQueue()
  const { redis, own, keys, backend, fetch } = queue
  const jobs = new JobQueue({ client: redis, keys, queues: ['io'] })
  const held = { redis: own, backend }
  let fetches = 0
  const take = async () => {
    fetches += 1
    const [job] = await fetch(1, `fetch ${fetches}`)
    if (!job) throw new Error('no job was fetched')
    return job
  }
  const read = async (ref: JobRef) => {
    const job = await jobs.read(ref)
    return { ...job, starts: (job?.starts ?? []).map(({ outcome, worker }) => `${outcome} ${worker}`) }
  }
  /** What BullMQ's check finds when the worker of a job has been away for as long as its lock lives. */
  const loseWorker = async (ref: JobRef) => {
    await redis.del(keys.lock(ref))
    await redis.sadd(keys.bull('io', 'stalled'), bullIdOf(ref))
    await redis.del(keys.bull('io', 'stalled-check'))
    await backend.moveStalledJobsToWait()
  }
  return { ...queue, jobs, held, take, read, loseWorker }
}

test('a first start that succeeds stores no history', async () => {
  const { add, take, succeed, read, redis, keys } = await world()
  const ref = await add()
  await succeed(await take())
  const fields = await redis.hkeys(keys.job(ref))
  expect(fields).not.toContain('stacktrace')
  expect(fields).not.toContain('lostStarts')
  expect(await read(ref)).toMatchObject({ starts: ['succeeded w'], attempt: 1 })
})

test('a start that lost its worker is an entry, before the job is fetched again and after', async () => {
  const { add, take, succeed, read, loseWorker } = await world()
  const ref = await add()
  const first = await take()
  expect(await read(ref)).toMatchObject({ state: 'running', worker: 'w', starts: ['undefined w'] })
  await loseWorker(ref)
  const waiting = await read(ref)
  expect(waiting).toMatchObject({ state: 'queued', worker: undefined, starts: ['worker_lost w'] })
  expect(waiting.startedAt).toBe(first.processedOn)
  const second = await take()
  expect(second.lostWorker).toBe('w')
  await loseWorker(ref)
  const third = await take()
  expect(await read(ref)).toMatchObject({ starts: ['worker_lost w', 'worker_lost w', 'undefined w'], attempt: 1 })
  await succeed(third)
  const done = await read(ref)
  expect(done).toMatchObject({ state: 'succeeded', starts: ['worker_lost w', 'worker_lost w', 'succeeded w'] })
  expect(done.startedAt).toBe(first.processedOn)
})

test('a start that was put back is an entry, one that was not run is none', async () => {
  const { add, take, fetch, read, held, succeed } = await world()
  const ref = await add()
  const idle = await take()
  await putBack(held, idle.id ?? '', idle.lockToken, false)
  expect(await read(ref)).toMatchObject({ state: 'queued', starts: [], startedAt: undefined })
  const left = await take()
  await leaveToOthers(held, left.id ?? '', left.lockToken, 0)
  expect(await read(ref)).toMatchObject({ starts: [], startedAt: undefined })
  const [begun] = await waitFor(
    'the delay of 0 ms to be over',
    () => fetch(1),
    ({ length }) => length === 1,
  )
  await putBack(held, begun?.id ?? '', begun?.lockToken ?? '', true)
  expect(await read(ref)).toMatchObject({ state: 'queued', starts: ['put_back w'], attempt: 0 })
  await succeed(await take())
  const done = await read(ref)
  expect(done).toMatchObject({ starts: ['put_back w', 'succeeded w'], attempt: 1 })
  expect(done.startedAt).toBe(begun?.processedOn)
})

test('a put-back of a job that is not held any more changes nothing', async () => {
  const { add, take, read, held, loseWorker } = await world()
  const ref = await add()
  const first = await take()
  await loseWorker(ref)
  await take()
  const before = await read(ref)
  await expect(putBack(held, first.id ?? '', first.lockToken, true)).rejects.toThrow('cannot be put back')
  expect(await read(ref)).toEqual(before)
})

test('a job whose worker is lost too often fails, and each of its starts is an entry', async () => {
  const { add, take, read, loseWorker } = await world()
  const ref = await add()
  for (let n = 0; n < 4; n++) {
    await take()
    await loseWorker(ref)
  }
  const last = await take()
  expect(last.failsWith).toContain('stalled')
  expect((await read(ref)).starts.filter((start) => start === 'worker_lost w')).toHaveLength(4)
})

test('the history of a run ends with it', async () => {
  const { add, take, read, redis, keys, jobs, loseWorker } = await world()
  const ref = await add()
  await take()
  await loseWorker(ref)
  const control = new JobControl({ redis, keys })
  const before = await jobs.read(ref)
  if (!before) throw new Error('it is there')
  await control.cancel(before, 0, Date.now())
  const canceled = await jobs.read(ref)
  expect(await read(ref)).toMatchObject({ state: 'canceled', starts: ['worker_lost w'] })
  if (canceled) await control.reopen(canceled, Date.now())
  expect(await read(ref)).toMatchObject({ state: 'queued', starts: [], startedAt: undefined, run: 2 })
})
