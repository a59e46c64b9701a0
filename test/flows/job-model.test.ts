import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import type { Redis } from 'ioredis'
import { pino } from 'pino'
import { expect, inject, onTestFinished, test } from 'vitest'
import type { JobResource } from '../../src/api/job-resource.ts'
import { connectRedis } from '../../src/queue/connection.ts'
import { type JobRef, parseJobId } from '../../src/queue/job-id.ts'
import { isEnd, type JobMove, jobMoves, next, type Standing } from '../../src/queue/job-states.ts'
import { JobSteering } from '../../src/queue/job-steering.ts'
import { announcedChange, announcedEnd, Keys } from '../../src/queue/keys.ts'
import { loadScript } from '../../src/queue/scripts.ts'
import { read, type ServerSentEvent, send, submit, watch, watchToEnd } from '../helpers/client.ts'
import { type Stack, startStack } from '../helpers/stack.ts'

const budgetMs = 40_000
/** Longer than the lock of a cancelled job whose worker has vanished. */
const endsWithinS = 20

const appendEvents = loadScript('append-events')
const finishCanceled = loadScript('finish-canceled', 'end-job')

type Action =
  | { do: 'submit'; type: string; input: unknown; options: Options }
  | {
      do: 'cancel' | 'retry' | 'let_something_happen' | 'kill_a_worker' | 'repeat_messages' | 'speak_as_a_zombie'
      pick: number
    }

interface Options {
  attempts: number
  delay_ms?: number
  start_within_ms?: number
  deadline_ms?: number
}

const ms = (max: number) => fc.integer({ min: 1, max })
const options = fc.record(
  {
    attempts: fc.integer({ min: 1, max: 3 }),
    backoff: fc.record({ type: fc.constant('fixed'), delay_ms: fc.nat(150), jitter: fc.constant(0) }),
    delay_ms: ms(500),
    start_within_ms: ms(1500),
    deadline_ms: ms(2500),
    priority: fc.nat(9),
  },
  { requiredKeys: ['attempts', 'backoff'] },
)
const sleeping = fc.record(
  { duration_ms: fc.nat(800), steps: fc.integer({ min: 1, max: 4 }), fail_at: fc.nat(5) },
  { requiredKeys: ['duration_ms', 'steps'] },
)
const submission = fc.oneof(
  fc.record({ type: fc.constant('echo'), input: fc.nat(), options }),
  { weight: 3, arbitrary: fc.record({ type: fc.constant('sleep'), input: sleeping, options }) },
  fc
    .tuple(ms(300), options)
    .map(([timeout_ms, more]) => ({ type: 'burn-cpu', input: { behavior: 'spin' }, options: { ...more, timeout_ms } })),
)
const onSomeJob = (verb: Exclude<Action['do'], 'submit'>) => fc.record({ do: fc.constant(verb), pick: fc.nat(99) })
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 8, arbitrary: submission.map((job) => ({ do: 'submit' as const, ...job })) },
  { weight: 6, arbitrary: onSomeJob('cancel') },
  { weight: 4, arbitrary: onSomeJob('retry') },
  { weight: 12, arbitrary: onSomeJob('let_something_happen') },
  { weight: 4, arbitrary: onSomeJob('repeat_messages') },
  { weight: 4, arbitrary: onSomeJob('speak_as_a_zombie') },
  { weight: 1, arbitrary: onSomeJob('kill_a_worker') },
)

/** A job as the model knows it: what it was told to be, what was done to it, and all that was seen of it. */
interface Tracked {
  ref: JobRef
  submitted: Extract<Action, { do: 'submit' }>
  /** What the API answered, in this order. */
  seen: JobResource[]
  streams: Promise<ServerSentEvent[]>[]
  /** The runs that can only end canceled, since a cancel was answered with 202. */
  signaled: Set<number>
  /** How often it had been started when a cancel was answered with 200, by run. */
  starts: Map<number, string | null>
  wasCanceled: boolean
  lostWorkers: boolean
}

/** Which moves its submission and its history allow. Within a run nobody retries. */
function possibleMoves({ submitted, wasCanceled, lostWorkers }: Tracked, retried: boolean): JobMove[] {
  const { type, input, options: said } = submitted
  const { fail_at = Infinity, steps = 0 } = Object(input) as { fail_at?: number; steps?: number }
  const fails = type === 'burn-cpu' || fail_at < steps
  const mayTryAgain = fails && said.attempts > 1
  const isPossible: Partial<Record<JobMove, boolean>> = {
    submit: said.delay_ms === undefined,
    submit_for_later: said.delay_ms !== undefined,
    succeed: !fails,
    fail_and_wait: mayTryAgain,
    fail_and_go_again: mayTryAgain,
    fail_for_good: fails || lostWorkers,
    put_back: false,
    put_back_for_later: lostWorkers,
    lose_worker: lostWorkers,
    miss_its_start: said.start_within_ms !== undefined || said.deadline_ms !== undefined,
    reach_deadline: said.deadline_ms !== undefined,
    cancel: wasCanceled,
    signal_cancel: wasCanceled,
    end_canceled: wasCanceled,
    retry: retried,
    remove: false,
  }
  return (Object.keys(jobMoves) as JobMove[]).filter((move) => isPossible[move] ?? true)
}

