import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import type { TenantLimits } from '../../../../src/api/access/keys-file.ts'
import type { FlowResource } from '../../../../src/api/flows/flow-resource.ts'
import type { JobResource } from '../../../../src/api/jobs/job-resource.ts'
import { connectRedis } from '../../../../src/queue/redis/connection.ts'
import { send } from '../../../helpers/client.ts'
import { echo, job, sleep } from '../../../helpers/flows.ts'
import { keysFile, makeKey } from '../../../helpers/keys-file.ts'
import { canOwnRedis, startOwnRedis } from '../../../helpers/own-redis.ts'
import { redisClient } from '../../../helpers/redis-client.ts'
import { startStack } from '../../../helpers/stack.ts'
import { waitFor } from '../../../helpers/wait-for.ts'
import { receiveWebhooks, webhookSecret } from '../../../helpers/webhook-receiver.ts'

type Body = JobResource & FlowResource & { code?: string; detail?: string }

/** An API whose tenant `acme` has limits, and what its client does. */
async function world(limits: TenantLimits, workers = 0, env: Record<string, string> = {}) {
  const acme = makeKey('acme')
  const { path } = await keysFile([acme], { acme: limits })
  const stack = await startStack({
    workers,
    env: { API_KEYS_FILE: path, PUBLIC_ENDPOINTS: 'metrics', WORKER_QUEUES: 'io:20', ...env },
  })
  const redis = await redisClient()
  const prefix = stack.env['KEY_PREFIX'] ?? ''
  const post = (path: string, body?: unknown, headers: Record<string, string> = {}) =>
    send<Body>('POST', `${stack.api.url}${path}`, { body, headers: { ...acme.headers, ...headers } })
  const get = (path: string) => send<Body>('GET', `${stack.api.url}${path}`, { headers: acme.headers })
  return {
    ...stack,
    acme,
    redis,
    post,
    get,
    flow: (flow: unknown, headers: Record<string, string> = {}) => post('/v1/flows', { flow }, headers),
    places: () => redis.zcard(`${prefix}:tenant:acme:waiting`),
    claims: async () => (await redis.keys(`${prefix}:claim:*`)).length,
    metrics: async () => (await fetch(`${stack.api.url}/metrics`)).text(),
  }
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)
const mapOver = (over: unknown, node: unknown = echo({ $item: '' })) => ({ map: { over, node } })

test('the jobs of maps whose items are in the request are counted when the flow is submitted', async () => {
  const { flow, places, post } = await world({ max_queued: 5 })
  const refused = await flow({ gather: [mapOver(numbers(1000)), mapOver(numbers(1000))] })
  expect([refused.status, refused.body.code]).toEqual([429, 'quota_exceeded'])
  // A map in a later step, and a map within a map.
  expect((await flow({ chain: [echo(1), mapOver(numbers(5))] })).status).toBe(429)
  expect((await flow(mapOver(numbers(2), mapOver(numbers(3))))).status).toBe(429)
  expect(await places()).toBe(0)
  const accepted = await flow({ chain: [echo(1), mapOver(numbers(4))] })
  expect([accepted.status, accepted.body.jobs, await places()]).toEqual([202, 5, 5])
  expect((await post('/v1/jobs', echo(1))).status).toBe(429)
})

test('a map whose items are in the request runs like any other, also within a map', async () => {
  const { flow, get, places } = await world({ max_queued: 50 }, 1)
  const { body } = await flow({
    chain: [echo(0), mapOver([{ a: 1 }, { a: 2 }], { chain: [echo({ $item: '/a' }), mapOver([[7], [8]])] })],
  })
  const done = await get(`/v1/flows/${body.id}/results`)
  expect(done.status).toBe(200)
  const ended = await waitFor(
    'the flow to end',
    async () => (await get(`/v1/flows/${body.id}`)).body,
    ({ done }) => done,
  )
  expect([ended.state, ended.jobs, ended.counts.succeeded]).toEqual(['succeeded', 7, 7])
  const { body: results } = await get(`/v1/flows/${body.id}/results`)
  expect(Object(results).items.at(-1).output).toEqual([
    [[7], [8]],
    [[7], [8]],
  ])
  expect(await places()).toBe(0)
})

