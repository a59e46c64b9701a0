import { expect, test } from 'vitest'
import { putBack } from '../../../../src/queue/bullmq/put-back.ts'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import type { NewJob } from '../../../../src/queue/model/new-job.ts'
import { JobControl } from '../../../../src/queue/store/cancel-and-retry.ts'
import { JobQueue } from '../../../../src/queue/store/job-queue.ts'
import { idsOf, ownQueue, sweepOnce } from './own-queue.ts'

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
  return { ...world, queue, add, start, cancel, share, setShared, sweep: () => sweepOnce(world) }
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

test(
  'held jobs take turns with other tenants when they may start, and hold no place of their tenant before',
  patience,
  async () => {
    const { add, start, share, queue, fetch, succeed } = await sharedQueue()
    const keyed = () => ({ concurrency: { key: 'k', limit: 50, onFull: 'wait' as const } })
    const gate = { queue: 'io', kind: 'concurrency' as const, tenant: 'a', key: 'k' }
    await queue.limits.set(gate, { limit: 0 })
    const held = await add('a', 50, keyed)
    await add('b', 100)
    const [plain] = await add('a', 1)
    // The job without a key is not behind the held ones.
    expect((await start(2)).includes(String(plain))).toBe(true)
    await start(20)
    await queue.limits.set(gate, undefined)
    const order = await start(60)
    for (const from of [0, 20, 40])
      expect(Math.abs(share(order.slice(from, from + 20), 'a') - 10)).toBeLessThanOrEqual(1)
    expect(order.filter((id) => held.includes(id))).toEqual(held.slice(0, share(order, 'a')))
    await start(1000)

    // With others of their tenant waiting they take from its share, and keep their order.
    await add('b', 100)
    const mutex = () => ({ concurrency: { key: 'm', limit: 1, onFull: 'wait' as const } })
    const chain = await add('a', 10, mutex)
    await add('a', 100)
    const [first] = await fetch(1)
    const [second] = await fetch(1)
    for (const job of [first, second]) if (job) await succeed(job)
    const mixed = await start(60)
    expect(Math.abs(share(mixed, 'a') - 30)).toBeLessThanOrEqual(6)
    const started = [first?.id, second?.id, ...mixed].filter((id) => id !== undefined && chain.includes(id))
    expect(started.length).toBeGreaterThanOrEqual(6)
    expect(started).toEqual(chain.slice(0, started.length))
  },
)

test('a tenant that cancels neither falls behind nor gains, whatever it leaves waiting', patience, async () => {
  const { add, start, cancel, share } = await sharedQueue()
  const many = await add('a', 60)
  await add('b', 100)
  await cancel(many.slice(0, 59))
  expect((await start(2)).includes(String(many[59]))).toBe(true)
  await start(1000)

  let waiting = await add('a', 150)
  await add('b', 300)
  const order: string[] = []
  for (let round = 0; round < 10; round++) {
    await cancel(waiting.splice(0, 5))
    await cancel(waiting.splice(waiting.length - 5, 5))
    waiting.push(...(await add('a', 10)))
    const started = await start(20)
    order.push(...started)
    waiting = waiting.filter((id) => !started.includes(String(id)))
    expect(Math.abs(share(started, 'a') - 10)).toBeLessThanOrEqual(2)
  }
  const left = order.filter((id) => share([id], 'a') === 1)
  expect(left).toEqual(left.toSorted())
})

test('what is kept of turns and fairness keys is bounded by what waits, and goes with it', patience, async () => {
  const { add, start, cancel, redis, keys, sweep, bull } = await sharedQueue()
  const beside = (name: string) => `${keys.bullPrefix('io')}:${name}`
  await add('a', 100, (n) => ({ fairnessKey: `k${n}` }))
  expect(await redis.hlen(beside('turns:10:a:last'))).toBeGreaterThan(100)
  await start(90)
  expect(await redis.hlen(beside('turns:10:a:last'))).toBeLessThanOrEqual(12)
  await cancel(await add('a', 20, (n) => ({ fairnessKey: `c${n}` })))
  await start(9)
  await sweep()
  expect(await redis.hlen(beside('turns:10:a:last'))).toBeLessThanOrEqual(24)
  await start(10)
  await sweep()
  const names = await redis.keys(`${keys.bullPrefix('io').replaceAll(/[{}]/g, '\\$&')}*`)
  expect(names.filter((name) => /turns|fair|recount/.test(name))).toEqual([])
  // Then nothing of it costs.
  expect(await redis.hmget(bull('meta'), 'drover.fair', 'drover.limits')).toEqual([null, null])
})

test('a tool of BullMQ that removes all waiting jobs leaves no turns behind', patience, async () => {
  const { add, start, redis, keys, sweep, bull } = await sharedQueue()
  for (const tenants of [1, 600]) {
    await add('a', 150, () => ({ fairnessKey: 'x' }))
    for (let n = 0; n < tenants; n++) await add(`t${n}`, 2)
    await start(3)
    const ids = await redis.zrange(bull('prioritized'), '0', '-1')
    await redis.del(bull('prioritized'), ...ids.map(bull))
    expect(await start(1)).toEqual([])
    for (let n = 0; n < 8; n++) await sweep()
    const names = await redis.keys(`${keys.bullPrefix('io').replaceAll(/[{}]/g, '\\$&')}:*`)
    expect(names.filter((name) => /:(turns|fair|recount)/.test(name))).toEqual([])
  }
})

test('a job that is put back when nothing waits is the next of its tenant', patience, async () => {
  const { add, start, fetch, own, backend } = await sharedQueue()
  const [first] = await add('a', 1, () => ({ fairnessKey: 'x' }))
  const [taken] = await fetch(2)
  if (taken) await putBack({ redis: own, backend }, String(taken.id), taken.lockToken, true)
  await add('a', 3, () => ({ fairnessKey: 'y' }))
  await add('a', 3)
  expect((await start(1))[0]).toBe(first)
})

test('jobs behind many that were canceled move up in parts', patience, async () => {
  const { add, start, cancel, sweep, share } = await sharedQueue()
  const many = await add('a', 350)
  await add('b', 200)
  await cancel(many.slice(0, 60))
  for (let n = 0; n < 2; n++) await sweep()
  const order = await start(100)
  expect(Math.abs(share(order, 'a') - 50)).toBeLessThanOrEqual(2)
  await cancel(many.slice(120, 345))
  for (let n = 0; n < 2; n++) await sweep()
  const [last] = await add('a', 1)
  expect((await start(35)).includes(String(last))).toBe(true)
})
