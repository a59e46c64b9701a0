import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { pino } from 'pino'
import { expect, inject, onTestFinished, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { JobEventWriter } from '../../src/queue/events/event-writer.ts'
import { type JobRef, parseJobId } from '../../src/queue/model/job-id.ts'
import { isEnd, type JobMove, jobMoves, next, type Standing } from '../../src/queue/model/job-states.ts'
import { connectRedis, type Redis } from '../../src/queue/redis/connection.ts'
import { announcedChange, announcedEnd, Keys } from '../../src/queue/redis/keys.ts'
import { loadScript } from '../../src/queue/redis/load-script.ts'
import { JobControl } from '../../src/queue/store/cancel-and-retry.ts'
import { read, type ServerSentEvent, send, submit, watch, watchToEnd } from '../helpers/client.ts'
import { type Stack, startStack } from '../helpers/stack.ts'

/** `MODEL_MS=600000` runs longer, `MODEL_SEED` repeats the actions of a run. */
const budgetMs = Number(process.env['MODEL_MS'] || 32_000)
/** Longer than the lease of a canceled job whose worker has crashed. */
const endsWithinS = 20

const log = pino({ level: 'silent' })
const finishCanceled = loadScript('bullmq/finish-canceled')

type Verb = 'cancel' | 'retry' | 'let_something_happen' | 'kill_a_worker' | 'repeat_messages' | 'speak_as_a_zombie'
type Action = { do: 'submit'; type: string; input: Input; options: Options } | { do: Verb; pick: number }

/** Of all types. */
interface Input {
  behavior?: string
  duration_ms?: number
  steps?: number
  fail_at?: number
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
  fc.record({ type: fc.constant('echo'), input: fc.record({ duration_ms: fc.nat() }), options }),
  { weight: 3, arbitrary: fc.record({ type: fc.constant('sleep'), input: sleeping, options }) },
  fc
    .tuple(ms(300), options)
    .map(([timeout_ms, more]) => ({ type: 'burn-cpu', input: { behavior: 'spin' }, options: { ...more, timeout_ms } })),
)
const onSomeJob = (verb: Verb) => fc.record({ do: fc.constant(verb), pick: fc.nat(99) })
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 8, arbitrary: submission.map((job) => ({ do: 'submit' as const, ...job })) },
  { weight: 6, arbitrary: onSomeJob('cancel') },
  { weight: 4, arbitrary: onSomeJob('retry') },
  { weight: 12, arbitrary: onSomeJob('let_something_happen') },
  { weight: 4, arbitrary: onSomeJob('repeat_messages') },
  { weight: 4, arbitrary: onSomeJob('speak_as_a_zombie') },
  { weight: 2, arbitrary: onSomeJob('kill_a_worker') },
)

/** A job as the model knows it: how it was submitted, what was done to it, and everything that was observed. */
interface Tracked {
  ref: JobRef
  submitted: Extract<Action, { do: 'submit' }>
  /** Answers of the API, in order. */
  seen: JobResource[]
  streams: Promise<ServerSentEvent[]>[]
  /** Runs that can only end canceled, since a cancel was answered with 202. */
  signaled: Set<number>
  /** The number of starts when a cancel was answered with 200, by run. */
  starts: Map<number, number>
  wasCanceled: boolean
  lostWorkers: boolean
}

/** Whether its submission and its history allow a move. No client retries within a run. */
function possibleMoves({ submitted, wasCanceled, lostWorkers }: Tracked, retried: boolean): JobMove[] {
  const { type, input, options } = submitted
  const { fail_at = Infinity, steps = 0 } = input
  const fails = type === 'burn-cpu' || fail_at < steps
  const mayTryAgain = fails && options.attempts > 1
  const isPossible: Partial<Record<JobMove, boolean>> = {
    submit: options.delay_ms === undefined,
    submit_for_later: options.delay_ms !== undefined,
    succeed: !fails,
    fail_and_back_off: mayTryAgain,
    fail_and_requeue: mayTryAgain,
    fail: fails || lostWorkers,
    put_back: false,
    defer: lostWorkers,
    redeliver: lostWorkers,
    expire: options.start_within_ms !== undefined || options.deadline_ms !== undefined,
    miss_deadline: options.deadline_ms !== undefined,
    cancel: wasCanceled,
    signal_cancel: wasCanceled,
    end_canceled: wasCanceled,
    retry: retried,
    // No job belongs to a flow.
    submit_in_flow: false,
    retry_in_flow: false,
    remove: false,
  }
  return (Object.keys(jobMoves) as JobMove[]).filter((move) => isPossible[move] ?? true)
}