test('retries of jobs and flows pass the same door as submissions', async () => {
  const { post, flow, get, places, metrics } = await world({ max_queued: 5 })
  const ids: string[] = []
  for (let round = 0; round < 7; round++) {
    const submitted = await Promise.all(numbers(5).map(() => post('/v1/jobs', echo(1))))
    expect(submitted.map(({ status }) => status)).toEqual(numbers(5).map(() => 202))
    ids.push(...submitted.map(({ body }) => body.id))
    await Promise.all(submitted.map(({ body }) => post(`/v1/jobs/${body.id}/cancel`)))
  }
  const retried = await Promise.all(ids.map((id) => post(`/v1/jobs/${id}/retry`)))
  expect(retried.filter(({ status }) => status === 202)).toHaveLength(5)
  expect(retried.filter(({ body }) => body.code === 'quota_exceeded')).toHaveLength(30)
  expect(await places()).toBe(5)
  const open = retried.flatMap(({ status, body }) => (status === 202 ? [body.id] : []))
  // A second retry of a waiting job is refused, and takes no place away from it.
  const again = await Promise.all(open.slice(1).map((id) => post(`/v1/jobs/${id}/retry`)))
  expect(again.map(({ status }) => status)).toEqual([409, 409, 409, 409])
  expect(await places()).toBe(5)
  await Promise.all(open.map((id) => post(`/v1/jobs/${id}/cancel`)))
  expect(await places()).toBe(0)

  const big = await flow({ gather: numbers(5).map((n) => echo(n)) })
  expect((await post(`/v1/flows/${big.body.id}/cancel`)).status).toBeLessThan(300)
  // A cancel of a flow gives the places back and counts the jobs that it ended.
  expect(await places()).toBe(0)
  expect(await metrics()).toContain('drover_jobs_ended_total{type="echo",state="canceled"} 45')
  await waitFor(
    'the flow to end',
    async () => (await get(`/v1/flows/${big.body.id}`)).body,
    ({ done }) => done,
  )
  expect((await post('/v1/jobs', echo(1))).status).toBe(202)
  const refused = await post(`/v1/flows/${big.body.id}/retry`)
  expect([refused.status, refused.body.code]).toEqual([429, 'quota_exceeded'])
})

test('jobs of maps and schedules count in the bytes of their tenant', { timeout: 120_000 }, async () => {
  const env = { RESULT_MIN_MS: '0' }
  const { api, acme, flow, post, get } = await world({ max_bytes: 60_000 }, 1, env)
  const text = 'x'.repeat(2000)
  const mapped = (node: unknown) => flow({ chain: [echo(numbers(60)), mapOver({ $output: '' }, node)] })
  const wide = await mapped(echo({ n: { $item: '' }, text }))
  const held = await waitFor(
    'the map to wait for room',
    async () => (await get(`/v1/flows/${wide.body.id}`)).body,
    ({ held_back }) => held_back !== null,
  )
  expect(held.held_back).toMatchObject({ code: 'quota_exceeded' })
  expect(held.held_back?.detail).toMatch(/^Your tenant is limited to 60000 bytes/)
  expect(held.jobs).toBeGreaterThan(5)
  expect(held.jobs).toBeLessThan(20)
  await post(`/v1/flows/${wide.body.id}/cancel`)

  const tooWide = await waitFor(
    'results to give way',
    () => mapped({ gather: numbers(60).map(() => echo({ $item: '' })) }),
    ({ status }) => status === 202,
  )
  const failed = await waitFor(
    'the map to fail',
    async () => (await get(`/v1/flows/${tooWide.body.id}`)).body,
    ({ done }) => done,
  )
  expect(failed.error).toMatchObject({
    code: 'quota_exceeded',
    message: expect.stringContaining('of 60000 that may be'),
  })

  const fill = () => post('/v1/jobs', echo(text.repeat(5), { delay_ms: 3_600_000 }))
  await waitFor('the quota to be used up', fill, ({ status }) => status === 429)
  const path = `${api.url}/v1/schedules/ticks`
  const body = { every_ms: 1000, job: echo(text.repeat(6)) }
  expect((await send<Body>('PUT', path, { body, headers: acme.headers })).status).toBe(201)
  const schedule = await waitFor(
    'the schedule to wait for room',
    async () => (await get('/v1/schedules/ticks')).body,
    ({ held_back }) => held_back !== null,
  )
  expect(schedule.held_back).toMatchObject({ code: 'quota_exceeded' })
})

