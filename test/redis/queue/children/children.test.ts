import { pino } from 'pino'
import { expect, test } from 'vitest'
import { z } from 'zod'
import type { ChildrenAsk } from '../../../../src/jobs/child-job.ts'
import { defineJob } from '../../../../src/jobs/define-job.ts'
import { Admission } from '../../../../src/queue/admission/admission.ts'
import { QueueBackpressure } from '../../../../src/queue/admission/queue-backpressure.ts'
import { RedisMemory } from '../../../../src/queue/admission/redis-memory.ts'
import { TenantLimits } from '../../../../src/queue/admission/tenant-limits.ts'
import { TenantQuotas } from '../../../../src/queue/admission/tenant-quotas.ts'
import type { FetchedJob } from '../../../../src/queue/bullmq/fetched-job.ts'
import { parkJob } from '../../../../src/queue/bullmq/park-job.ts'
import { putBack } from '../../../../src/queue/bullmq/put-back.ts'
import { ChildResults } from '../../../../src/queue/children/child-results.ts'
import { ChildrenStore } from '../../../../src/queue/children/children-store.ts'
import { lookAfterParent } from '../../../../src/queue/children/look-after-parent.ts'
import type { Parent } from '../../../../src/queue/children/parent.ts'
import { ChildSubmitter } from '../../../../src/queue/children/submit-children.ts'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import type { JobRecord } from '../../../../src/queue/model/job-record.ts'
import { QueueUnavailableError } from '../../../../src/queue/redis/connection.ts'
import { JobControl } from '../../../../src/queue/store/cancel-and-retry.ts'
import { JobQueue } from '../../../../src/queue/store/job-queue.ts'
import { ownQueue, sweepOnce } from '../bullmq/own-queue.ts'

const echo = defineJob({
  type: 'echo',
  title: 'Echo',
  runsOn: 'event-loop',
  keepResultMs: 3_600_000,
  input: z.unknown(),
  output: z.unknown(),
  run: async (input) => input,
})
const registry = new Map([['echo', { job: echo, file: '' }]])
const log = pino({ enabled: false })

/** Stores no jobs: the process dies before it does. */
class DyingQueue extends JobQueue {
  override async addMany(): Promise<never> {
    throw new QueueUnavailableError(new Error('the process dies'))
  }
}

/** A parent that runs, what its handler asks, and what the coordinator does. */
async function family() {
  const queue = await ownQueue()
  const { redis, keys, backend, add, fetch } = queue
  const store = new ChildrenStore({ redis, keys })
  const jobs = new JobQueue({ client: redis, keys, queues: ['io'] })
  const control = new JobControl({ redis, keys })
  const quotas = new TenantQuotas({ redis, keys })
  const backpressure = new QueueBackpressure({ redis, keys, depthLimit: 1000, memory: new RedisMemory(redis) })
  const relief = {
    makeRoom: async () => false,
    takeOfTenant: async () => true,
    roomOfTenant: async () => Infinity,
    isStuck: () => false,
    giveBackOfTenant: () => undefined,
    describe: async () => ({ detail: '', retryAfterS: 1 }),
  }
  const admission = new Admission({ backpressure, quotas, relief })
  const door = { admission, limits: new TenantLimits({ redis, keys }) }
  const submitter = (of: JobQueue = jobs) => new ChildSubmitter({ redis, keys, jobs: of, registry, control, door, log })
  const parentOf = (job: FetchedJob): Parent => ({
    ref: job.ref,
    lockToken: job.lockToken,
    run: job.run,
    attempt: job.attempt,
    starts: job.attemptsStarted,
    record: job.data as JobRecord,
    traceparent: undefined,
  })
  const portOf = (job: FetchedJob, of?: JobQueue) => submitter(of).portOf(parentOf(job))
  const fetchOne = async (token?: string): Promise<FetchedJob> => {
    const [job] = await fetch(1, token)
    if (!job) throw new Error('there is no job to fetch')
    return job
  }
  const park = (job: FetchedJob, field: string) =>
    parkJob(
      { redis: queue.own, backend },
      job.id ?? '',
      job.lockToken,
      [{ fields: [field], step: '', timeoutMs: undefined }],
      1,
    )
  const results = new ChildResults({ redis, keys, jobs })
  const deps = { redis, keys, store, results, jobs, control, quotas, registry }
  const parent = await add({ input: 'parent' })
  return {
    ...queue,
    store,
    jobs,
    control,
    parent,
    parentOf,
    portOf,
    fetchOne,
    park,
    look: (hinted?: string[]) => lookAfterParent(deps, { id: parent.id, ...(hinted && { hinted: new Set(hinted) }) }),
    dying: new DyingQueue({ client: redis, keys, queues: ['io'] }),
  }
}