/** Whether some moves lead there: who looks now and then does not see every state. */
function leadsTo(from: Standing, to: Standing, moves: JobMove[], been = new Set<Standing>()): boolean {
  if (from === to) return true
  been.add(from)
  return moves.some((move) => {
    const then = next(from, move)
    return then !== undefined && !been.has(then) && leadsTo(then, to, moves, been)
  })
}

/** What a stream tells of a job's state; between its first and its last event only state and attempt. */
const sightingsOf = (events: ServerSentEvent[]) =>
  events
    .filter(({ event }) => ['snapshot', 'state', 'done'].includes(event))
    .map(({ data }) => data as Pick<JobResource, 'state' | 'attempt'>)

/** That what was seen, in this order, is a way through the state machine. */
function checkPath(job: Tracked, sightings: Pick<JobResource, 'state' | 'attempt'>[], what: string, retried = false) {
  const moves = possibleMoves(job, retried)
  const path = `${what}: ${sightings.map(({ state, attempt }) => `${state} ${attempt}`).join(' → ')}`
  let last: { state: Standing; attempt: number } = { state: 'absent', attempt: 0 }
  for (const sighting of sightings) {
    const { state, attempt } = sighting
    expect(leadsTo(last.state, state, moves), path).toBe(true)
    expect(attempt, path).toBeLessThanOrEqual(job.submitted.options.attempts)
    // An attempt that a worker refuses to make, since it came too late, does not count.
    const mayFall = retried || job.lostWorkers || (moves.includes('miss_its_start') && isEnd(state))
    if (!mayFall) expect(attempt, path).toBeGreaterThanOrEqual(last.attempt)
    last = sighting
  }
}

const isStored = ({ event }: ServerSentEvent) => ['progress', 'output', 'log'].includes(event)

/** That a stream was complete and in order: `history` is all that is kept of the job. */
function checkStream(job: Tracked, events: ServerSentEvent[], history: ServerSentEvent[], what: string): void {
  const kinds = events.map(({ event }) => event)
  expect(kinds[0], what).toBe('snapshot')
  expect(kinds.indexOf('done'), `${what}: ${kinds.join(' ')}`).toBe(kinds.length - 1)
  expect(kinds, what).not.toContain('gap')
  const ids = events.map(({ id }) => id)
  expect(ids, what).toEqual([...new Set(ids)].toSorted((a, b) => a - b))
  const [first = 0, last = 0] = [ids[0], ids.at(-1)]
  expect(events.filter(isStored), what).toEqual(
    history.filter((event) => isStored(event) && event.id > first && event.id < last),
  )
  const [snapshot, done] = [events[0]?.data, events.at(-1)?.data] as JobResource[]
  checkPath(job, sightingsOf(events), what, snapshot?.run !== done?.run)
}

/** That every run has one end, the end that was promised, and that the way to it was one that the state machine has. */
async function check(job: Tracked, { api, redis, keys }: World): Promise<void> {
  const what = `${job.ref.id} ${JSON.stringify(job.submitted)}`
  const history = await watchToEnd(api.url, job.ref.id, 0)
  const streams = await Promise.all(job.streams)
  for (const events of streams) checkStream(job, events, history, `a stream of ${what}`)
  const runs = Map.groupBy(job.seen, ({ run }) => run)
  for (const [run, seen] of runs) {
    checkPath(job, seen, `run ${run} of ${what}`)
    const told = streams.map((events) => events.at(-1)?.data as JobResource).filter((end) => end.run === run)
    const [end, ...others] = [...seen, ...told].filter(({ done }) => done)
    expect(end, `run ${run} of ${what} has an end`).toBeDefined()
    for (const other of others) expect(other, `run ${run} of ${what} has one end`).toEqual(end)
    if (job.signaled.has(run)) expect(end?.state, `run ${run} of ${what} was signaled`).toBe('canceled')
    if (end?.state === 'succeeded') checkOutput(job, end, what)
  }
  const last = job.seen.at(-1)?.run ?? 0
  const starts = job.starts.get(last)
  if (starts !== undefined) expect(await redis.hget(keys.job(job.ref), 'ats'), `starts of ${what}`).toBe(starts)
}

