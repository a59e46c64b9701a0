import { setImmediate as nextTurn } from 'node:timers/promises'
import { inspect } from 'node:util'
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
import type { Redis } from 'ioredis'
import { afterEach, expect, test, vi } from 'vitest'
import { keyPrefix } from '../helpers/key-prefix.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { difference, hasMarkerWhereNeeded } from './stored-keys.ts'
import { type Added, openOurs, openStock, queueName, type RunningJob, type World } from './worlds.ts'

// The same commands to BullMQ's own backend and to ours leave the same keys, but for the differences that stored-keys.ts names.

const start = Date.UTC(2030, 0, 1)

const options = record(
  {
    jobId: constantFrom('a', 'b', 'c', 'd'),
    delay: constantFrom(0, 5, 5000),
    priority: constantFrom(0, 1, 2, 10),
    attempts: integer({ min: 1, max: 3 }),
    backoff: oneof(constantFrom(0, 1000), record({ type: constantFrom('fixed', 'exponential'), delay: constant(500) })),
    lifo: boolean(),
    removeOnComplete: constantFrom<boolean | number | { age: number }>(true, false, 2, { age: 60 }),
    removeOnFail: constantFrom(true, false, 1),
    stackTraceLimit: integer({ min: 0, max: 2 }),
    keepLogs: integer({ min: 1, max: 5 }),
  },
  { requiredKeys: [] },
)
const data: Arbitrary<unknown> = oneof(
  constantFrom(null, 'x/"\u2028é', { a: [] }, [{}]),
  record({ n: integer() }),
  constant('large'),
)
const job: Arbitrary<Added> = record({ name: constantFrom('a', 'b/"é'), data, opts: options })

/** Which of the jobs that run now; and so many, where that makes no difference to their order. */
const which = integer({ min: 0, max: 4 })
const command = oneof(
  record({ kind: constant('add' as const), jobs: array(job, { minLength: 1, maxLength: 6 }), isBulk: boolean() }),
  record({ kind: constant('take' as const), count: integer({ min: 1, max: 3 }) }),
  record({ kind: constant('complete' as const), which, value: data, fetchNext: boolean() }),
  record({ kind: constant('complete_all' as const) }),
  record({ kind: constant('fail' as const), which, isFinal: boolean(), fetchNext: boolean() }),
  record({ kind: constant('delay' as const), which }),
  record({ kind: constant('put_back' as const), which }),
  record({ kind: constant('stall' as const), which }),
  record({ kind: constant('wait' as const), ms: constantFrom(1, 600, 10_000) }),
  constantFrom({ kind: 'pause' as const }, { kind: 'resume' as const }),
  record({ kind: constant('limit' as const), concurrency: option(integer({ min: 1, max: 2 }), { nil: undefined }) }),
  record({ kind: constant('limit_rate' as const), max: option(integer({ min: 1, max: 3 }), { nil: undefined }) }),
  constant({ kind: 'end_rate_limit' as const }),
)
type Command = typeof command extends Arbitrary<infer C> ? C : never

/** A world, the jobs that run in it, and what its commands were answered. */
class Driven {
  readonly world: World
  readonly #redis: Redis
  #running: RunningJob[] = []
  #tokens = 0

  constructor(redis: Redis, world: World) {
    this.#redis = redis
    this.world = world
  }

  async run(command: Command): Promise<unknown> {
    const { queue } = this.world
    switch (command.kind) {
      case 'add':
        return command.isBulk ? this.#addBulk(command.jobs) : this.#add(command.jobs)
      case 'take':
        return this.#take(command.count)
      case 'complete':
        return this.#end(command.which, (one) =>
          one.moveToCompleted(command.value, this.#held(one), command.fetchNext && !isRemoved(one)),
        )
      case 'complete_all':
        return this.#endAll()
      case 'fail': {
        const error = new Error('no')
        delete error.stack
        if (command.isFinal) error.name = 'UnrecoverableError'
        return this.#end(command.which, (one) =>
          one.moveToFailed(error, this.#held(one), command.fetchNext && !isRemoved(one)),
        )
      }
      case 'delay':
        return this.#end(command.which, (one) => one.moveToDelayed(Date.now() + 700, this.#held(one)))
      case 'put_back':
        return this.#end(command.which, (one) => one.moveToWait(this.#held(one)))
      case 'stall':
        return this.#stall(command.which)
      case 'wait':
        return undefined
      case 'pause':
        return queue.pause()
      case 'resume':
        return queue.resume()
      case 'limit':
        return command.concurrency === undefined
          ? queue.removeGlobalConcurrency()
          : queue.setGlobalConcurrency(command.concurrency)
      case 'limit_rate':
        // Longer than the test takes: Redis has a clock of its own.
        return command.max === undefined
          ? queue.removeGlobalRateLimit()
          : queue.setGlobalRateLimit(command.max, 3_600_000)
      case 'end_rate_limit':
        return queue.removeRateLimitKey()
      default:
        throw new TypeError(`there is no such command: ${JSON.stringify(command satisfies never)}`)
    }
  }