test('jobs that expire unstarted give their places back', async () => {
  const { post, places } = await world({ max_queued: 2 })
  await post('/v1/jobs', echo(1, { start_within_ms: 1 }))
  await post('/v1/jobs', echo(1, { deadline_ms: 1 }))
  await waitFor('the places to be free', places, (count) => count === 0)
})

test('a flow counts as as many requests as it has jobs', async () => {
  const { flow, get } = await world({ requests_per_minute: 20 })
  const refused = await flow({ gather: numbers(9999).map((n) => echo(n)) })
  expect([refused.status, refused.body.code]).toEqual([429, 'quota_exceeded'])
  expect(refused.body.detail).toBe(
    'It counts as 9999 requests, one for each job, and your tenant is limited to 20 per minute.',
  )
  // The refusal has taken one request, not all.
  const accepted = await flow({ gather: numbers(10).map((n) => echo(n)) }, { 'idempotency-key': 'k' })
  expect([accepted.status, accepted.headers.get('ratelimit')]).toEqual([202, expect.stringContaining('r=9;')])
  expect((await flow({ gather: numbers(10).map((n) => echo(n)) })).status).toBe(429)
  const replayed = await flow({ gather: numbers(10).map((n) => echo(n)) }, { 'idempotency-key': 'k' })
  expect([replayed.status, replayed.headers.get('ratelimit')]).toEqual([202, expect.stringContaining('r=7;')])
  expect((await get('/v1/jobs')).status).toBe(200)
})

test('a refused idempotency key leaves no claim, and a key never makes two jobs', async () => {
  const { post, flow, claims, places, redis, env } = await world({ max_queued: 3 })
  const keyed = (n: number) => ({ 'idempotency-key': `key-${n}` })
  expect((await post('/v1/jobs', { type: 'nothing', input: 1 }, keyed(0))).status).toBe(404)
  expect((await post('/v1/jobs', { type: 'echo' }, keyed(0))).status).toBe(400)
  const many = await Promise.all(numbers(200).map((n) => post('/v1/jobs', echo(n), keyed(n))))
  expect(many.filter(({ status }) => status === 202)).toHaveLength(3)
  expect(many.filter(({ status }) => status === 429)).toHaveLength(197)
  expect((await flow({ gather: numbers(4).map((n) => echo(n)) }, keyed(999))).status).toBe(429)
  expect(await claims()).toBe(3)

  const [first] = many.flatMap(({ status, body }, n) => (status === 202 ? [{ n, id: body.id }] : []))
  if (!first) throw new Error('none was accepted')
  // Without room a replay is still answered, and another body is still a conflict.
  const replay = await post('/v1/jobs', echo(first.n), keyed(first.n))
  expect([replay.status, replay.body.id, replay.headers.get('ratelimit')]).toEqual([202, first.id, null])
  expect((await post('/v1/jobs', echo('other'), keyed(first.n))).status).toBe(422)

  await post(`/v1/jobs/${first.id}/cancel`)
  const together = await Promise.all(numbers(40).map(() => post('/v1/jobs', echo('one'), keyed(500))))
  const accepted = together.filter(({ status }) => status === 202)
  expect(new Set(accepted.map(({ body }) => body.id)).size).toBe(1)
  expect(await places()).toBe(3)
  expect(await redis.zcard(`${env['KEY_PREFIX']}:{io}:io:prioritized`)).toBe(3)
})