function checkOutput({ submitted }: Tracked, { output }: JobResource, what: string): void {
  const { duration_ms } = Object(submitted.input) as { duration_ms?: number }
  expect(output, what).toEqual(submitted.type === 'echo' ? submitted.input : { slept_ms: duration_ms })
}

const notWaited = ['active', 'wait', 'prioritized', 'delayed']

/** One API, two workers, a client that does what it is told, and what it has seen. */
class World {
  readonly api: Stack['api']
  readonly redis: Redis
  readonly keys: Keys
  readonly jobs: Tracked[] = []
  readonly #stack: Stack
  readonly #steering: JobSteering
  readonly #messages = new Map<string, string[]>()
  #happened = Promise.withResolvers<void>()
  #workers: Promise<{ signal(signal: 'SIGKILL'): void; ended: Promise<unknown> }>[]

  private constructor(stack: Stack, redis: Redis, subscriber: Redis) {
    this.#stack = stack
    this.api = stack.api
    this.redis = redis
    this.keys = new Keys(stack.env['KEY_PREFIX'] ?? '')
    this.#steering = new JobSteering({ redis, keys: this.keys })
    this.#workers = stack.workers.map((worker) => Promise.resolve(worker))
    subscriber.on('pmessage', (_pattern, channel: string, message: string) => {
      this.#messages.set(channel, [...(this.#messages.get(channel) ?? []), message])
    })
  }

  static async start(): Promise<World> {
    const stack = await startStack({ workers: 2, env: { LOCK_MS: '1000', LOG_LEVEL: 'warn' } })
    const connect = async (role: 'client' | 'subscriber') => {
      const redis = await connectRedis({ url: inject('redisUrl'), role, name: 'model', log: pino({ level: 'silent' }) })
      onTestFinished(() => redis.disconnect())
      return redis
    }
    const [redis, subscriber] = await Promise.all([connect('client'), connect('subscriber')])
    await subscriber.psubscribe(`${stack.env['KEY_PREFIX']}:*`)
    return new World(stack, redis, subscriber)
  }

  async act(todo: Action): Promise<void> {
    if (todo.do === 'submit') return this.#submit(todo)
    const job = this.jobs[todo.pick % Math.max(1, this.jobs.length)]
    if (!job) return
    switch (todo.do) {
      case 'cancel':
        return this.#cancel(job)
      case 'retry':
        return this.#retry(job)
      case 'let_something_happen':
        await Promise.race([this.#happened.promise, sleep(250)])
        return this.#see(job, (await read(this.api.url, job.ref.id)).body)
      case 'kill_a_worker':
        return this.#killWorker(todo.pick)
      case 'repeat_messages':
        return this.#repeatMessages(job, todo.pick)
      case 'speak_as_a_zombie':
        return this.#speakAsZombie(job)
      default:
        throw new TypeError(`there is no such action: ${JSON.stringify(todo satisfies never)}`)
    }
  }

  /** Waits until all jobs have ended, checks each of them, and forgets them. */
  async settle(): Promise<void> {
    await Promise.all(this.#workers)
    for (const job of this.jobs) {
      const { body } = await read(this.api.url, job.ref.id, endsWithinS)
      this.#see(job, body)
      expect(body.done, `${body.id} ${JSON.stringify(job.submitted)} ends: ${JSON.stringify(body)}`).toBe(true)
      // A worker that was killed may not have said it.
      await this.redis.publish(this.keys.channel(job.ref), announcedEnd)
    }
    await Promise.all(this.jobs.map((job) => check(job, this)))
    for (const queue of ['io', 'cpu']) {
      for (const set of notWaited) {
        const key = this.keys.bull(queue, set)
        const left = await (['active', 'wait'].includes(set) ? this.redis.llen(key) : this.redis.zcard(key))
        expect(left, `what is left in ${set} of ${queue}`).toBe(0)
      }
    }
    this.jobs.length = 0
    this.#messages.clear()
  }

  async #submit(submitted: Tracked['submitted']): Promise<void> {
    const { status, body } = await submit(this.api.url, submitted.type, submitted.input, { ...submitted.options })
    expect(status).toBe(202)
    const ref = parseJobId(body.id)
    if (!ref) throw new Error(`"${body.id}" is no id`)
    const history = { seen: [body], streams: [], signaled: new Set<number>(), starts: new Map() }
    const job = { ref, submitted, ...history, wasCanceled: false, lostWorkers: false }
    this.jobs.push(job)
    this.#watch(job)
  }

  async #cancel(job: Tracked): Promise<void> {
    job.wasCanceled = true
    const { status, body } = await this.#steer(job, 'cancel')
    if (status === 409) {
      expect(body).toMatchObject({ code: 'job_already_done' })
      const now = await read(this.api.url, job.ref.id)
      expect(now.body.done && now.body.state !== 'canceled', `a cancel came too late for ${now.body.state}`).toBe(true)
      return this.#see(job, now.body)
    }
    this.#see(job, body)
    expect(status).toBeOneOf([200, 202])
    if (status === 202) job.signaled.add(body.run)
    else {
      expect(body.state).toBe('canceled')
      job.starts.set(body.run, await this.redis.hget(this.keys.job(job.ref), 'ats'))
    }
  }

  async #retry(job: Tracked): Promise<void> {
    const before = job.seen.at(-1)
    const { status, body } = await this.#steer(job, 'retry')
    const isRetryable = before !== undefined && next(before.state, 'retry') !== undefined
    if (status === 409) expect(isRetryable, `${before?.state} was not retried`).toBe(false)
    else {
      expect([status, body.run], `the answer to a retry of ${before?.state}`).toEqual([202, (before?.run ?? 0) + 1])
      this.#see(job, body)
      this.#watch(job)
    }
  }

