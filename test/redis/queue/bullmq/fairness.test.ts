import { expect, test } from 'vitest'
import { putBack } from '../../../../src/queue/bullmq/put-back.ts'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import type { NewJob } from '../../../../src/queue/model/new-job.ts'
import { JobControl } from '../../../../src/queue/store/cancel-and-retry.ts'
import { JobQueue } from '../../../../src/queue/store/job-queue.ts'
import { idsOf, ownQueue } from './own-queue.ts'

/** The machine may be busy. */
const patience = { timeout: 120_000 }

type Options = Partial<Omit<NewJob['record'], 'tenant'>>

/** A queue of its own that tenants share, and the order in which its jobs start. */
async function sharedQueue() {
  const world = await ownQueue()
  const { redis, keys, fetch, succeed } = world
  let isShared = true
  const queue = new JobQueue({ client: redis, keys, queues: ['io'], isShared: () => isShared })
  const tenants = new Map<string, string>()
  const add = async (tenant: string, count: number, options: (n: number) => Options = () => ({})) => {
    const refs = Array.from({ length: count }, () => newJobRef('io', Date.now()))
    await Promise.all(
      refs.map((ref, n) => {
        tenants.set(ref.id, tenant)
        const record = { tenant, input: null, ...options(n) }
        return queue.add({ ref, type: 'echo', record, attempts: 1, createdAt: Date.now() })
      }),
    )
    return idsOf(refs)
  }
  /** Starts jobs and ends them, a few at once. @returns their ids in the order of their starts */
  const start = async (count: number): Promise<string[]> => {
    const started: string[] = []
    while (started.length < count) {
      const jobs = await fetch(Math.min(8, count - started.length))
      if (jobs.length === 0) return started
      started.push(...jobs.map(({ id }) => String(id)))
      for (const job of jobs) await succeed(job)
    }
    return started
  }
  const cancel = async (ids: (string | undefined)[]) => {
    const control = new JobControl({ redis, keys })
    for (const id of ids) {
      const job = await queue.read({ queue: 'io', id: String(id) })
      if (job) await control.cancel(job, 1000, Date.now())
    }
  }
  const share = (started: string[], tenant: string) => started.filter((id) => tenants.get(id) === tenant).length
  const setShared = (is: boolean) => {
    isShared = is
  }
  return { ...world, queue, add, start, cancel, share, setShared }
}

test(
  'whatever one tenant has waiting, others start as often, and in proportion to their weights',
  patience,
  async () => {
    const { add, start, share } = await sharedQueue()
    await add('flood', 300)
    for (let n = 0; n < 9; n++) await add(`t${n}`, 10)
    const first = await start(100)
    expect(share(first, 'flood')).toBe(10)
    await start(190)
    // A job that comes late waits for one of the other tenant.
    const late = await add('late', 1)
    expect((await start(2)).includes(String(late[0]))).toBe(true)
    await start(1000)

    for (const [tenant, weight] of [
      ['a', 1],
      ['b', 2],
      ['c', 4],
    ] as const)
      await add(tenant, 100, () => ({ weight }))
    const weighed = await start(140)
    for (const [tenant, count] of [
      ['a', 20],
      ['b', 40],
      ['c', 80],
    ] as const)
      expect(Math.abs(share(weighed, tenant) - count)).toBeLessThanOrEqual(1)
  },
)

test('fairness keys divide the share of their tenant, and never multiply it', patience, async () => {
  const { add, start, share } = await sharedQueue()
  // One key after the other, each with its own flood.
  await add('keys', 200, (n) => ({ fairnessKey: `k${Math.floor(n / 10)}` }))
  await add('other', 200)
  const first = await start(80)
  expect(Math.abs(share(first, 'keys') - 40)).toBeLessThanOrEqual(1)
  await start(1000)

  const [plain, keyed] = [await add('a', 30), await add('a', 30, (n) => ({ fairnessKey: n < 29 ? 'x' : 'y' }))]
  const order = await start(60)
  // The jobs without a key, x and y take turns, each in its order.
  expect(order.indexOf(String(keyed[29]))).toBeLessThan(4)
  expect(order.filter((id) => plain.includes(id))).toEqual(plain)
  expect(order.filter((id) => keyed.slice(0, 29).includes(id))).toEqual(keyed.slice(0, 29))
  expect(order.slice(0, 20).filter((id) => plain.includes(id)).length).toBeGreaterThanOrEqual(9)
})

test(
  'a cancel gives the turn back, a put-back keeps the others in order, and one tenant is first in, first out',
  patience,
  async () => {
    const { add, start, cancel, fetch, own, backend, redis, keys, share } = await sharedQueue()
    await cancel(await add('a', 50))
    await add('b', 30)
    const back = await add('a', 5)
    expect((await start(3)).includes(String(back[0]))).toBe(true)
    await start(1000)
    expect(await redis.hgetall(`${keys.bullPrefix('io')}:fair`)).toEqual({})

    const ids = await add('a', 20)
    await cancel([ids[3], ids[19], ids[7]])
    const more = await add('a', 5)
    const [taken] = await fetch(1)
    if (taken) await putBack({ redis: own, backend }, String(taken.id), taken.lockToken, true)
    await add('b', 5)
    const order = await start(100)
    const left = [...ids.filter((_, n) => ![3, 7, 19].includes(n)), ...more]
    expect(order.filter((id) => left.includes(id))).toEqual(left)
    expect(share(order.slice(0, 11), 'b')).toBe(5)
  },
)

test('jobs that waited before tenants shared the queue keep their places', patience, async () => {
  const { add, start, setShared } = await sharedQueue()
  setShared(false)
  const before = await add('a', 20)
  await start(4)
  setShared(true)
  const [others, after] = [await add('b', 5), await add('a', 5)]
  const order = await start(100)
  expect(order.filter((id) => !others.includes(id))).toEqual([...before.slice(4), ...after])
  expect(order.indexOf(String(others[4]))).toBeLessThan(12)
})