/** Whether a sequence of moves leads there: polling does not see every state. */
function leadsTo(from: Standing, to: Standing, moves: JobMove[], been = new Set<Standing>()): boolean {
  if (from === to) return true
  been.add(from)
  return moves.some((move) => {
    const then = next(from, move)
    return then !== undefined && !been.has(then) && leadsTo(then, to, moves, been)
  })
}

/** The states in a stream. Between its first and its last event they have only state and attempt. */
const sightingsOf = (events: ServerSentEvent[]) =>
  events
    .filter(({ event }) => ['snapshot', 'state', 'done'].includes(event))
    .map(({ data }) => data as Pick<JobResource, 'state' | 'attempt'>)

/** Checks that the observed states, in this order, are a path through the state machine. */
function checkPath(job: Tracked, sightings: Pick<JobResource, 'state' | 'attempt'>[], what: string, retried = false) {
  const moves = possibleMoves(job, retried)
  const path = `${what}: ${sightings.map(({ state, attempt }) => `${state} ${attempt}`).join(' → ')}`
  let last: { state: Standing; attempt: number } = { state: 'absent', attempt: 0 }
  for (const sighting of sightings) {
    const { state, attempt } = sighting
    expect(leadsTo(last.state, state, moves), path).toBe(true)
    expect(attempt, path).toBeLessThanOrEqual(job.submitted.options.attempts)
    // An attempt that a worker refuses because its start is too late does not count.
    const mayFall = retried || job.lostWorkers || (moves.includes('expire') && isEnd(state))
    if (!mayFall) expect(attempt, path).toBeGreaterThanOrEqual(last.attempt)
    last = sighting
  }
}

const isStored = ({ event }: ServerSentEvent) => ['progress', 'output', 'log'].includes(event)

/** Checks that a stream was complete and in order. `history` is everything that is stored of the job. */
function checkStream(job: Tracked, events: ServerSentEvent[], history: ServerSentEvent[], what: string): void {
  const kinds = events.map(({ event }) => event)
  expect(kinds[0], what).toBe('snapshot')
  expect(kinds.indexOf('done'), `${what}: ${kinds.join(' ')}`).toBe(kinds.length - 1)
  expect(kinds, what).not.toContain('gap')
  const ids = events.map(({ id }) => id)
  expect(ids, what).toEqual([...new Set(ids)].toSorted((a, b) => a - b))
  const [first = 0, last = 0] = [ids[0], ids.at(-1)]
  const [snapshot, done] = [events[0]?.data, events.at(-1)?.data] as [JobResource, JobResource]
  // A client that comes to a finished job gets its end, not its past.
  const isDue = ({ id }: ServerSentEvent) => id > first && id < last && !snapshot.done
  expect(events.filter(isStored), what).toEqual(history.filter((event) => isStored(event) && isDue(event)))
  const isOneRun = snapshot.run === done.run
  checkPath(job, sightingsOf(events), what, !isOneRun)
  if (isOneRun && !snapshot.done && isUndisturbed(job)) {
    const each = Math.min(job.submitted.input.fail_at ?? Infinity, job.submitted.input.steps ?? 0)
    expect(events.filter(({ event }) => event === 'progress').length, what).toBe(each * done.attempt)
  }
}

/** It was never stopped, so its handler sent all its events in each attempt. */
function isUndisturbed({ submitted: { options }, wasCanceled, lostWorkers }: Tracked): boolean {
  const hasLimit = ['start_within_ms', 'deadline_ms', 'timeout_ms'].some((limit) => limit in options)
  return !wasCanceled && !lostWorkers && !hasLimit
}

/** Checks that every run has one end, the promised one, and that its path is in the state machine. */
async function check(job: Tracked, { api }: World): Promise<void> {
  const what = `${job.ref.id} ${JSON.stringify(job.submitted)}`
  const history = await watchToEnd(api.url, job.ref.id, 0)
  const streams = await Promise.all(job.streams)
  for (const events of streams) checkStream(job, events, history, `a stream of ${what}`)
  const last = job.seen.at(-1)?.run ?? 0
  for (const [run, seen] of Map.groupBy(job.seen, (sighting) => sighting.run)) {
    checkPath(job, seen, `run ${run} of ${what}`)
    const finals = streams.map((events) => events.at(-1)?.data as JobResource).filter((final) => final.run === run)
    const [end, ...others] = [...seen, ...finals].filter(({ done }) => done)
    // The end of a run that was retried immediately may not have been observed.
    if (run === last) expect(end, `run ${run} of ${what} has an end`).toBeDefined()
    for (const other of others) expect(other, `run ${run} of ${what} has one end`).toEqual(end)
    if (end && job.signaled.has(run)) expect(end.state, `run ${run} of ${what} was signaled`).toBe('canceled')
    if (end?.state === 'succeeded') checkOutput(job, end, what)
  }
  const starts = job.starts.get(last)
  if (starts !== undefined)
    expect((await read(api.url, job.ref.id)).body.attempts, `starts of ${what}`).toHaveLength(starts)
}