  #held(one: RunningJob): string {
    return this.world.tokenOf(one)
  }

  /** Named `large`, so that a counterexample can be read. */
  #dataOf(data: unknown): unknown {
    return data === 'large' ? 'x'.repeat(60_000) : data
  }

  async #add(jobs: Added[]): Promise<unknown> {
    const added = await Promise.all(
      jobs.map(({ name, data, opts }) => this.world.queue.add(name, this.#dataOf(data), { ...opts })),
    )
    return added.map(({ id }) => id)
  }

  async #addBulk(jobs: Added[]): Promise<unknown> {
    const added = await this.world.queue.addBulk(
      jobs.map(({ name, data, opts }) => ({ name, data: this.#dataOf(data), opts: { ...opts } })),
    )
    return added.map(({ id }) => id)
  }

  async #take(count: number): Promise<unknown> {
    const ids: unknown[] = []
    for (let n = 0; n < count; n++) {
      const one = await this.world.worker.getNextJob(`token-${++this.#tokens}`, { block: false })
      // Within a turn ours says after a job that there is no more, so that BullMQ's loop starts it.
      await nextTurn()
      if (!one) break
      this.#running.push(one)
      ids.push([
        one.id,
        String(one.data).slice(0, 80),
        one.opts.attempts,
        one.attemptsStarted,
        one.attemptsMade,
        one.stalledCounter,
      ])
    }
    return ids
  }

  async #end(which: number, end: (one: RunningJob) => Promise<unknown>): Promise<unknown> {
    const one = this.#running[which % Math.max(1, this.#running.length)]
    if (!one) return 'none'
    this.#running = this.#running.filter((other) => other !== one)
    const next = await end(one).catch((error: unknown) => `refused: ${codeOf(error)}`)
    if (!Array.isArray(next) || !next[0]) return typeof next === 'string' ? next : 'ended'
    const { worker } = this.world
    const fetched = await worker['nextJobFromJobData'](next[0], next[1], one.token)
    this.#running.push(fetched)
    return ['ended', fetched.id, fetched.attemptsStarted]
  }

  /** All that run, those that our script ends at once. */
  async #endAll(): Promise<unknown> {
    const running = this.#running
    this.#running = []
    const complete = (one: RunningJob) => one.moveToCompleted({ ended: one.id }, this.#held(one), false)
    // In a call of their own: see stored-keys.ts.
    for (const one of running.filter(isRemoved)) await complete(one)
    const ended = await Promise.allSettled(running.filter((one) => !isRemoved(one)).map(complete))
    return ended.map(({ status }) => status)
  }

  /** The worker of a job vanishes: its lock is gone at two checks. */
  async #stall(which: number): Promise<unknown> {
    const { keys, lookForStalled } = this.world
    const one = this.#running[which % Math.max(1, this.#running.length)]
    if (!one) return 'none'
    this.#running = this.#running.filter((other) => other !== one)
    await this.#redis.del(keys.lock({ queue: queueName, id: one.id ?? '' }))
    const stalled: string[] = []
    for (let look = 0; look < 2; look++) stalled.push(...(await lookForStalled()))
    return stalled
  }
}

/** Its end is left to BullMQ's script, and the next fetched by another call. */
const isRemoved = ({ opts }: RunningJob) => opts.removeOnComplete !== undefined || opts.removeOnFail !== undefined

/** The error without what differs by the prefix. */
function codeOf(error: unknown): string {
  return error instanceof Error ? error.message.replaceAll(/[^ ]*:[^ ]*/g, '') : String(error)
}

/** Seldom drawn: the one that stalls stands between others in the list of running jobs. */
const stalledBetweenOthers: Command[] = [
  { kind: 'add', jobs: Array.from({ length: 4 }, () => ({ name: 'a', data: { n: 0 }, opts: {} })), isBulk: false },
  { kind: 'take', count: 4 },
  { kind: 'stall', which: 2 },
  { kind: 'complete_all' },
]

afterEach(() => vi.useRealTimers())

test("any commands leave the same keys over our backend as over BullMQ's, and get the same answers", async () => {
  const redis = await redisClient('worker')
  vi.useFakeTimers({ toFake: ['Date'], now: start })
  const commands = array(command, { minLength: 1, maxLength: 14 })
  const property = asyncProperty(commands, async (drawn) => {
    vi.setSystemTime(start)
    const stock = new Driven(redis, await openStock(redis, keyPrefix()))
    const ours = new Driven(redis, await openOurs(redis, keyPrefix()))
    await redis.hset(ours.world.keys.bull(queueName, 'meta'), 'drover.events', '1')
    for (const one of drawn) {
      if (one.kind === 'wait') vi.setSystemTime(Date.now() + one.ms)
      const [theirs, mine] = [await stock.run(one), await ours.run(one)]
      expect(mine, one.kind).toStrictEqual(theirs)
      expect(await difference(redis, ours.world.keys, stock.world.keys), one.kind).toEqual({})
      expect(await hasMarkerWhereNeeded(redis, ours.world.keys), `marker after ${one.kind}`).toBe(true)
    }
  })
  const { failed, counterexample, errorInstance } = await check(property, {
    numRuns: 60,
    examples: [[stalledBetweenOthers]],
  })
  expect(
    failed,
    `${JSON.stringify(counterexample)} ${inspect(errorInstance, { depth: 8, maxStringLength: 200 })}`,
  ).toBe(false)
}, 120_000)
