import { beforeAll, expect, test } from 'vitest'
import {
  chain,
  createClient,
  FlowFailedError,
  gather,
  InvalidRequestError,
  type Job,
  type JobEvent,
  JobFailedError,
  map,
  NotFoundError,
} from '../../src/client/index.ts'
import { freePorts } from '../../src/dev/free-ports.ts'
import { canOwnRedis, type OwnRedis, startOwnRedis } from '../helpers/own-redis.ts'
import { type Stack, startStack } from '../helpers/stack.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import { waitFor } from '../helpers/wait-for.ts'

let redis: OwnRedis
let stack: Stack
let port: string
let client: ReturnType<typeof connect>

/** Types as `drover types` writes them. */
interface Types {
  echo: { input: unknown; output: unknown }
  sleep: { input: { duration_ms: number; steps?: number; fail_at?: number }; output: { slept_ms: number } }
  'count-primes': { input: { limit: number }; output: { count: number; largest: number | null } }
}

/** Waits of one second take the place of the longest. */
const connect = (url: string, patienceMs = 30_000) => createClient<Types>({ url, waitS: 1, patienceMs })

beforeAll(async () => {
  if (!canOwnRedis) return undefined
  redis = await startOwnRedis()
  const [free = 0] = await freePorts(1)
  port = String(free)
  const stops: (() => Promise<void>)[] = [() => redis.close()]
  stack = await startStack({
    env: { REDIS_URL: redis.url, PORT: port, INLINE_OUTPUT_BYTES: '20000' },
    onEnd: (stop) => stops.unshift(stop),
  })
  client = connect(stack.api.url)
  return async () => {
    for (const stop of stops) await stop()
  }
})

/** Ends the API as a crash does, and starts it again at its address. */
async function restartApi(): Promise<void> {
  stack.api.signal('SIGKILL')
  await stack.api.ended
  stack.api = await stack.addApi({ PORT: port })
}

/** How many jobs with a tag were stored, and their starts. */
async function starts(tag: string): Promise<number[]> {
  const page = (await client.request('GET', `/v1/jobs?tag=${tag}`)) as { items: Job[] }
  return page.items.map(({ attempts, state }) => attempts.length || Number(state === 'succeeded'))
}

test.skipIf(!canOwnRedis)(
  'run gives the output, whole also where it is large, and wait continues beyond its limit',
  async () => {
    expect(await client.jobs.run('count-primes', { limit: 100 })).toEqual({ count: 25, largest: 97 })
    const large = 'x'.repeat(30_000)
    expect(await client.jobs.run('echo', large)).toBe(large)
    const job = await client.jobs.submit('sleep', { duration_ms: 2200 }, { priority: 3, tags: ['slow'] })
    expect(job).toMatchObject({ type: 'sleep', done: false, priority: 3, tags: ['slow'] })
    const [done, byId, events] = await Promise.all([
      client.jobs.wait(job),
      client.jobs.wait(job.id),
      Array.fromAsync(client.jobs.watch(job)),
    ])
    expect(done).toMatchObject({ id: job.id, state: 'succeeded', output: { slept_ms: 2200 } })
    expect(byId).toEqual(done)
    expect(events.at(0)).toMatchObject({ event: 'snapshot' })
    expect(events.at(-1)).toMatchObject({ event: 'done', data: { output: { slept_ms: 2200 } } })
    expect(await client.jobs.get(job)).toMatchObject({ done: true })
  },
)

test.skipIf(!canOwnRedis)(
  'a job that does not succeed, a cancel, and what is refused are errors with a code',
  async () => {
    const failed = client.jobs.run('sleep', { duration_ms: 1, fail_at: 0 })
    await expect(failed).rejects.toMatchObject({ code: 'job_failed', job: { state: 'failed', type: 'sleep' } })
    await expect(failed).rejects.toBeInstanceOf(JobFailedError)
    const job = await client.jobs.submit('sleep', { duration_ms: 60_000 })
    await client.jobs.cancel(job)
    expect(await client.jobs.wait(job)).toMatchObject({ state: 'canceled', output: null, error: { code: 'canceled' } })
    await expect(client.jobs.get('io_01k0000000000000000000000')).rejects.toBeInstanceOf(NotFoundError)
    const invalid = client.jobs.run('count-primes', { limit: -1 })
    await expect(invalid).rejects.toBeInstanceOf(InvalidRequestError)
    await expect(invalid).rejects.toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/input/limit' }] })
    const unknown = createClient({ url: stack.api.url }).jobs.run('no-such-type', {})
    await expect(unknown).rejects.toMatchObject({ code: 'unknown_job_type', status: 404 })
  },
)

test.skipIf(!canOwnRedis)('aborting a run ends the waiting, and the job goes on', async () => {
  const options = { signal: AbortSignal.timeout(300), tags: ['aborted'] }
  await expect(client.jobs.run('sleep', { duration_ms: 800 }, options)).rejects.toMatchObject({ name: 'TimeoutError' })
  const page = (await client.request('GET', '/v1/jobs?tag=aborted')) as { items: Job[] }
  expect(await client.jobs.wait(page.items[0]?.id ?? '')).toMatchObject({ state: 'succeeded' })
})