function checkOutput({ submitted }: Tracked, { output }: JobResource, what: string): void {
  const { type, input } = submitted
  expect(output, what).toEqual(type === 'echo' ? input : { slept_ms: input.duration_ms })
}

/** One API, two workers, and the observations of one sequence. */
class World {
  readonly api: Stack['api']
  readonly redis: Redis
  readonly keys: Keys
  readonly control: JobControl
  readonly workers: ReturnType<Stack['addWorker']>[]
  readonly addWorker: Stack['addWorker']
  jobs: Tracked[] = []
  /** The messages of each channel. */
  messages = new Map<string, string[]>()
  /** Counts of what happened, over all sequences. */
  readonly tally = new Map<string, number>()
  #happened = Promise.withResolvers<void>()

  constructor({ api, workers, addWorker, env }: Stack, redis: Redis, subscriber: Redis) {
    this.api = api
    this.redis = redis
    this.keys = new Keys(env['KEY_PREFIX'] ?? '')
    this.control = new JobControl({ redis, keys: this.keys })
    this.workers = workers.map((worker) => Promise.resolve(Object.assign(worker, { port: 0 })))
    this.addWorker = addWorker
    subscriber.on('pmessage', (_pattern, channel: string, message: string) => {
      this.messages.set(channel, [...(this.messages.get(channel) ?? []), message])
    })
  }

  /** Resolves at the next event of any stream, or after a short time. */
  async somethingHappens(): Promise<void> {
    await Promise.race([this.#happened.promise, sleep(250)])
  }

  count(what: string): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + 1)
  }

  see(job: Tracked, body: JobResource): void {
    if (!isDeepStrictEqual(job.seen.at(-1), body)) job.seen.push(body)
  }

  watch(job: Tracked): void {
    const follow = async () => {
      const events: ServerSentEvent[] = []
      for await (const event of watch(this.api.url, job.ref.id, { signal: AbortSignal.timeout(budgetMs) })) {
        events.push(event)
        this.#happened.resolve()
        this.#happened = Promise.withResolvers()
      }
      return events
    }
    const stream = follow()
    // The check of the stream reports the error. A sequence that failed earlier checks no stream.
    stream.catch(() => undefined)
    job.streams.push(stream)
  }
}

async function startWorld(): Promise<World> {
  const stack = await startStack({ workers: 2, env: { LOCK_MS: '1000', WORKER_QUEUES: 'io:3,cpu:2' } })
  const connect = async (role: 'client' | 'subscriber') => {
    const redis = await connectRedis({ url: inject('redisUrl'), role, name: 'model', log })
    onTestFinished(() => redis.disconnect())
    return redis
  }
  const [redis, subscriber] = await Promise.all([connect('client'), connect('subscriber')])
  await subscriber.psubscribe(`${stack.env['KEY_PREFIX']}:*`)
  return new World(stack, redis, subscriber)
}

async function act(world: World, todo: Action): Promise<void> {
  if (todo.do === 'submit') return submitOne(world, todo)
  const job = world.jobs[todo.pick % Math.max(1, world.jobs.length)]
  if (job) await actions[todo.do](world, job, todo.pick)
}

async function submitOne(world: World, submitted: Tracked['submitted']): Promise<void> {
  const { status, body } = await submit(world.api.url, submitted.type, submitted.input, { ...submitted.options })
  expect(status).toBe(202)
  const ref = parseJobId(body.id)
  if (!ref) throw new Error(`"${body.id}" is no id`)
  const history = { seen: [body], streams: [], signaled: new Set<number>(), starts: new Map() }
  const job = { ref, submitted, ...history, wasCanceled: false, lostWorkers: false }
  world.jobs.push(job)
  world.watch(job)
}

const steer = ({ api }: World, { ref }: Tracked, verb: 'cancel' | 'retry') =>
  send<JobResource>('POST', `${api.url}/v1/jobs/${ref.id}/${verb}`)

