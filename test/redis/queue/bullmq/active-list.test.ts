import { expect, test } from 'vitest'
import type { FetchedJob } from '../../../../src/queue/bullmq/fetched-job.ts'
import { findStalled, fromOldest, type LookedUpTo } from '../../../../src/queue/bullmq/find-stalled.ts'
import { leaveToOthers, putBack } from '../../../../src/queue/bullmq/put-back.ts'
import { JobControl } from '../../../../src/queue/store/cancel-and-retry.ts'
import { JobQueue } from '../../../../src/queue/store/job-queue.ts'
import { idsOf, ownQueue } from './own-queue.ts'

/** Above the length up to which the list of running jobs is walked. */
const many = 5000
const perFetch = 50

/** A queue with many running jobs, the oldest first. */
async function runningMany() {
  const queue = await ownQueue()
  const { queues, fetch, bull, redis } = queue
  const now = Date.now()
  const record = { v: 1, tenant: '-', input: 0 } as const
  const jobs: FetchedJob[] = []
  for (let from = 0; from < many; from += perFetch) {
    const refs = Array.from({ length: perFetch }, (_, n) => ({
      queue: 'io',
      id: `io_${String(from + n).padStart(26, '0')}`,
    }))
    await queues.addBulk(
      'io',
      refs.map((ref) => ({ ref, type: 'echo', record, attempts: 3, createdAt: now })),
    )
    jobs.push(...(await fetch(perFetch)))
  }
  const active = () => redis.lrange(bull('active'), 0, -1)
  return { ...queue, jobs, active, held: { redis: queue.own, backend: queue.backend } }
}

test('of many running jobs each is found and removed, wherever it is, whatever ends its start', async () => {
  const { jobs, active, held, succeed, backend, redis, keys } = await runningMany()
  const control = new JobControl({ redis, keys })
  const left = new Set(idsOf(jobs))
  const middle = jobs[many / 2]
  if (!middle) throw new Error('too few jobs')
  await succeed(middle)
  left.delete(middle.id)
  // Not by a walk: the oldest has taken its place.
  expect((await active())[many / 2 - 1]).toBe(jobs[0]?.id)

  // The newest, the oldest, and those between, among them one that was moved.
  const places = [many - 1, 0, 1, 2, ...Array.from({ length: 60 }, (_, n) => 100 + n * 80)]
  for (const [n, place] of places.entries()) {
    const job = jobs[place]
    if (!job) throw new Error('too few jobs')
    const id = job.id ?? ''
    if (n % 5 === 0) expect(await succeed(job)).toMatchObject({ word: 'ended' })
    else if (n % 5 === 1) await putBack(held, id, job.lockToken, true)
    else if (n % 5 === 2) await backend.moveToDelayed(id, Date.now(), 1000, job.lockToken)
    else if (n % 5 === 3) await leaveToOthers(held, id, job.lockToken, 1000)
    else {
      await redis.set(keys.lock(job.ref), `cancel:${job.lockToken}`)
      await control.finishCanceled(job.ref, { token: job.lockToken, attempt: 1 }, 'cooperatively')
    }
    left.delete(job.id)
  }
  const now = await active()
  expect(now).toHaveLength(left.size)
  expect(new Set(now)).toEqual(left)
})

test('a job of a vanished worker is found among many, by calls of a bounded size', async () => {
  const { jobs, redis, keys, bull } = await runningMany()
  const queue = new JobQueue({ client: redis, keys, queues: ['io'] })
  const lost = [0, 1234, 1235, 3000, many - 1].flatMap((n) => jobs[n] ?? [])
  await redis.del(lost.map(({ ref }) => keys.lock(ref)))
  const [first] = lost
  expect(await queue.read(first?.ref ?? { queue: 'io', id: '' })).toMatchObject({ state: 'running' })

  const look = { redis, keys, queue: 'io', looker: 'one', maxCrashes: 3 }
  const found: string[] = []
  let calls = 0
  for (let from: LookedUpTo | undefined = fromOldest; from !== undefined; calls++) {
    const piece = await findStalled(look, from, 5000)
    if (typeof piece === 'number') throw new Error('nobody else looks')
    found.push(...piece.ids)
    from = piece.next
  }
  expect(found).toHaveLength(lost.length)
  expect(new Set(found)).toEqual(new Set(idsOf(lost)))
  expect(calls).toBeGreaterThan(5)
  expect(await redis.llen(bull('active'))).toBe(many - lost.length)
  expect(await redis.lrange(bull('wait'), 0, -1)).toHaveLength(lost.length)
  expect(await redis.hget(keys.job(lost[2]?.ref ?? { queue: 'io', id: '' }), 'stc')).toBe('1')

  // While one looks another learns how long to wait.
  expect(await findStalled({ ...look, looker: 'other' }, fromOldest, 5000)).toBeGreaterThan(0)
})

test('jobs that end between two calls of a round hide none that has lost its worker', async () => {
  const { jobs, redis, keys, succeed } = await runningMany()
  const look = { redis, keys, queue: 'io', looker: 'one', maxCrashes: 3 }
  const piece = await findStalled(look, fromOldest, 5000)
  if (typeof piece === 'number' || !piece.next) throw new Error('there is more to look at')
  const { count } = piece.next
  const lost = jobs[count + 50]
  if (!lost) throw new Error('too few jobs')
  for (const job of jobs.slice(0, 300)) await succeed(job)
  await redis.del(keys.lock(lost.ref))
  expect(await findStalled(look, piece.next, 5000)).toMatchObject({ ids: [lost.id], isFull: false })
})

test('the jobs of many vanished workers come back, some by each call', async () => {
  const { jobs, redis, keys, bull } = await runningMany()
  const lost = jobs.slice(1000, 1600)
  await redis.del(lost.map(({ ref }) => keys.lock(ref)))
  let seen = 0
  for (let from: LookedUpTo | undefined = fromOldest; from !== undefined; ) {
    const piece = await findStalled({ redis, keys, queue: 'io', looker: 'one', maxCrashes: 3 }, from, 5000)
    if (typeof piece === 'number') throw new Error('nobody else looks')
    expect(piece.ids.length).toBeLessThanOrEqual(100)
    seen += piece.ids.length
    from = piece.next
  }
  expect(seen).toBe(600)
  expect(await redis.lrange(bull('wait'), 0, -1)).toHaveLength(600)
  const active = await redis.lrange(bull('active'), 0, -1)
  expect(new Set(active)).toEqual(new Set(idsOf(jobs.filter((job) => !lost.includes(job)))))
})