const asking = (waitFor: ChildrenAsk['waitFor'], ...inputs: unknown[]): ChildrenAsk => ({
  calls: inputs.map((input, n) => ({ n: n + 1, type: 'echo', input, options: {} })),
  waitFor,
})

const stateOf = async ({ jobs }: { jobs: JobQueue }, ref: Parameters<JobQueue['read']>[0]) =>
  (await jobs.read(ref))?.state

test('a child that was noted and not stored is stored once by the next start, under its id', async () => {
  const world = await family()
  const { redis, keys, own, backend, parent, portOf, fetchOne, dying } = world
  const first = await fetchOne()
  expect(await portOf(first, dying)(asking('all', 'a'))).toMatchObject({ code: 'queue_unavailable' })
  const noted = await redis.hget(keys.children(parent), '1:1')
  await putBack({ redis: own, backend }, parent.id, first.lockToken, true)
  const second = await fetchOne('of the second')
  expect(await portOf(second)(asking('all', 'a'))).toMatchObject({ status: 'open' })
  expect(await redis.hget(keys.children(parent), '1:1')).toBe(noted)
  const child = { queue: 'io', id: noted?.split(' ')[0] ?? '' }
  expect(await world.jobs.read(child)).toMatchObject({ state: 'queued', record: { input: 'a', parent: { depth: 1 } } })
  expect(await redis.hmget(keys.children(parent), 'own', 'total')).toEqual(['1', '1'])
  // The first start has lost the job: it submits nothing more.
  expect(await portOf(first)(asking('all', 'a', 'b'))).toMatchObject({ status: 'refused', code: 'lease_lost' })
})

test('a parked parent comes back by the end of its last child, though the hint was lost, and once', async () => {
  const world = await family()
  const { redis, keys, parent, portOf, fetchOne, park, succeed, look } = world
  const job = await fetchOne()
  const reply = await portOf(job)(asking('all', 'a', 'b'))
  if (reply.status !== 'open') throw new Error(`it is ${reply.status}`)
  expect(await park(job, reply.field)).toBe('parked')
  const children = [await fetchOne(), await fetchOne()]
  for (const [n, child] of children.entries()) {
    await succeed(child, { output: JSON.stringify(n) })
    expect(await stateOf(world, parent)).toBe('blocked')
    if (n === 0) await look([child.id ?? ''])
  }
  await look()
  expect(await stateOf(world, parent)).toBe('queued')
  await look()
  const again = await fetchOne()
  expect(again.id).toBe(parent.id)
  expect(await portOf(again)(asking('all', 'a', 'b'))).toMatchObject({
    status: 'ready',
    results: [
      { status: 'succeeded', output: 0 },
      { status: 'succeeded', output: 1 },
    ],
  })
  expect(await redis.hexists(keys.job(parent), 'parked')).toBe(0)
})

test('children that end before their parent is parked leave it running', async () => {
  const { portOf, fetchOne, park, succeed, look } = await family()
  const job = await fetchOne()
  const reply = await portOf(job)(asking('first_failure', 'a'))
  if (reply.status !== 'open') throw new Error(`it is ${reply.status}`)
  const child = await fetchOne()
  await succeed(child)
  await look([child.id ?? ''])
  expect(await park(job, reply.field)).toMatchObject([{ status: 'arrived' }])
})

test('a parent comes back whose last awaited call was refused after the others had ended', async () => {
  const world = await family()
  const { store, parent, parentOf, portOf, fetchOne, park, succeed, look } = world
  const job = await fetchOne()
  const reply = await portOf(job)(asking('all', 'a'))
  if (reply.status !== 'open') throw new Error(`it is ${reply.status}`)
  const refused = [{ n: 2, id: newJobRef('io', Date.now()).id }]
  await store.note(parentOf(job), refused, { field: 'children:1:2', failFast: false, also: [] })
  const child = await fetchOne()
  await succeed(child)
  await look([child.id ?? ''])
  await store.withdraw(parentOf(job), refused)
  expect(await park(job, reply.field)).toBe('parked')
  await look()
  expect(await stateOf(world, parent)).toBe('queued')
})