test.skipIf(!canOwnRedis)('a batch answers for each of its jobs', async () => {
  const items = await client.jobs.batch([
    { type: 'echo', input: 1 },
    { type: 'count-primes', input: { limit: -1 } },
  ])
  expect(items).toMatchObject([
    { status: 202, job: { id: expect.any(String) } },
    { status: 400, problem: { code: 'invalid_request', errors: [{ pointer: '/jobs/1/input/limit' }] } },
  ])
})

test.skipIf(!canOwnRedis)(
  'flows are made of nodes, give the output of the outermost one, and are watched',
  async () => {
    const { job } = client.flows
    const limits = chain(job('echo', { limits: [10, 100] }), (before) =>
      map([10, 100], (limit) => job('echo', { limit, before })),
    )
    expect(await client.flows.run(limits)).toEqual([
      { limit: 10, before: { limits: [10, 100] } },
      { limit: 100, before: { limits: [10, 100] } },
    ])
    const count = gather([job('count-primes', { limit: 100 }), job('echo', { $output: '/data' })])
    expect(await client.flows.run(count)).toEqual([{ count: 25, largest: 97 }, { $output: '/data' }])
    const broken = [job('sleep', { duration_ms: 1, fail_at: 0 }), job('echo', 1)]
    expect(await client.flows.run(gather(broken, { on_failure: 'continue' }))).toMatchObject([
      { code: 'job_failed', state: 'failed', path: '/flow/gather/0', job_id: expect.any(String) },
      1,
    ])
    await expect(client.flows.run(gather(broken))).rejects.toBeInstanceOf(FlowFailedError)
    const flow = await client.flows.submit(job('echo', 'one'), { metadata: { a: 'b' } })
    const events = await Array.fromAsync(client.flows.watch(flow))
    expect(events.map(({ event }) => event)).toEqual(['snapshot', 'member', 'done'])
    expect(await client.flows.get(flow)).toMatchObject({
      state: 'succeeded',
      metadata: { a: 'b' },
      tree: { kind: 'job' },
    })
    const endless = await client.flows.submit(job('sleep', { duration_ms: 60_000 }))
    await client.flows.cancel(endless)
    expect(await client.flows.wait(endless)).toMatchObject({ state: 'canceled', tree: null })
  },
)

test.skipIf(!canOwnRedis)('a run and a watch go on over an API that is killed, and the job runs once', async () => {
  const input = { duration_ms: 2500, steps: 5 }
  const running = client.jobs.run('sleep', input, { tags: ['killed'] })
  const job = await client.jobs.submit('sleep', input, { tags: ['killed'] })
  const events: JobEvent[] = []
  const watching = (async () => {
    for await (const event of client.jobs.watch(job)) events.push(event)
  })()
  await waitFor(
    'progress',
    () => events,
    () => events.some(({ event }) => event === 'progress'),
  )
  await restartApi()
  expect(await running).toEqual({ slept_ms: 2500 })
  await watching
  const steps = events.flatMap((one) => (one.event === 'progress' ? [one.data.message] : []))
  expect(steps).toHaveLength(5)
  expect(new Set(steps).size).toBe(5)
  expect(events.at(-1)?.event).toBe('done')
  expect(await starts('killed')).toEqual([1, 1])
})

test.skipIf(!canOwnRedis)('a submission whose answer is lost on the way is stored once', async () => {
  const proxy = await TcpProxy.open(Number(port))
  try {
    const across = connect(`http://127.0.0.1:${proxy.port}`)
    proxy.hold('answers')
    const running = across.jobs.run('echo', 'once', { tags: ['lost'] })
    await waitFor(
      'the job to have run',
      () => starts('lost'),
      ([count]) => count === 1,
    )
    proxy.reset()
    proxy.hold('nothing')
    expect(await running).toBe('once')
    expect(await starts('lost')).toEqual([1])
  } finally {
    await proxy.close()
  }
})

test.skipIf(!canOwnRedis)('calls wait for a Redis that is away', async () => {
  const job = await client.jobs.submit('sleep', { duration_ms: 1000 })
  await redis.stop()
  const calls = Promise.all([
    client.jobs.run('echo', 'later', { tags: ['away'] }),
    client.jobs.wait(job),
    Array.fromAsync(client.jobs.watch(job)),
    client.jobs.get(job),
  ])
  const impatient = connect(stack.api.url, 200).jobs.get(job)
  await expect(impatient).rejects.toMatchObject({ code: 'queue_unavailable', status: 503, retryAfterMs: 1000 })
  await redis.start()
  const [output, done, events] = await calls
  expect(output).toBe('later')
  expect(done).toMatchObject({ state: 'succeeded' })
  expect(events.at(-1)?.event).toBe('done')
  expect(await starts('away')).toEqual([1])
})
