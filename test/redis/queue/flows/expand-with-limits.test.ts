import { expect, test } from 'vitest'
import type { TenantLimits } from '../../../../src/api/access/keys-file.ts'
import type { FlowResource } from '../../../../src/api/flows/flow-resource.ts'
import type { JobResource } from '../../../../src/api/jobs/job-resource.ts'
import { send } from '../../../helpers/client.ts'
import { echo, sleep } from '../../../helpers/flows.ts'
import { keysFile, makeKey } from '../../../helpers/keys-file.ts'
import { redisClient } from '../../../helpers/redis-client.ts'
import { startStack } from '../../../helpers/stack.ts'
import { waitFor } from '../../../helpers/wait-for.ts'

type Body = JobResource & FlowResource & { code?: string }

async function world(limits: TenantLimits, env: Record<string, string> = {}) {
  const acme = makeKey('acme')
  const { path } = await keysFile([acme], { acme: limits })
  const stack = await startStack({ workers: 1, env: { API_KEYS_FILE: path, WORKER_QUEUES: 'io:3', ...env } })
  const redis = await redisClient()
  const prefix = stack.env['KEY_PREFIX'] ?? ''
  const call = (method: string, path: string, body?: unknown) =>
    send<Body>(method, `${stack.api.url}${path}`, { body, headers: acme.headers })
  const read = async (id: string) => (await call('GET', `/v1/flows/${id}`)).body
  return {
    ...stack,
    redis,
    prefix,
    read,
    submit: (flow: unknown) => call('POST', '/v1/flows', { flow }),
    cancel: (id: string) => call('POST', `/v1/flows/${id}/cancel`),
    retry: (id: string) => call('POST', `/v1/flows/${id}/retry`),
    ended: (id: string) =>
      waitFor(
        'the flow to end',
        () => read(id),
        ({ done }) => done,
        { withinMs: 60_000 },
      ),
    places: () => redis.zcard(`${prefix}:tenant:acme:waiting`),
    /** The jobs that have neither started nor ended. */
    waiting: async () => {
      const sets = ['prioritized', 'delayed', 'waiting-children']
      const counts = await Promise.all(sets.map((set) => redis.zcard(`${prefix}:{io}:io:${set}`)))
      return counts.reduce((sum, count) => sum + count, 0)
    },
  }
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)
const mapped = (count: number, node: unknown, more: object = {}) => ({
  chain: [echo(numbers(count)), { map: { over: { $output: '' }, node, ...more } }],
})

test('two maps expand as far as the tenant may have waiting jobs, say that they wait, and go on', {
  timeout: 120_000,
}, async () => {
  const { api, submit, read, ended, places, waiting } = await world({ max_queued: 5 })
  // At once: the map of one that comes later finds no room.
  const flows = await Promise.all([
    submit(mapped(60, sleep(20))),
    submit(mapped(60, { chain: [sleep(10), echo({ $item: '' })] })),
  ])
  expect(flows.map(({ status }) => status)).toEqual([202, 202])
  const seen = { most: 0, held: new Set<string>() }
  const isOver = new AbortController()
  const watching = (async () => {
    while (!isOver.signal.aborted) {
      seen.most = Math.max(seen.most, await waiting(), await places())
      for (const { body } of flows) {
        const { held_back } = await read(body.id)
        if (held_back) seen.held.add(held_back.code)
      }
    }
  })()
  const all = await Promise.all(flows.map(({ body }) => ended(body.id)))
  isOver.abort()
  await watching
  expect(
    all.map(({ state, jobs, counts, held_back }) => ({ state, jobs, succeeded: counts.succeeded, held_back })),
  ).toEqual([
    { state: 'succeeded', jobs: 61, succeeded: 61, held_back: null },
    { state: 'succeeded', jobs: 121, succeeded: 121, held_back: null },
  ])
  expect(seen.most).toBeLessThanOrEqual(5)
  expect(seen.held).toEqual(new Set(['quota_exceeded']))
  const { body } = await send<{ items: { output: unknown[] }[] }>(
    'GET',
    `${api.url}/v1/flows/${flows[1]?.body.id}/results`,
  )
  expect(body).toBeDefined()
  expect(api.logs.filter(({ msg }) => msg === 'a map of a flow waits for room').length).toBeLessThanOrEqual(2)
})

test('a map that waits for room is canceled with its flow, and goes on in the next run', {
  timeout: 120_000,
}, async () => {
  const { submit, read, cancel, retry, ended, places } = await world({ max_queued: 2 })
  const { body } = await submit(mapped(30, sleep(400), { on_failure: 'continue' }))
  const held = await waitFor(
    'the map to wait',
    () => read(body.id),
    ({ held_back }) => held_back !== null,
  )
  expect(held.held_back).toEqual({
    code: 'quota_exceeded',
    detail: 'Your tenant is limited to 2 waiting jobs.',
    since: expect.any(String),
  })
  expect((await cancel(body.id)).status).toBeLessThan(300)
  const canceled = await ended(body.id)
  expect(canceled.state).toBe('canceled')
  await waitFor('all places to be left', places, (count) => count === 0)
  expect(canceled.jobs).toBeLessThan(31)
  expect((await retry(body.id)).status).toBe(202)
  const done = await ended(body.id)
  expect([done.state, done.jobs, done.counts.succeeded]).toEqual(['succeeded', 31, 31])
})

test('a map that fails fast while it waits for room ends without the rest', async () => {
  const { submit, ended, places } = await world({ max_queued: 2 })
  const { body } = await submit(mapped(30, { type: 'sleep', input: { duration_ms: 1, fail_at: 0 } }))
  const done = await ended(body.id)
  expect(done.state).toBe('failed')
  await waitFor('all places to be left', places, (count) => count === 0)
  expect(done.jobs).toBeLessThan(31)
})

test('a map fails when only its own flow takes the places that it waits for', { timeout: 120_000 }, async () => {
  const { submit, ended, places } = await world({ max_queued: 4 })
  const waitsForMap = { gather: numbers(2).map((n) => echo(n)) }
  const item = { chain: [echo(1), echo(2), echo(3)] }
  const { body } = await submit({
    chain: [echo(numbers(3)), { map: { over: { $output: '' }, node: item } }, waitsForMap, echo(1)],
  })
  const stuck = await ended(body.id)
  expect([stuck.state, stuck.error?.code]).toEqual(['failed', 'quota_exceeded'])
  await waitFor('all places to be left', places, (count) => count === 0)
  const tooLarge = await submit(mapped(3, { gather: numbers(5).map((n) => echo(n)) }))
  expect((await ended(tooLarge.body.id)).error).toMatchObject({
    code: 'quota_exceeded',
    message: 'an element takes 5 jobs, of 4 that may wait',
  })
})

test('a map waits while its queue is full', { timeout: 120_000 }, async () => {
  const { submit, read, ended } = await world({}, { QUEUE_DEPTH_LIMIT: '10' })
  const { body } = await submit(mapped(40, sleep(30)))
  const held = await waitFor(
    'the map to wait',
    () => read(body.id),
    ({ held_back }) => held_back !== null,
  )
  expect(held.held_back?.code).toBe('queue_full')
  expect((await ended(body.id)).counts.succeeded).toBe(41)
})