test('the first start of the next run waits for nothing of the run before', async () => {
  const { redis, keys, store, parent, parentOf, fetchOne } = await family()
  const first = parentOf(await fetchOne())
  const wait = { field: 'children:1:1', failFast: false, also: [] }
  const [before, now] = [newJobRef('io', Date.now()), newJobRef('io', Date.now())]
  await store.note(first, [{ n: 1, id: before.id }], wait)
  await store.note({ ...first, run: 2 }, [{ n: 1, id: now.id }], wait)
  expect(await redis.smembers(keys.awaitedChildren(parent))).toEqual([now.id])
})

test('the end of a parent cancels open children and lets all go, also where the coordinator dies in between', async () => {
  const world = await family()
  const { redis, keys, store, parent, portOf, fetchOne, control, succeed, look } = world
  const job = await fetchOne()
  await portOf(job)(asking('nothing', 'a', 'b'))
  const done = await fetchOne()
  await succeed(done)
  await control.cancel(parent, 1000, Date.now())
  await control.finishCanceled(parent, { token: job.lockToken, attempt: 1 }, 'cooperatively')
  const listed = await store.listed(0, 10)
  expect(listed).toEqual([{ id: parent.id, run: 1 }])
  // One of two has been looked after when the first coordinator dies.
  const [first] = await Array.fromAsync(store.childrenOf(parent, 1))
  await store.forget({ id: parent.id, run: 1 }, parent, [first?.[0]?.field ?? ''])
  expect(await look()).toEqual({ id: parent.id, run: 1 })
  expect(await redis.exists(keys.children(parent), keys.awaitedChildren(parent))).toBe(0)
  const states = await Promise.all((first ?? []).slice(1).map(({ ref }) => stateOf(world, ref)))
  expect(states.every((state) => state === 'canceled' || state === 'succeeded')).toBe(true)
  // A zombie of the canceled parent submits nothing.
  expect(await portOf(job)(asking('nothing', 'a', 'b', 'c'))).toMatchObject({ code: 'lease_lost' })
})

test('children of a job that succeeded go on, though it was deleted before they were looked after', async () => {
  const world = await family()
  const { redis, keys, jobs, parent, portOf, fetchOne, succeed, look } = world
  const job = await fetchOne()
  await portOf(job)(asking('nothing', 'a'))
  await succeed(job)
  const ended = await jobs.read(parent)
  expect(ended && (await jobs.remove(ended))).toBe('removed')
  expect(await look()).toEqual({ id: parent.id, run: 1 })
  expect(await redis.exists(keys.children(parent))).toBe(0)
  expect(await fetchOne()).toMatchObject({ data: { input: 'a' } })
})

test('a child is kept no longer than its type says, though a sweep has passed over it', async () => {
  const world = await family()
  const { redis, keys, portOf, fetchOne, succeed, look } = world
  const job = await fetchOne()
  await portOf(job)(asking('nothing', 'a'))
  const child = await fetchOne()
  await succeed(child)
  const retention = keys.retention('io')
  // Its time has come.
  await redis.zadd(retention, 0, child.id ?? '')
  await sweepOnce(world)
  expect(await redis.zscore(retention, child.id ?? '')).toBeNull()
  await succeed(job)
  await look()
  expect(await redis.zscore(retention, child.id ?? '')).toBe('0')
})

test('the first job above all counts those below it, each once', async () => {
  const { store, parent } = await family()
  expect(await store.count(parent, 'io_a', 9_000)).toBe('counted')
  expect(await store.count(parent, 'io_a', 9_000)).toBe('counted')
  expect(await store.count(parent, 'io_b', 1_001)).toBe('full')
  expect(await store.count(parent, 'io_b', 1_000)).toBe('counted')
  expect(await store.count({ queue: 'io', id: 'io_none' }, 'io_c', 1)).toBe('over')
})
