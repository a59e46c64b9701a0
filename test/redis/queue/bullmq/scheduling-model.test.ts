import {
  type Arbitrary,
  array,
  asyncProperty,
  boolean,
  check,
  constant,
  constantFrom,
  integer,
  oneof,
  option,
  record,
} from 'fast-check'
import { expect, test } from 'vitest'
import type { FetchedJob } from '../../../../src/queue/bullmq/fetched-job.ts'
import { findStalled, fromOldest } from '../../../../src/queue/bullmq/find-stalled.ts'
import { putBack, retryJob } from '../../../../src/queue/bullmq/put-back.ts'
import { newJobRef } from '../../../../src/queue/model/job-id.ts'
import { JobRefusedError } from '../../../../src/queue/model/scheduling.ts'
import { JobControl } from '../../../../src/queue/store/cancel-and-retry.ts'
import { JobQueue } from '../../../../src/queue/store/job-queue.ts'
import { propertyRuns } from '../../../helpers/property-runs.ts'
import { ownQueue, sweepOnce } from './own-queue.ts'

// Any commands to the scripts, against the rules of docs/scheduling.md, which hold after each command.

const limits: Record<0 | 1 | 2, number> = [1, 2, 3]
const maxRunning = 3
const rates = { fast: { limit: 1000, perMs: 1000 }, slow: { limit: 1, perMs: 5 } }
/** The type and the key whose limits are set from outside. */
const pinnedType = { queue: 'io', kind: 'type' as const, tenant: undefined, key: 'sleep' }
const pinned = { queue: 'io', kind: 'concurrency' as const, tenant: 'a', key: 'k2' }

const job = record({
  type: constantFrom('echo', 'sleep'),
  tenant: constantFrom('a', 'b'),
  priority: constantFrom(0, 5),
  key: option(constantFrom(0 as const, 1 as const, 2 as const), { nil: undefined }),
  /** Not that of its key, where it is above that. */
  ownLimit: option(constantFrom(2, 5), { nil: undefined }),
  rate: constantFrom('none' as const, 'none' as const, 'fast' as const, 'slow' as const),
  fairnessKey: option(constantFrom('x', 'y'), { nil: undefined }),
  onFull: constantFrom('wait' as const, 'reject' as const),
  isDelayed: boolean(),
})
type Given = typeof job extends Arbitrary<infer J> ? J : never
const which = integer({ min: 0, max: 9 })
const command = oneof(
  { weight: 5, arbitrary: record({ kind: constant('add' as const), job }) },
  { weight: 4, arbitrary: record({ kind: constant('take' as const), count: integer({ min: 1, max: 5 }) }) },
  { weight: 3, arbitrary: record({ kind: constant('end' as const), which, fetchNext: boolean() }) },
  record({ kind: constantFrom('retry' as const, 'delay' as const, 'put_back' as const, 'stall' as const), which }),
  { weight: 2, arbitrary: record({ kind: constant('cancel' as const), which }) },
  record({ kind: constant('finish_canceled' as const) }),
  record({ kind: constant('pause' as const), isPaused: boolean() }),
  record({ kind: constant('sweep' as const) }),
  record({
    kind: constantFrom('pin' as const, 'pin_type' as const),
    limit: option(integer({ min: 0, max: 4 }), { nil: undefined }),
  }),
)
type Command = typeof command extends Arbitrary<infer C> ? C : never

/** The limit that a job says. */
function limitOf({ key, ownLimit }: Pick<Given, 'key' | 'ownLimit'>): number {
  return key === undefined ? 0 : Math.max(limits[key], ownLimit ?? 0)
}

/** A job as the test knows it. */
interface Known extends Given {
  id: string
  n: number
  /** It has been retried, put back or stalled: then its place among others is not the one of its submission. */
  hasMoved: boolean
  startedAs?: number
}

