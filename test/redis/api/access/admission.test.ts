import { pino } from 'pino'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { JobResource } from '../../../../src/api/jobs/job-resource.ts'
import { connectRedis } from '../../../../src/queue/redis/connection.ts'
import { read, send, submit } from '../../../helpers/client.ts'
import { keysFile, makeKey } from '../../../helpers/keys-file.ts'
import { canOwnRedis, startOwnRedis } from '../../../helpers/own-redis.ts'
import { redisClient } from '../../../helpers/redis-client.ts'
import { startStack } from '../../../helpers/stack.ts'

interface Refusal {
  code: string
  detail: string
}

const echo = { type: 'echo', input: 1 }
const count = (statuses: number[]) =>
  Object.fromEntries([...Map.groupBy(statuses, (status) => status)].map(([status, all]) => [status, all.length]))

test('the requests per minute of a tenant are limited over all API processes, those of others are not', async () => {
  const [acme, other] = [makeKey('acme'), makeKey('other')]
  const { path } = await keysFile([acme, other], { acme: { requests_per_minute: 20 } })
  const { api, addApi } = await startStack({ workers: 0, env: { API_KEYS_FILE: path } })
  const apis = [api, await addApi()]
  const ask = (key: typeof acme, n: number) =>
    send<Refusal>('GET', `${apis[n % 2]?.url}/v1/jobs`, { headers: key.headers })
  const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => ask(acme, n)))
  expect(count(answers.map(({ status }) => status))).toEqual({ 200: 20, 429: 10 })
  const refused = answers.find(({ status }) => status === 429)
  expect(refused?.body.code).toBe('quota_exceeded')
  expect(refused?.headers.get('ratelimit-policy')).toBe('"requests";q=20;w=60')
  expect(refused?.headers.get('ratelimit')).toMatch(/^"requests";r=0;t=\d+$/)
  const retryAfter = Number(refused?.headers.get('retry-after'))
  expect(retryAfter).toBeGreaterThan(0)
  expect(retryAfter).toBeLessThanOrEqual(60)
  const left = answers.flatMap(({ headers }) => /r=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1] ?? [])
  expect(Math.max(...left.map(Number))).toBe(19)
  const theirs = await ask(other, 0)
  expect([theirs.status, theirs.headers.get('ratelimit')]).toEqual([200, null])
})

test('the waiting jobs of a tenant never exceed its limit, and there is room again when jobs start or are canceled', async () => {
  const [acme, other] = [makeKey('acme'), makeKey('other')]
  const { path } = await keysFile([acme, other], { acme: { max_queued: 10 } })
  const { api, addApi, addWorker, env } = await startStack({ workers: 0, env: { API_KEYS_FILE: path } })
  const apis = [api, await addApi()]
  const add = (n: number, key = acme, headers: Record<string, string> = {}) =>
    send<JobResource & Refusal>('POST', `${apis[n % 2]?.url}/v1/jobs`, {
      body: echo,
      headers: { ...key.headers, ...headers },
    })
  const addMany = (many: number) => Promise.all(Array.from({ length: many }, (_, n) => add(n)))
  const answers = await addMany(40)
  expect(count(answers.map(({ status }) => status))).toEqual({ 202: 10, 429: 30 })
  const refused = answers.find(({ status }) => status === 429)
  expect(refused?.body).toMatchObject({ code: 'quota_exceeded', detail: 'Your tenant is limited to 10 waiting jobs.' })
  expect(refused?.headers.get('ratelimit')).toBe('"queued";r=0')
  expect(refused?.headers.get('retry-after')).toBe('5')
  expect((await add(0, other)).status).toBe(202)

  const ids = answers.flatMap(({ status, body }) => (status === 202 ? [body.id] : []))
  const cancel = await send('POST', `${api.url}/v1/jobs/${ids[0]}/cancel`, { headers: acme.headers })
  expect(cancel.status).toBe(200)
  const afterCancel = await addMany(3)
  expect(count(afterCancel.map(({ status }) => status))).toEqual({ 202: 1, 429: 2 })

  const keyed = { 'idempotency-key': 'k' }
  expect((await add(0, acme, keyed)).status).toBe(429)
  await addWorker()
  const redis = await redisClient()
  await vi.waitFor(async () => expect(await redis.exists(`${env['KEY_PREFIX']}:tenant:acme:waiting`)).toBe(0), 5000)
  const accepted = await add(0, acme, keyed)
  expect([accepted.status, accepted.headers.get('idempotent-replayed')]).toEqual([202, null])
  expect((await add(1, acme, keyed)).body.id).toBe(accepted.body.id)
})

