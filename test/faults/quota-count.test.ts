import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { send } from '../helpers/client.ts'
import { echo, sleep } from '../helpers/flows.ts'
import { keysFile, makeKey } from '../helpers/keys-file.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

const maxQueued = 12
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

type Op =
  | { kind: 'job'; body: object; key: number | undefined }
  | { kind: 'flow'; flow: object }
  | { kind: 'cancel' | 'retry'; of: number }

const size = fc.integer({ min: 1, max: 8 })
const job = fc.oneof(
  fc.constant(sleep(5)),
  fc.constant(sleep(60)),
  fc.constant(echo(1, { delay_ms: 400 })),
  fc.constant(echo(1, { delay_ms: 5000, start_within_ms: 1 })),
  fc.constant(sleep(2000, { deadline_ms: 300 })),
)
const flow = fc.oneof(
  size.map((count) => ({ gather: numbers(count).map((n) => echo(n)) })),
  size.map((count) => ({ chain: numbers(count).map(() => sleep(10)) })),
  size.map((count) => ({ map: { over: numbers(count), node: echo({ $item: '' }) } })),
  fc.integer({ min: 1, max: 40 }).map((count) => ({
    chain: [echo(numbers(count)), { map: { over: { $output: '' }, node: sleep(15), on_failure: 'continue' } }],
  })),
  fc.constant({ gather: [{ type: 'sleep', input: { duration_ms: 1, fail_at: 0 } }, sleep(500)] }),
)
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('job' as const),
      body: job,
      key: fc.option(fc.nat(20), { nil: undefined }),
    }),
  },
  { weight: 3, arbitrary: flow.map((flow) => ({ kind: 'flow' as const, flow })) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('cancel' as const, 'retry' as const), of: fc.nat(500) }) },
)

test('the count of waiting jobs never exceeds its limit and never drifts, whatever clients do and processes suffer', {
  timeout: 240_000,
}, async () => {
  const seed = Date.now() % 1_000_000
  const ops = fc.sample(op, { numRuns: 700, seed })
  const acme = makeKey('acme')
  const { path } = await keysFile([acme], { acme: { max_queued: maxQueued } })
  const env = { API_KEYS_FILE: path, WORKER_QUEUES: 'io:4', LOCK_MS: '5000' }
  const stack = await startStack({ workers: 2, env })
  const { api, addApi, addWorker, workers } = stack
  const stable = await addApi()
  const redis = await redisClient('worker')
  const prefix = `${stack.env['KEY_PREFIX']}:{io}:io:`
  const places = () => redis.zrange(`${stack.env['KEY_PREFIX']}:tenant:acme:waiting`, 0, '-1')
  /** The jobs that have neither started in their run nor ended. */
  const waiting = async (): Promise<string[]> => {
    const sets = ['prioritized', 'delayed', 'waiting-children']
    const ids = (await Promise.all(sets.map((set) => redis.zrange(`${prefix}${set}`, 0, '-1')))).flat()
    const started = await Promise.all(ids.map((id) => redis.hexists(`${prefix}${id}`, 'processedOn')))
    return [...new Set(ids.filter((_, n) => started[n] === 0))].sort()
  }
  let most = 0
  const isOver = new AbortController()
  const watching = (async () => {
    while (!isOver.signal.aborted) most = Math.max(most, (await waiting()).length, (await places()).length)
  })()

  const made: string[] = []
  const statuses = new Set<number>()
  const post = async (path: string, body?: unknown, key?: number) => {
    const headers = { ...acme.headers, ...(key !== undefined && { 'idempotency-key': `k${key}` }) }
    // The process of some requests is killed while it works on them.
    const url = Math.random() < 0.3 && !apiIsGone ? api.url : stable.url
    const answer = await send<JobResource>('POST', `${url}${path}`, { body, headers }).catch(() => undefined)
    if (answer) statuses.add(answer.status)
    return answer
  }
  let apiIsGone = false
  const run = async (op: Op) => {
    if (op.kind === 'job' || op.kind === 'flow') {
      const answer = await (op.kind === 'job'
        ? post('/v1/jobs', op.body, op.key)
        : post('/v1/flows', { flow: op.flow }))
      if (answer?.status === 202) made.push(`/v1/${op.kind}s/${answer.body.id}`)
    } else if (made.length > 0) await post(`${made[op.of % made.length]}/${op.kind}`)
  }
  for (const [n, some] of [...Map.groupBy(ops.entries(), ([n]) => Math.floor(n / 5)).values()].entries()) {
    await Promise.all(some.map(([, op]) => run(op)))
    if (n === 40) {
      workers[0]?.signal('SIGKILL')
      await addWorker()
    }
    if (n === 80) {
      apiIsGone = true
      api.signal('SIGKILL')
    }
  }
  const all = await Promise.all(made.map((path) => send('GET', `${stable.url}${path}`, { headers: acme.headers })))
  expect(all.filter(({ status }) => status >= 500)).toEqual([])
  // On a busy machine a worker may have given up.
  await addWorker()
  await waitFor('the jobs to be done', waiting, (ids) => ids.length === 0, { withinMs: 90_000, everyMs: 100 })
  // A place of a process that died is found after a while.
  await waitFor('the places to be those of waiting jobs', places, (ids) => ids.length === 0, { withinMs: 90_000 })
  isOver.abort()
  await watching
  expect(statuses, `seed ${seed}`).toContain(429)
  expect(statuses, `seed ${seed}`).toContain(202)
  expect(most, `seed ${seed}`).toBeLessThanOrEqual(maxQueued)
  expect(most, `seed ${seed}`).toBeGreaterThan(maxQueued / 2)
})

test('waiting jobs whose places were lost get them back, and places without a job are freed', {
  timeout: 60_000,
}, async () => {
  const acme = makeKey('acme')
  const { path } = await keysFile([acme], { acme: { max_queued: 5 } })
  const { api, env } = await startStack({ workers: 0, env: { API_KEYS_FILE: path } })
  const redis = await redisClient()
  const key = `${env['KEY_PREFIX']}:tenant:acme:waiting`
  const submit = () => send<JobResource>('POST', `${api.url}/v1/jobs`, { body: echo(1), headers: acme.headers })
  const ids = (await Promise.all(numbers(4).map(submit))).map(({ body }) => body.id).sort()
  await redis.del(key)
  await redis.zadd(key, 1, 'io_01m82n0yt6a17zs46knkfzwasz')
  const now = () => redis.zrange(key, 0, '-1')
  await waitFor('the places of the jobs', now, (found) => found.sort().join() === ids.join(), { withinMs: 60_000 })
})