test.skipIf(!canOwnRedis)('a flow with a literal map cannot fill Redis: cancels and leases go on', async () => {
  const redis = await startOwnRedis(['--maxmemory', '24mb', '--maxmemory-policy', 'noeviction'])
  onTestFinished(() => redis.close())
  const { api } = await startStack({
    workers: 1,
    env: { REDIS_URL: redis.url, WORKER_QUEUES: 'io:1', LOCK_MS: '2000' },
  })
  const client = await connectRedis({ url: redis.url, role: 'client', name: 'test', log: pino({ level: 'silent' }) })
  onTestFinished(() => client.disconnect())
  const share = async () => {
    const info = await client.info('memory')
    const value = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1])
    return value('used_memory') / value('maxmemory')
  }
  const post = (path: string, body?: unknown) => send<Body>('POST', `${api.url}${path}`, { body })
  const running = await post('/v1/jobs', sleep(60_000))
  const flow = { chain: [echo(1), mapOver(numbers(1000).map((n) => ({ n, text: 'x'.repeat(1000) })))] }
  const statuses: number[] = []
  const ids: string[] = []
  for (let n = 0; n < 30; n++) {
    const { status, body } = await post('/v1/flows', { flow })
    statuses.push(status)
    if (status === 202) ids.push(body.id)
  }
  expect(new Set(statuses)).toEqual(new Set([202, 503]))
  expect(statuses.at(-1)).toBe(503)
  expect(await share()).toBeLessThan(0.8)
  expect((await post('/v1/jobs', job('echo', 'x'.repeat(7_000_000)))).status).toBe(503)
  const canceled = await Promise.all(ids.map((id) => post(`/v1/flows/${id}/cancel`)))
  for (const { status } of canceled) expect(status).toBeLessThan(300)
  const { body } = await send<Body>('GET', `${api.url}/v1/jobs/${running.body.id}`)
  expect([body.state, body.attempt]).toEqual(['running', 1])
  expect((await post(`/v1/jobs/${running.body.id}/cancel`)).status).toBe(202)
})

test.skipIf(!canOwnRedis)(
  'a webhook is not sent again while Redis is low on memory',
  { timeout: 120_000 },
  async () => {
    const redis = await startOwnRedis()
    onTestFinished(() => redis.close())
    const { api } = await startStack({
      workers: 1,
      env: { REDIS_URL: redis.url, WORKER_QUEUES: 'io:1', WEBHOOK_SECRETS: webhookSecret('a') },
    })
    const client = await connectRedis({ url: redis.url, role: 'client', name: 'test', log: pino({ level: 'silent' }) })
    onTestFinished(() => client.disconnect())
    const receiver = await receiveWebhooks()
    const { body } = await send<Body>('POST', `${api.url}/v1/jobs`, {
      body: { ...echo(1), webhook: { url: receiver.url } },
    })
    const deliveries = `${api.url}/v1/jobs/${body.id}/deliveries`
    const readDeliveries = () => send<{ items: { id: string; done: boolean }[] }>('GET', deliveries)
    const { body: sent } = await waitFor('the delivery', readDeliveries, (read) => read.body.items[0]?.done === true)
    const resend = () => send<{ code: string }>('POST', `${deliveries}/${sent.items[0]?.id}/resend`)
    const used = Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))?.[1])
    await client.config('SET', 'maxmemory', Math.round(used * 1.1))
    const refused = await waitFor('the refusal', resend, ({ status }) => status === 503)
    expect(refused.body.code).toBe('redis_full')
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/)
    await client.config('SET', 'maxmemory', 0)
    await waitFor('room', resend, ({ status }) => status === 202)
  },
)