const actions: Record<Verb, (world: World, job: Tracked, pick: number) => Promise<void>> = {
  async cancel(world, job) {
    job.wasCanceled = true
    const { status, body } = await steer(world, job, 'cancel')
    world.count(`cancel ${status}`)
    if (status === 409) {
      expect(body).toMatchObject({ code: 'job_already_done' })
      const now = await read(world.api.url, job.ref.id)
      expect(now.body.done && now.body.state !== 'canceled', `a cancel came too late for ${now.body.state}`).toBe(true)
      return world.see(job, now.body)
    }
    world.see(job, body)
    expect(status).toBeOneOf([200, 202])
    if (status === 202) job.signaled.add(body.run)
    else {
      expect(body.state).toBe('canceled')
      job.starts.set(body.run, body.attempts.length)
    }
  },

  async retry(world, job) {
    const before = job.seen.at(-1)
    const { status, body } = await steer(world, job, 'retry')
    world.count(`retry ${status}`)
    const isRetryable = before !== undefined && next(before.state, 'retry') !== undefined
    if (status === 409) return expect(isRetryable, `${before?.state} was not retried`).toBe(false)
    expect([status, body.run], `the answer to a retry of ${before?.state}`).toEqual([202, (before?.run ?? 0) + 1])
    world.see(job, body)
    world.watch(job)
  },

  async let_something_happen(world, job) {
    await world.somethingHappens()
    world.see(job, (await read(world.api.url, job.ref.id)).body)
  },

  async kill_a_worker(world, _job, pick) {
    world.count('worker killed')
    const index = pick % world.workers.length
    const worker = await world.workers[index]
    for (const job of world.jobs) job.lostWorkers = true
    worker?.signal('SIGKILL')
    await worker?.ended
    world.workers[index] = world.addWorker()
  },

  /** A message may arrive late or twice: messages are only hints. */
  async repeat_messages({ redis, keys, messages }, { ref }, pick) {
    for (const channel of [keys.channel(ref), keys.cancels(ref.queue)]) {
      const heard = messages.get(channel) ?? []
      const late = heard[pick % Math.max(1, heard.length)]
      if (late !== undefined) await redis.publish(channel, late)
    }
    await redis.publish(keys.channel(ref), pick % 2 === 0 ? announcedChange : announcedEnd)
  },

  /** A worker that lost the job long ago still writes the events and the end of its handler. */
  async speak_as_a_zombie({ redis, keys, control }, { ref }) {
    let refusals = 0
    const events = new JobEventWriter({ redis, keys, log }).open(
      ref,
      'zombie:0',
      { attempt: 1, isFirst: false },
      () => refusals++,
    )
    void events.emit({ kind: 'output', value: 'of a zombie' })
    await events.flush()
    expect(refusals).toBe(1)
    const sets = ['active', 'stalled', 'failed'].map((set) => keys.bull(ref.queue, set))
    const ended = [keys.job(ref), keys.lock(ref), ...sets]
    expect(await finishCanceled(redis, ended, [ref.id, 'zombie:0', '{}', Date.now(), keys.channel(ref)])).toBe(0)
    // Nor does it end a job that was canceled while another worker held it.
    const run = { token: 'zombie:0', attempt: 1 }
    expect(await control.finishCanceled(ref, run, 'cooperatively'), 'a job of another worker was ended').toBe(false)
  },
}

/** Waits until all jobs have ended, checks each, and forgets them. */
async function settle(world: World): Promise<void> {
  const { api, redis, keys, workers } = world
  await Promise.all(workers)
  for (const job of world.jobs) {
    const { body } = await read(api.url, job.ref.id, endsWithinS)
    world.see(job, body)
    expect(body.done, `it ends: ${JSON.stringify(body)}`).toBe(true)
    world.count([body.state, body.error?.code, body.error?.stopped].filter(Boolean).join(' '))
    // A killed worker may not have written it.
    await redis.publish(keys.channel(job.ref), announcedEnd)
  }
  await Promise.all(world.jobs.map((job) => check(job, world)))
  for (const queue of new Set(world.jobs.map(({ ref }) => ref.queue))) {
    const left = {
      active: await redis.llen(keys.bull(queue, 'active')),
      wait: await redis.llen(keys.bull(queue, 'wait')),
      prioritized: await redis.zcard(keys.bull(queue, 'prioritized')),
      delayed: await redis.zcard(keys.bull(queue, 'delayed')),
    }
    expect(left, `what is left in ${queue}`).toEqual({ active: 0, wait: 0, prioritized: 0, delayed: 0 })
  }
  world.jobs = []
  world.messages = new Map()
}

test(
  'under random actions of clients, workers and late messages each run has one end, by a path of the state machine',
  async () => {
    const world = await startWorld()
    const endsAt = performance.now() + budgetMs
    let count = 0
    const property = fc.asyncProperty(
      fc.array(action, { minLength: 20, maxLength: 80, size: 'max' }),
      async (sequence) => {
        if (performance.now() > endsAt) return
        for (const todo of sequence) await act(world, todo)
        await settle(world)
        count += sequence.length
      },
    )
    // Effects depend on timing, so a seed repeats the actions but not all of their effects: shrinking does not help.
    const seed = Number(process.env['MODEL_SEED'] || Date.now() % 1_000_000)
    await fc.assert(property, { seed, endOnFailure: true, numRuns: 10_000 })
    console.log(`job model: ${count} actions, seed ${seed}`, Object.fromEntries(world.tally))
    expect(count).toBeGreaterThan(20)
  },
  budgetMs + 60_000,
)