test('a place in the quota that outlives its job is given up', async () => {
  const acme = makeKey('acme')
  const { path } = await keysFile([acme], { acme: { max_queued: 3 } })
  const { api, env } = await startStack({ workers: 0, env: { API_KEYS_FILE: path } })
  const add = (more: object = {}) =>
    send<JobResource>('POST', `${api.url}/v1/jobs`, { body: { ...echo, ...more }, headers: acme.headers })
  const redis = await redisClient()
  // As of a process that died between taking the place and storing the job.
  await redis.zadd(`${env['KEY_PREFIX']}:tenant:acme:waiting`, 1, 'io_01m82n0yt6a17zs46knkfzwasz')
  const late = await add({ start_within_ms: 1 })
  const kept = await add()
  expect([late.status, kept.status]).toEqual([202, 202])
  await vi.waitFor(async () => {
    const { body } = await send<JobResource>('GET', `${api.url}/v1/jobs/${late.body.id}`, { headers: acme.headers })
    expect(body.state).toBe('expired')
  }, 5000)
  expect(count([(await add()).status, (await add()).status])).toEqual({ 202: 2 })
  expect((await add()).status).toBe(429)
})

test('a full queue refuses jobs with 503 queue_full', async () => {
  const { api, addWorker } = await startStack({ workers: 0, env: { QUEUE_DEPTH_LIMIT: '50' } })
  const answers = await Promise.all(Array.from({ length: 80 }, () => submit(api.url, 'echo', 1)))
  expect(count(answers.map(({ status }) => status))).toEqual({ 202: 50, 503: 30 })
  const refused = answers.find(({ status }) => status === 503)
  expect(refused?.body).toMatchObject({ code: 'queue_full' })
  expect(refused?.headers.get('retry-after')).toBe('1')
  // Another queue is another matter.
  expect((await submit(api.url, 'burn-cpu', { duration_ms: 0 })).status).toBe(202)
  await addWorker()
  await vi.waitFor(async () => expect((await submit(api.url, 'echo', 1)).status).toBe(202), 5000)
  const [last] = answers.filter(({ status }) => status === 202)
  expect((await read(api.url, last?.body.id ?? '', 5)).body.state).toBe('succeeded')
})

test.skipIf(!canOwnRedis)('jobs are refused when Redis is low on memory', async () => {
  const redis = await startOwnRedis()
  onTestFinished(() => redis.close())
  const { api } = await startStack({ workers: 0, env: { REDIS_URL: redis.url } })
  const client = await connectRedis({ url: redis.url, role: 'client', name: 'test', log: pino({ level: 'silent' }) })
  onTestFinished(() => client.disconnect())
  const used = async () => Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))?.[1])
  /** Gives Redis `share` times the memory that it uses until a submission is answered so. */
  const becomes = (code: string | undefined, share: number) =>
    vi.waitFor(
      async () => {
        await client.config('SET', 'maxmemory', String(Math.round(share * (await used()))))
        const answer = await submit(api.url, 'echo', 1)
        expect(Object(answer.body).code).toBe(code)
        return answer
      },
      { timeout: 30_000, interval: 200 },
    )
  await becomes(undefined, 2)
  const refused = await becomes('redis_full', 1.3)
  expect(refused.status).toBe(503)
  expect(Object(refused.body).detail).toMatch(/^Redis uses .* MB of .* MB: about 0.0 MB in jobs that wait or run/)
  // A job that ended now could give way after a minute, RESULT_MIN_MS.
  expect(refused.headers.get('retry-after')).toBe('60')
  await becomes(undefined, 0)
})