class Driven {
  readonly #world: Awaited<ReturnType<typeof ownQueue>>
  readonly #queue: JobQueue
  readonly #control: JobControl
  readonly #known = new Map<string, Known>()
  #running: FetchedJob[] = []
  #canceled: FetchedJob[] = []
  #starts = 0
  #pinned: number | undefined
  #pinnedType: number | undefined
  /** How many of the type ran when its limit was set. */
  #maxOfType = Infinity
  /** More may run than a limit from outside allows now. */
  #wasPinned = false
  #tokens = 0

  constructor(world: Awaited<ReturnType<typeof ownQueue>>) {
    this.#world = world
    const { redis, keys } = world
    this.#queue = new JobQueue({ client: redis, keys, queues: ['io'] })
    this.#control = new JobControl({ redis, keys })
  }

  async run(one: Command): Promise<void> {
    const { redis, keys, backend, own } = this.#world
    const held = { redis: own, backend }
    switch (one.kind) {
      case 'add':
        return this.#add(one.job)
      case 'take':
        return this.#take(one.count)
      case 'end': {
        const ended = this.#pick(one.which)
        if (!ended) return
        const { next } = await this.#world.succeed(ended, { fetchNext: one.fetchNext })
        if (next) this.#started([next])
        return
      }
      case 'retry':
      case 'delay': {
        const failed = this.#pick(one.which)
        if (!failed) return
        const delayMs = one.kind === 'delay' ? 1 : undefined
        expect(await retryJob(held, String(failed.id), failed.lockToken, { delayMs })).toBe(0)
        return
      }
      case 'put_back': {
        const back = this.#pick(one.which)
        if (back) await putBack(held, String(back.id), back.lockToken, true)
        return
      }
      case 'stall': {
        const lost = this.#pick(one.which)
        if (!lost) return
        await redis.del(keys.lock({ queue: 'io', id: String(lost.id) }))
        await findStalled({ redis, keys, queue: 'io', looker: 'test', maxCrashes: 100 }, fromOldest, 1000)
        return
      }
      case 'cancel':
        return this.#cancel(one.which)
      case 'finish_canceled': {
        for (const stopped of this.#canceled.splice(0)) {
          const run = { token: stopped.lockToken, attempt: 1 }
          await this.#control.finishCanceled(stopped.ref, run, 'cooperatively')
        }
        return
      }
      case 'pause':
        return this.#queue.setPaused('io', one.isPaused)
      case 'sweep':
        return sweepOnce(this.#world)
      case 'pin':
        return this.#pin(one.limit)
      case 'pin_type':
        return this.#pinType(one.limit)
      default:
        throw new TypeError(`there is no such command: ${JSON.stringify(one satisfies never)}`)
    }
  }

  async #add(given: Given): Promise<void> {
    const { tenant, priority, key, rate, fairnessKey, onFull, isDelayed } = given
    const now = Date.now()
    const ref = newJobRef('io', now)
    const record = {
      tenant,
      priority,
      input: null,
      ...(tenant === 'b' && { maxRunning, weight: 2 }),
      ...(fairnessKey !== undefined && { fairnessKey }),
      ...(key !== undefined && { concurrency: { key: `k${key}`, limit: limitOf(given), onFull } }),
      ...(rate !== 'none' && { rate: { ...rates[rate], key: rate, burst: 1 } }),
    }
    try {
      await this.#queue.add({
        ref,
        type: given.type,
        record,
        attempts: 100,
        createdAt: now,
        ...(isDelayed && { runAt: now + 2 }),
      })
      this.#known.set(ref.id, { ...given, id: ref.id, n: this.#known.size, hasMoved: isDelayed })
    } catch (error) {
      if (!(error instanceof JobRefusedError)) throw error
      expect(onFull).toBe('reject')
    }
  }

  async #take(count: number): Promise<void> {
    const jobs = await this.#world.fetch(count, `t${++this.#tokens}`)
    this.#started(jobs)
  }

  #started(jobs: FetchedJob[]): void {
    for (const started of jobs) {
      const known = this.#known.get(String(started.id))
      if (known) known.startedAs ??= ++this.#starts
      this.#running.push(started)
    }
  }

  /** One of those that run: it does not from now on. */
  #pick(index: number): FetchedJob | undefined {
    const [picked] = this.#running.splice(index % Math.max(1, this.#running.length), 1)
    const known = picked && this.#known.get(String(picked.id))
    if (known) known.hasMoved = true
    return picked
  }

  async #cancel(index: number): Promise<void> {
    const open = [...this.#known.keys()]
    const id = open[index % Math.max(1, open.length)]
    const stored = id === undefined ? undefined : await this.#queue.read({ queue: 'io', id })
    if (!stored || stored.done) return
    const result = await this.#control.cancel(stored, 1000, Date.now())
    const running = this.#running.findIndex((one) => one.id === id)
    if (running >= 0 && result === 'signaled') this.#canceled.push(...this.#running.splice(running, 1))
  }

  async #pin(limit: number | undefined): Promise<void> {
    this.#pinned = limit
    await this.#queue.limits.set(pinned, limit === undefined ? undefined : { limit })
  }

  async #pinType(limit: number | undefined): Promise<void> {
    this.#pinnedType = limit
    this.#maxOfType = Infinity
    await this.#queue.limits.set(pinnedType, limit === undefined ? undefined : { limit })
  }

  /** As `check`, for the type that has a limit from outside. */
  async #checkType(limit: number, ready: ReadonlySet<string>, busy: Readonly<Record<string, string>>): Promise<void> {
    const { redis, keys, bull } = this.#world
    const name = 'type:sleep'
    const ofType = (ids: string[]) => ids.filter((id) => this.#known.get(id)?.type === 'sleep')
    const running = ofType(await redis.lrange(bull('active'), 0, -1))
    for (const id of ofType(await redis.lrange(bull('wait'), 0, -1))) {
      // One that had started when nothing had a limit is held when it is taken again.
      if ((await redis.hget(`${bull('')}${id}`, 'slot'))?.includes('y')) running.push(id)
    }
    const waiting = [...ready].filter((id) => this.#known.get(id)?.type === 'sleep').length
    const isOver = running.length > Math.max(limit, this.#maxOfType)
    this.#maxOfType = Math.min(this.#maxOfType, running.length)
    expect({ name, limit, isOver, count: Number(busy[name] ?? 0) }).toEqual({
      name,
      limit,
      isOver: false,
      count: running.length,
    })
    const isAsleep = (await redis.zscore(`${keys.bullPrefix('io')}:waking`, name)) !== null
    const isServed = running.length + waiting >= limit || (await redis.zcard(keys.heldAt('io', name))) === 0
    expect({ name, limit, isServed: isServed || isAsleep }).toMatchObject({ isServed: true })
  }

  /** What Redis counts, and what may be ready, for each gate; and which jobs are held by it. */
  async check(): Promise<void> {
    const { redis, keys, bull } = this.#world
    const active = new Set([
      ...(await redis.lrange(bull('active'), 0, -1)),
      ...(await redis.lrange(bull('wait'), 0, -1)),
    ])
    const ready = new Set(await redis.zrange(bull('prioritized'), '0', '-1'))
    const all = new Set(await redis.zrange(bull('held'), '0', '-1'))
    const busy = await redis.hgetall(`${keys.bullPrefix('io')}:busy`)
    expect(Object.keys(await redis.hgetall(`${keys.bullPrefix('io')}:held-by`)).toSorted()).toEqual([...all].toSorted())
    const ofKey = (tenant: string, key: number) =>
      [...this.#known.values()].filter((one) => one.tenant === tenant && one.key === key)
    const gates = ['a', 'b'].flatMap((tenant) =>
      Object.keys(limits).map((key) => ({ name: `concurrency:${tenant}:k${key}`, jobs: ofKey(tenant, Number(key)) })),
    )
    const ofB = [...this.#known.values()].filter(({ tenant }) => tenant === 'b')
    gates.push({ name: 'tenant:b', jobs: ofB })
    for (const { name, jobs } of gates) {
      const limitFor = (of: Known) => (name === 'tenant:b' ? maxRunning : (this.#pinFor(name) ?? limitOf(of)))
      const running = jobs.filter(({ id }) => active.has(id))
      const waiting = jobs.filter(({ id }) => ready.has(id)).length
      const held = new Set(await redis.zrange(keys.heldAt('io', name), '0', '-1'))
      const members = name.startsWith('tenant')
        ? 0
        : running.length + waiting + jobs.filter(({ id }) => all.has(id)).length
      const limit = Math.max(0, ...running.map(limitFor))
      const isOver = running.length > limit && !(this.#wasPinned && name.endsWith(':a:k2'))
      expect({ name, running: running.length, limit, isOver }).toMatchObject({ isOver: false })
      const count = Number(busy[name] ?? 0)
      expect({ name, count }).toEqual({ name, count: members * 2 ** 20 + running.length })
      // It may wait for a rate as well, which wakes its key.
      const isAsleep = (await redis.zscore(`${keys.bullPrefix('io')}:waking`, name)) !== null
      const least = Math.min(...jobs.filter(({ id }) => held.has(id)).map(limitFor))
      if (held.size > 0 && !isAsleep)
        expect({ name, least, isServed: running.length + waiting >= least }).toMatchObject({ isServed: true })
    }
    if (this.#pinnedType !== undefined) await this.#checkType(this.#pinnedType, ready, busy)
  }

  #pinFor(name: string): number | undefined {
    if (this.#pinned !== undefined) this.#wasPinned = true
    return name.endsWith(':a:k2') ? this.#pinned : undefined
  }

  /** Lets all jobs run to their ends. */
  async drain(): Promise<void> {
    await this.#queue.setPaused('io', false)
    await this.#pin(undefined)
    await this.#pinType(undefined)
    const { redis, bull } = this.#world
    const sets = ['prioritized', 'delayed', 'held']
    const until = Date.now() + 30_000
    while (Date.now() < until) {
      await this.run({ kind: 'finish_canceled' })
      await this.#take(5)
      await this.check()
      for (const ended of this.#running.splice(0)) await this.#world.succeed(ended)
      const waiting = await Promise.all(sets.map((set) => redis.zcard(bull(set))))
      const lists = (await redis.llen(bull('active'))) + (await redis.llen(bull('wait')))
      if (waiting.every((count) => count === 0) && lists === 0) return
    }
    expect(await redis.zrange(bull('held'), '0', '-1')).toEqual('nothing is left')
  }

  /** Jobs of a tenant that are alike start in the order of their submission. */
  checkOrder(): void {
    const started = [...this.#known.values()].filter(({ startedAs }) => startedAs !== undefined)
    const alike = Map.groupBy(started, ({ type, tenant, priority, key, ownLimit, fairnessKey, rate, isDelayed }) =>
      isDelayed ? 'any' : JSON.stringify([type, tenant, priority, key, ownLimit, fairnessKey, rate]),
    )
    alike.delete('any')
    for (const jobs of alike.values()) {
      const order = jobs.toSorted((a, b) => a.n - b.n).map(({ startedAs }) => startedAs)
      expect(order).toEqual(order.toSorted((a = 0, b = 0) => a - b))
    }
  }
}

test('whatever happens to jobs, no limit is exceeded, none is stuck, and the order of a key holds', async () => {
  const world = await ownQueue()
  const { redis, keys } = world
  const property = asyncProperty(array(command, { minLength: 5, maxLength: 60 }), async (commands) => {
    const stored = await redis.keys(`${keys.bullPrefix('io').replaceAll(/[{}]/g, '\\$&')}*`)
    if (stored.length > 0) await redis.del(stored)
    const driven = new Driven(world)
    for (const one of commands) {
      await driven.run(one)
      await driven.check()
    }
    await driven.drain()
    driven.checkOrder()
    expect(await redis.hlen(`${keys.bullPrefix('io')}:busy`)).toBe(0)
  })
  const { failed, counterexample, errorInstance } = await check(property, { numRuns: propertyRuns(30) })
  if (failed) throw new Error(`fails for ${JSON.stringify(counterexample)}`, { cause: errorInstance })
}, 600_000)