  async #killWorker(pick: number): Promise<void> {
    const index = pick % this.#workers.length
    const worker = await this.#workers[index]
    for (const job of this.jobs) job.lostWorkers = true
    worker?.signal('SIGKILL')
    await worker?.ended
    this.#workers[index] = this.#stack.addWorker()
  }

  /** A message may come late, and twice: it carries no truth. */
  async #repeatMessages({ ref }: Tracked, pick: number): Promise<void> {
    for (const channel of [this.keys.channel(ref), this.keys.cancels(ref.queue)]) {
      const heard = this.#messages.get(channel) ?? []
      const late = heard[pick % Math.max(1, heard.length)]
      if (late !== undefined) await this.redis.publish(channel, late)
    }
    await this.redis.publish(this.keys.channel(ref), pick % 2 === 0 ? announcedChange : announcedEnd)
  }

  /** A worker that lost the job long ago still says what its handler said and did. */
  async #speakAsZombie(job: Tracked): Promise<void> {
    const { redis, keys } = this
    const { ref } = job
    const event = `log ${JSON.stringify({ at: '', level: 'info', message: 'of a zombie', attempt: 1 })}`
    const written = [keys.lock(ref), keys.events(ref), keys.job(ref)]
    expect(await appendEvents(redis, written, ['zombie:0', keys.channel(ref), 1000, '{}', event])).toBe(0)
    const sets = ['active', 'stalled', 'failed'].map((set) => keys.bull(ref.queue, set))
    const ended = [keys.job(ref), keys.lock(ref), ...sets]
    expect(await finishCanceled(redis, ended, [ref.id, 'zombie:0', '{}', Date.now(), keys.channel(ref)])).toBe(0)
    // The word of a worker whose job was cancelled: it ends that job, and no other.
    const run = job.seen.at(-1)?.run ?? 0
    const hasEnded = await this.#steering.finishCanceled(ref, 1, 'cooperatively')
    expect(hasEnded && !job.signaled.has(run), 'a job that was not cancelled was ended').toBe(false)
  }

  #steer({ ref }: Tracked, verb: 'cancel' | 'retry') {
    return send<JobResource>('POST', `${this.api.url}/v1/jobs/${ref.id}/${verb}`)
  }

  #see(job: Tracked, body: JobResource): void {
    if (!isDeepStrictEqual(job.seen.at(-1), body)) job.seen.push(body)
  }

  #watch(job: Tracked): void {
    const follow = async () => {
      const events: ServerSentEvent[] = []
      for await (const event of watch(this.api.url, job.ref.id, { signal: AbortSignal.timeout(budgetMs) })) {
        events.push(event)
        this.#happened.resolve()
        this.#happened = Promise.withResolvers()
      }
      return events
    }
    job.streams.push(follow())
  }
}

test('whatever clients, workers and late messages do to jobs, each run has one end and the way to it is one of the state machine', async () => {
  const world = await World.start()
  const endsAt = performance.now() + budgetMs
  let count = 0
  const property = fc.asyncProperty(
    fc.array(action, { minLength: 20, maxLength: 80, size: 'max' }),
    async (actions) => {
      if (performance.now() > endsAt) return
      for (const todo of actions) await world.act(todo)
      await world.settle()
      count += actions.length
    },
  )
  // Time decides what happens, so a seed brings back the actions and not all of their effects: nothing is gained by shrinking.
  const seed = Number(process.env['MODEL_SEED'] || Date.now() % 1_000_000)
  await fc.assert(property, { seed, endOnFailure: true, numRuns: 100 })
  console.log(`job model: ${count} actions, seed ${seed}`)
  expect(count).toBeGreaterThan(20)
}, 120_000)
